#include "base/random.h"

#include <cmath>
#include <numbers>

#include "base/sha256.h"

namespace bitemark {

Pcg32::Pcg32(std::uint64_t seed, std::uint64_t stream) : increment_((stream << 1U) | 1U) {
  next();
  state_ += seed;
  next();
}

std::uint32_t Pcg32::next() {
  const std::uint64_t old = state_;
  state_ = old * 6364136223846793005ULL + increment_;
  const auto xorshifted = static_cast<std::uint32_t>(((old >> 18U) ^ old) >> 27U);
  const auto rotation = static_cast<std::uint32_t>(old >> 59U);
  return (xorshifted >> rotation) | (xorshifted << ((32U - rotation) & 31U));
}

double Pcg32::uniform() {
  const std::uint64_t high = next() >> 5U;  // 27 bits
  const std::uint64_t low = next() >> 6U;   // 26 bits
  return static_cast<double>(high * 67108864ULL + low) * 0x1.0p-53;
}

std::uint32_t Pcg32::below(std::uint32_t n) {
  const std::uint32_t threshold = (0U - n) % n;
  while (true) {
    const std::uint32_t value = next();
    if (value >= threshold) return value % n;
  }
}

double Pcg32::normal() {
  const double radius = std::sqrt(-2.0 * std::log(1.0 - uniform()));  // 1 - u is never 0
  return radius * std::cos(2.0 * std::numbers::pi * uniform());
}

Pcg32 stream_for(std::uint64_t seed, std::string_view path) { return {seed, seed_from_text(path)}; }

std::uint64_t seed_from_text(std::string_view text) {
  const Digest digest = sha256(text);
  std::uint64_t seed = 0;
  for (int i = 0; i < 8; ++i) seed = (seed << 8U) | digest[static_cast<std::size_t>(i)];
  return seed;
}

}  // namespace bitemark
