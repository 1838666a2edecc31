#include "sim/voxel/block_texture.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <vector>

#include "sim/palette.h"

namespace bitemark::sim {
namespace {

float hash01(int x, int y, int salt) {
  std::uint32_t h = static_cast<std::uint32_t>(x) * 0x9e3779b1U ^ static_cast<std::uint32_t>(y) * 0x85ebca77U ^
                    static_cast<std::uint32_t>(salt) * 0xc2b2ae3dU;
  h = (h ^ h >> 15U) * 0x2c1b3c6dU;
  h = (h ^ h >> 12U) * 0x297a2d39U;
  return static_cast<float>((h ^ h >> 15U) >> 8U) * 0x1.0p-24F;
}

/// Grain of one texel about 1, coarse patches and fine specks.
float grain(int x, int y, int salt, float coarse, float fine) {
  return 1 + coarse * (hash01(x / 4, y / 3, salt) - 0.5F) + fine * (hash01(x, y, salt + 1) - 0.5F);
}

V3 grass_top(int x, int y) { return grain(x, y, 11, 0.14F, 0.34F) * to_linear({104, 152, 62}); }
V3 dirt(int x, int y) {
  const float pebble = hash01(x, y, 23) > 0.9F ? 0.72F : 1.0F;
  return pebble * grain(x, y, 21, 0.2F, 0.3F) * to_linear({136, 98, 68});
}
V3 grass_side(int x, int y) {
  const int fringe = 3 + static_cast<int>(hash01(x, 0, 31) * 3);  // turf hangs down unevenly
  return y < fringe ? grain(x, y, 33, 0.1F, 0.34F) * to_linear({96, 144, 58}) : dirt(x, y);
}
V3 stone(int x, int y) {
  const float vein = hash01(x / 5, y / 2, 43) > 0.75F ? 0.86F : 1.0F;
  return vein * grain(x, y, 41, 0.16F, 0.16F) * to_linear({132, 132, 134});
}
V3 sand(int x, int y) { return grain(x, y, 51, 0.06F, 0.16F) * to_linear({218, 204, 158}); }
V3 log_side(int x, int y) {
  const float stripe = hash01(x, y / 5, 61) > 0.62F ? 0.66F : 1.0F;
  return stripe * grain(x, y, 62, 0.1F, 0.16F) * to_linear({110, 86, 54});
}
V3 log_top(int x, int y) {
  const int ring = std::max(std::abs(2 * x - 15), std::abs(2 * y - 15)) / 2;
  if (ring >= 7) return grain(x, y, 71, 0.1F, 0.2F) * to_linear({104, 82, 52});
  return (ring % 3 == 2 ? 0.72F : 1.0F) * grain(x, y, 72, 0.04F, 0.1F) * to_linear({178, 144, 92});
}
V3 leaves(int x, int y) {
  const float gap = hash01(x, y, 81) > 0.8F ? 0.42F : 1.0F;
  return gap * grain(x, y, 82, 0.3F, 0.5F) * to_linear({62, 116, 44});
}
V3 planks(int x, int y) {
  const bool seam = y % 4 == 3 || x == (y / 4 % 2 == 0 ? 3 : 11);
  return (seam ? 0.58F : 1.0F) * grain(x / 3, y, 91, 0.08F, 0.2F) * to_linear({172, 138, 86});
}
V3 bricks(int x, int y) {
  const bool mortar = y % 4 == 3 || (x + (y / 4 % 2) * 4) % 8 == 7;
  if (mortar) return grain(x, y, 101, 0, 0.1F) * to_linear({186, 176, 166});
  return grain((x + (y / 4 % 2) * 4) / 8, y / 4, 102, 0, 0.3F) * grain(x, y, 103, 0, 0.14F) * to_linear({158, 88, 70});
}
V3 wool(int x, int y) {
  const float weave = (x + y) % 2 == 0 ? 1.04F : 0.94F;
  const float rim = x == 0 || y == 0 || x == 15 || y == 15 ? 0.82F : 1.0F;
  return (rim * weave * grain(x, y, 111, 0.1F, 0.14F)) * V3{1, 1, 1};
}

using Painter = V3 (*)(int, int);
constexpr Painter kPainters[] = {grass_top, grass_side, dirt,   stone,  sand, log_side,
                                 log_top,   leaves,     planks, bricks, wool};
static_assert(std::size(kPainters) == static_cast<std::size_t>(Tile::kCount));

/// A tile and its halvings down to one texel; row 0 is the top.
using Levels = std::array<std::vector<V3>, 5>;

Levels make_levels(Painter painter) {
  Levels levels;
  for (int i = 0; i < kTexels * kTexels; ++i) levels[0].push_back(painter(i % kTexels, i / kTexels));
  for (std::size_t l = 1; l < levels.size(); ++l) {
    const int n = kTexels >> l;
    for (int i = 0; i < n * n; ++i) {
      const V3* fine = levels[l - 1].data() + static_cast<std::ptrdiff_t>(4 * n) * (i / n) + 2 * (i % n);
      levels[l].push_back(0.25F * (fine[0] + fine[1] + fine[2 * n] + fine[2 * n + 1]));
    }
  }
  return levels;
}

const std::vector<Levels>& atlas() {
  static const std::vector<Levels> tiles = [] {
    std::vector<Levels> all;
    for (const Painter painter : kPainters) all.push_back(make_levels(painter));
    return all;
  }();
  return tiles;
}

/// Two neighbouring texels and the weight of the second: a box as wide as the sample, averaged over hard edges.
struct Pair {
  int first, second;
  float part;
};
Pair neighbours(float x, int n, float width) {
  const float f = std::floor(x);
  const int i = static_cast<int>(f);
  const float inside = x - f, half = 0.5F * std::min(width, 1.0F);
  Pair pair{i, i, 0};
  if (inside < half) {
    pair = {i - 1, i, 0.5F + 0.5F * inside / half};
  } else if (inside > 1 - half) {
    pair = {i, i + 1, 0.5F - 0.5F * (1 - inside) / half};
  }
  pair.first &= n - 1;
  pair.second &= n - 1;
  return pair;
}

/// At which part of the breaking each texel cracks: lines that grow from the middle outwards.
const std::array<float, kTexels * kTexels>& cracks() {
  static const auto order = [] {
    std::array<float, kTexels * kTexels> at;
    at.fill(2);
    for (int line = 0; line < 9; ++line) {
      const double heading = line * 0.7 + 0.5 * static_cast<double>(hash01(line, 1, 121));
      double x = 8, y = 8;
      for (int k = 0; k < 20; ++k) {
        const double bend = heading + 1.6 * (static_cast<double>(hash01(line, k / 3, 122)) - 0.5);
        x += 0.6 * std::cos(bend);
        y += 0.6 * std::sin(bend);
        if (x < 0 || y < 0 || x >= kTexels || y >= kTexels) break;
        float& texel = at[static_cast<std::size_t>(static_cast<int>(y) * kTexels + static_cast<int>(x))];
        texel = std::min(texel, 0.08F + 0.045F * static_cast<float>(k) + 0.02F * static_cast<float>(line % 4));
      }
    }
    return at;
  }();
  return order;
}

/// Texture coordinates on a face: u to the right, v up, in blocks.
void face_uv(V3 p, V3 n, float& u, float& v) {
  if (std::abs(n.z) > 0.5F) {
    u = p.x, v = p.y;
  } else {
    u = std::abs(n.x) > 0.5F ? p.y : p.x;
    v = p.z;
  }
}

/// 1, darker along the rim and in the cracks of the block that is aimed at.
float mark(const AimMark& aim, V3 p, V3 n, float u, float v, float footprint) {
  const V3 q = p - 0.5F * n - aim.cell;  // in the block behind the face
  if (q.x < 0 || q.y < 0 || q.z < 0 || q.x >= 1 || q.y >= 1 || q.z >= 1) return 1;
  const float x = u - std::floor(u), y = v - std::floor(v);
  const float rim = std::min({x, y, 1 - x, 1 - y}), width = std::max(0.016F, 0.55F * footprint);
  if (rim < width) return 0.22F;
  const int i = std::min(static_cast<int>(x * kTexels), kTexels - 1),
            j = std::min(static_cast<int>(y * kTexels), kTexels - 1);
  return cracks()[static_cast<std::size_t>(j * kTexels + i)] < aim.breaking ? 0.34F : 1.0F;
}

}  // namespace

V3 texel_of(Tile tile, int x, int y) {
  return atlas()[static_cast<std::size_t>(tile)][0][static_cast<std::size_t>(y * kTexels + x)];
}

V3 sample_tile(Tile tile, float u, float v, float footprint) {
  std::size_t level = 0;
  float width = footprint * kTexels;
  while (width > 1.5F && level < 4) {
    width *= 0.5F;
    ++level;
  }
  const int n = kTexels >> level;
  const std::vector<V3>& texels = atlas()[static_cast<std::size_t>(tile)][level];
  const Pair x = neighbours((u - std::floor(u)) * static_cast<float>(n), n, width);
  const Pair y = neighbours((1 - (v - std::floor(v))) * static_cast<float>(n), n, width);
  const auto at = [&](int i, int j) { return texels[static_cast<std::size_t>(j * n + i)]; };
  if (x.part == 0 && y.part == 0) return at(x.first, y.first);
  const V3 upper = (1 - x.part) * at(x.first, y.first) + x.part * at(x.second, y.first);
  const V3 lower = (1 - x.part) * at(x.first, y.second) + x.part * at(x.second, y.second);
  return (1 - y.part) * upper + y.part * lower;
}

V3 block_albedo(const BlockFace& face, const AimMark& aim, V3 p, V3 n, float footprint) {
  float u = 0, v = 0;
  face_uv(p, n, u, v);
  V3 color = face.tint * sample_tile(static_cast<Tile>(face.tile), u, v, footprint);
  // Blocks of one kind differ a little: something to match between frames.
  const V3 inside = p - 0.5F * n;
  const float tone =
      0.93F + 0.14F * hash01(static_cast<int>(inside.x), static_cast<int>(inside.y), 131 + static_cast<int>(inside.z));
  if (aim.on) color = mark(aim, p, n, u, v, footprint) * color;
  return tone * color;
}

float block_light(const BlockFace& face, const V3* corners, V3 p) {
  const V3 q = p - corners[0];
  const float s = std::clamp(dot(q, corners[1] - corners[0]), 0.0F, 1.0F);
  const float t = std::clamp(dot(q, corners[3] - corners[0]), 0.0F, 1.0F);
  const float low = face.light[0] + s * (face.light[1] - face.light[0]);
  const float high = face.light[3] + s * (face.light[2] - face.light[3]);
  return low + t * (high - low);
}

V3 horizon_color() { return {0.60F, 0.72F, 0.84F}; }

V3 sky_color(V3 d) {
  const V3 zenith{0.16F, 0.34F, 0.70F};
  const float height = std::clamp(d.z, 0.0F, 1.0F), part = std::sqrt(height);
  V3 color = (1 - part) * horizon_color() + part * zenith;
  if (d.z < 0.06F) return color;
  const float scale = 1 / d.z;  // a layer of clouds of squares, far above
  const auto i = static_cast<int>(std::floor(3.2F * d.x * scale + 500)),
             j = static_cast<int>(std::floor(3.2F * d.y * scale + 500));
  const bool cloud = hash01(i / 3, j / 2, 141) + 0.5F * hash01(i, j, 142) > 1.0F;
  if (!cloud) return color;
  const float opacity = 0.8F * std::min(1.0F, (d.z - 0.06F) * 6);
  return (1 - opacity) * color + opacity * V3{0.92F, 0.93F, 0.95F};
}

}  // namespace bitemark::sim
