#include "sim/texture.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>

namespace bitemark::sim {
namespace {

constexpr int kSize = 512;

float hash01(std::uint32_t x, std::uint32_t y, std::uint32_t salt) {
  std::uint32_t h = x * 0x9e3779b1U ^ y * 0x85ebca77U ^ salt * 0xc2b2ae3dU;
  h = (h ^ h >> 15U) * 0x2c1b3c6dU;
  h = (h ^ h >> 12U) * 0x297a2d39U;
  return static_cast<float>((h ^ h >> 15U) >> 8U) * 0x1.0p-24F;
}

/// Value noise in [-1, 1] that repeats after `period_x`, `period_y` lattice cells.
float noise(float x, float y, int period_x, int period_y, std::uint32_t salt) {
  const float fx = std::floor(x), fy = std::floor(y);
  const auto wrap = [](int i, int period) { return static_cast<std::uint32_t>(((i % period) + period) % period); };
  const int i = static_cast<int>(fx), j = static_cast<int>(fy);
  const auto lattice = [&](int a, int b) { return hash01(wrap(i + a, period_x), wrap(j + b, period_y), salt); };
  const float u = x - fx, v = y - fy;
  const float su = u * u * (3 - 2 * u), sv = v * v * (3 - 2 * v);
  const float top = lattice(0, 0) + su * (lattice(1, 0) - lattice(0, 0));
  const float low = lattice(0, 1) + su * (lattice(1, 1) - lattice(0, 1));
  return 2 * (top + sv * (low - top)) - 1;
}

/// Octaves from `cells` lattice cells a tile upwards, each half as strong.
float fractal(float u, float v, int cells, int octaves, std::uint32_t salt) {
  float sum = 0, weight = 1;
  for (int o = 0; o < octaves; ++o, cells *= 2, weight *= 0.5F) {
    sum += weight * noise(u * static_cast<float>(cells), v * static_cast<float>(cells), cells, cells,
                          salt + static_cast<std::uint32_t>(o));
  }
  return sum;
}

template <typename F>
Texture make(F&& value) {
  std::vector<float> values(static_cast<std::size_t>(kSize) * kSize);
  for (int y = 0; y < kSize; ++y) {
    for (int x = 0; x < kSize; ++x) {
      values[static_cast<std::size_t>(y) * kSize + static_cast<std::size_t>(x)] =
          value((static_cast<float>(x) + 0.5F) / kSize, (static_cast<float>(y) + 0.5F) / kSize);
    }
  }
  return Texture(std::move(values));
}

float wood(float u, float v) {
  const float plank_position = v * 8;
  const auto plank = static_cast<std::uint32_t>(plank_position);
  const float across = plank_position - static_cast<float>(plank);
  const float shift = hash01(plank, 1, 7);
  const float board = u * 2 + shift;  // two boards a tile along each plank
  const float along = board - std::floor(board);
  const auto which = static_cast<std::uint32_t>(std::floor(board)) % 2U;
  const float tone = 0.34F * (hash01(plank, which, 9) - 0.5F);
  const float grain =
      0.16F * noise(u * 12, v * 96, 12, 96, plank) + 0.09F * noise(u * 24, v * 256, 24, 256, 40 + plank);
  const bool joint = across < 0.05F || along < 0.007F;
  return joint ? 0.52F : 1.0F + tone + grain;
}

float tiles(float u, float v) {
  const float x = u * 8, y = v * 8;
  const auto i = static_cast<std::uint32_t>(x), j = static_cast<std::uint32_t>(y);
  const float a = x - static_cast<float>(i), b = y - static_cast<float>(j);
  if (a < 0.05F || b < 0.05F) return 0.6F;
  const float square = (i + j) % 2 == 0 ? 1.12F : 0.84F;
  return square + 0.16F * (hash01(i, j, 3) - 0.5F) + 0.05F * fractal(u, v, 32, 3, 11);
}

float plaster(float u, float v) { return 1.0F + 0.13F * fractal(u, v, 6, 5, 21); }

float canvas(float u, float v) {
  const int threads = 64;
  const float x = u * threads, y = v * threads;
  const auto i = static_cast<std::uint32_t>(x), j = static_cast<std::uint32_t>(y);
  const float a = x - static_cast<float>(i) - 0.5F, b = y - static_cast<float>(j) - 0.5F;
  const float over = (i + j) % 2 == 0 ? a : b;
  return 1.05F - 0.55F * over * over + 0.14F * (hash01(i, 0, 31) + hash01(0, j, 33) - 1.0F) +
         0.14F * fractal(u, v, 5, 3, 35);
}

float sand(float u, float v) {
  return 1.0F + 0.10F * fractal(u, v, 4, 3, 61) + 0.20F * noise(u * 128, v * 128, 128, 128, 67);
}

float crumb(float u, float v) { return 1.0F + 0.22F * fractal(u, v, 10, 4, 51); }

}  // namespace

Texture::Texture(std::vector<float> values) : values_(std::move(values)) {
  size_ = static_cast<int>(std::lround(std::sqrt(static_cast<double>(values_.size()))));
  levels_ = 1;
  std::size_t fine = 0;  // where the level begins that is made smaller
  for (auto n = static_cast<std::size_t>(size_); n > 1; n /= 2, ++levels_) {
    for (std::size_t y = 0; y < n; y += 2) {
      for (std::size_t x = 0; x < n; x += 2) {
        const std::size_t p = fine + y * n + x;
        values_.push_back(0.25F * (values_[p] + values_[p + 1] + values_[p + n] + values_[p + n + 1]));
      }
    }
    fine += n * n;
  }
}

namespace {

/// std::floor for |x| < 2^31, without a call.
inline float floor_of(float x) {
  const auto whole = static_cast<float>(static_cast<int>(x));
  return whole > x ? whole - 1 : whole;
}

constexpr int kMostLevels = 12;

/// Bilinear in the level whose texels are about as wide as the sample; no branches.
inline float bilinear(const float* values, int size, int levels, float u, float v, float footprint) {
  const float texels = footprint * static_cast<float>(size);
  int level = 0;
  float limit = 1.5F;
  for (int k = 1; k < kMostLevels; ++k, limit *= 2) level += texels > limit ? 1 : 0;  // halved until it is 1.5 at most
  level = level < levels - 1 ? level : levels - 1;
  const int side = size >> level, mask = side - 1;
  const float* map = values + 4 * (size * size - side * side) / 3;  // behind the finer levels: a geometric series
  const float x = (u - floor_of(u)) * static_cast<float>(side) - 0.5F;
  const float y = (v - floor_of(v)) * static_cast<float>(side) - 0.5F;
  const int i = static_cast<int>(x + 1.0F) - 1, j = static_cast<int>(y + 1.0F) - 1;  // floor for x >= -1
  const float a = x - static_cast<float>(i), b = y - static_cast<float>(j);
  const int left = i & mask, right = (i + 1) & mask;
  const int top = (j & mask) * side, low = ((j + 1) & mask) * side;
  const float upper = map[top + left] + a * (map[top + right] - map[top + left]);
  const float lower = map[low + left] + a * (map[low + right] - map[low + left]);
  return upper + b * (lower - upper);
}

BITEMARK_WIDE void bilinear_lanes(const float* values, int size, int levels, const float* u, const float* v,
                                  const float* footprint, int count, float* value) {
  for (int i = 0; i < count; ++i) value[i] = bilinear(values, size, levels, u[i], v[i], footprint[i]);
}

}  // namespace

float Texture::sample(float u, float v, float footprint) const {
  return bilinear(values_.data(), size_, levels_, u, v, footprint);
}

void Texture::sample(const Lanes& u, const Lanes& v, const Lanes& footprint, int count, Lanes& value) const {
  bilinear_lanes(values_.data(), size_, levels_, u.value.data(), v.value.data(), footprint.value.data(), count,
                 value.value.data());
}

const Texture& wood_texture() {
  static const Texture texture = make(wood);
  return texture;
}
const Texture& tiles_texture() {
  static const Texture texture = make(tiles);
  return texture;
}
const Texture& plaster_texture() {
  static const Texture texture = make(plaster);
  return texture;
}
const Texture& canvas_texture() {
  static const Texture texture = make(canvas);
  return texture;
}
const Texture& sand_texture() {
  static const Texture texture = make(sand);
  return texture;
}
const Texture& crumb_texture() {
  static const Texture texture = make(crumb);
  return texture;
}

}  // namespace bitemark::sim
