#include "model/noise.h"

#include <cmath>
#include <numbers>

namespace bitemark::model {
namespace {

constexpr std::uint32_t kMultiplier0 = 0xD2511F53U;
constexpr std::uint32_t kMultiplier1 = 0xCD9E8D57U;
constexpr std::uint32_t kWeyl0 = 0x9E3779B9U;
constexpr std::uint32_t kWeyl1 = 0xBB67AE85U;

float unit(std::uint32_t bits) { return (static_cast<float>(bits >> 8U) + 0.5F) * 0x1.0p-24F; }  // in (0, 1)

}  // namespace

std::array<std::uint32_t, 4> philox(std::array<std::uint32_t, 4> counter, std::array<std::uint32_t, 2> key) {
  for (int round = 0; round < 10; ++round) {
    const std::uint64_t a = std::uint64_t{kMultiplier0} * counter[0];
    const std::uint64_t b = std::uint64_t{kMultiplier1} * counter[2];
    counter = {static_cast<std::uint32_t>(b >> 32U) ^ counter[1] ^ key[0], static_cast<std::uint32_t>(b),
               static_cast<std::uint32_t>(a >> 32U) ^ counter[3] ^ key[1], static_cast<std::uint32_t>(a)};
    key[0] += kWeyl0;
    key[1] += kWeyl1;
  }
  return counter;
}

Tensor normal_noise(at::IntArrayRef shape, const NoiseKey& key) {
  Tensor noise = at::empty(shape, at::kFloat);
  float* out = noise.data_ptr<float>();
  const std::int64_t count = noise.numel();
  const std::array<std::uint32_t, 2> seed{static_cast<std::uint32_t>(key.seed),
                                          static_cast<std::uint32_t>(key.seed >> 32U)};
  for (std::int64_t i = 0; i < count; i += 4) {
    const auto index = static_cast<std::uint64_t>(i / 4);
    const auto bits = philox(
        {static_cast<std::uint32_t>(index), static_cast<std::uint32_t>(index >> 32U), key.frame, key.step}, seed);
    for (int pair = 0; pair < 2; ++pair) {
      const float radius = std::sqrt(-2.0F * std::log(unit(bits[static_cast<std::size_t>(2 * pair)])));
      const float angle = 2.0F * std::numbers::pi_v<float> * unit(bits[static_cast<std::size_t>(2 * pair + 1)]);
      if (i + 2 * pair < count) out[i + 2 * pair] = radius * std::cos(angle);
      if (i + 2 * pair + 1 < count) out[i + 2 * pair + 1] = radius * std::sin(angle);
    }
  }
  return noise;
}

}  // namespace bitemark::model
