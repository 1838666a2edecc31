#include "sim/reuse.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>

#include "sim/lanes.h"

namespace bitemark::sim {
namespace {

constexpr int kTile = 8;              // texels a side
constexpr float kFilter = 4;          // texels that a lookup reads around its place, and one for rounding
constexpr float kDimmingReach = 4;    // radii: ambient_at() leaves out what is farther
constexpr float kRounding = 1.0001F;  // bounds come from corners, samples from their own sums

bool same(V3 a, V3 b) { return a.x == b.x && a.y == b.y && a.z == b.z; }
bool same(const Pose& a, const Pose& b) { return a.position == b.position && a.rotation == b.rotation; }

bool same(const Mark& a, const Mark& b) {
  return a.half_width == b.half_width && a.dent == b.dent && same(a.color, b.color) &&
         std::equal(a.segments.begin(), a.segments.end(), b.segments.begin(), b.segments.end(),
                    [](const Mark::Segment& p, const Mark::Segment& q) {
                      return p.ax == q.ax && p.ay == q.ay && p.bx == q.bx && p.by == q.by;
                    });
}

bool same_marks(const Surface& a, const Surface& b) {
  if (a.marks == b.marks) return true;
  return a.marks && b.marks &&
         std::equal(a.marks->begin(), a.marks->end(), b.marks->begin(), b.marks->end(),
                    [](const Mark& p, const Mark& q) { return same(p, q); });
}

bool same(const Surface& a, const Surface& b) {
  return a.material == b.material && same(a.color, b.color) && a.texture_cos == b.texture_cos &&
         a.texture_sin == b.texture_sin && same(a.texture_shift, b.texture_shift) && same(a.size, b.size) &&
         a.aim.on == b.aim.on && same(a.aim.cell, b.aim.cell) && a.aim.breaking == b.aim.breaking &&
         std::equal(a.chips.begin(), a.chips.end(), b.chips.begin(), b.chips.end(),
                    [](V3 p, V3 q) { return same(p, q); }) &&
         same_marks(a, b);
}

bool same_bits(const Affine& a, const Affine& b) {
  static_assert(sizeof(Affine) == 12 * sizeof(float));
  return std::memcmp(&a, &b, sizeof a) == 0;
}
bool same_bits(V3 a, V3 b) { return std::memcmp(&a, &b, sizeof a) == 0; }

/// Poses count as shading knows them, in single precision: what trembles less than that does not move.
bool same(const PreparedItem& p, const PreparedItem& q) {
  const DrawItem &a = *p.item, &b = *q.item;
  return a.mesh == b.mesh && a.owner == b.owner && a.casts_shadow == b.casts_shadow &&
         a.dimming_radius == b.dimming_radius && a.deforms == b.deforms && a.glow == b.glow &&
         same_bits(p.X_BC, q.X_BC) && same_bits(p.X_WB, q.X_WB) && same_bits(p.light_B, q.light_B) &&
         same_bits(p.up_B, q.up_B) && same_bits(p.eye_B, q.eye_B) && same(a.surface, b.surface);
}

bool same(const Lighting& a, const Lighting& b) {
  return same(a.towards_light, b.towards_light) && same(a.stage_center, b.stage_center) &&
         a.stage_radius == b.stage_radius && a.brightness == b.brightness && a.sky == b.sky &&
         a.fog_from == b.fog_from && a.fog_to == b.fog_to &&
         std::equal(a.lamps.begin(), a.lamps.end(), b.lamps.begin(), b.lamps.end(),
                    [](const PointLight& p, const PointLight& q) {
                      return same(p.position, q.position) && same(p.color, q.color);
                    });
}

bool same(const Camera& a, const Camera& b) {
  return a.fx == b.fx && a.fy == b.fy && a.cx == b.cx && a.cy == b.cy && same(a.X_WC, b.X_WC);
}

std::size_t at(const VisibilityBuffer& buffer, int x, int y) {
  return static_cast<std::size_t>(y) * static_cast<std::size_t>(buffer.width) + static_cast<std::size_t>(x);
}

template <typename T>
bool same_bytes(const std::vector<T>& a, const std::vector<T>& b, std::size_t from, int count) {
  return std::memcmp(a.data() + from, b.data() + from, static_cast<std::size_t>(count) * sizeof(T)) == 0;
}

bool same_tile(const VisibilityBuffer& a, const VisibilityBuffer& b, int tx, int ty) {
  const int x = tx * kTile, count = std::min(kTile, a.width - x);
  for (int y = ty * kTile; y < std::min((ty + 1) * kTile, a.height); ++y) {
    if (!same_bytes(a.closeness, b.closeness, at(a, x, y), count)) return false;
  }
  return true;
}

}  // namespace

void Reuse::compare(const Inputs& before, const Inputs& now, const Projector& camera, const Affine& X_WC,
                    const Affine& shadow_from_camera, const Projector& shadow) {
  possible_ = before.samples.width == now.samples.width && before.samples.height == now.samples.height &&
              before.shadow.depth.width == now.shadow.depth.width && before.items.size() == now.items.size() &&
              same(before.camera, now.camera) && same(before.lighting, now.lighting);
  if (!possible_) return;
  camera_ = camera;
  const Affine& L = shadow_from_camera;
  place(0, 1, X_WC.row[0], X_WC.t.x, 0);
  place(1, 1, X_WC.row[1], X_WC.t.y, 0);
  place(2, 1, X_WC.row[2], X_WC.t.z, 0);
  place(3, shadow.fx, L.row[0], L.t.x, shadow.cx);
  place(4, shadow.fy, L.row[1], L.t.y, shadow.cy);
  find_moved(before, now);
  find_dirty(before.shadow, now.shadow);
}

void Reuse::place(std::size_t i, float scale, V3 row, float t, float shift) {
  places_.a[i] = scale * row.x, places_.b[i] = scale * row.y, places_.c[i] = scale * row.z;
  places_.t[i] = scale * t + shift;
}

void Reuse::find_moved(const Inputs& before, const Inputs& now) {
  changed_.assign(now.items.size(), 0);
  moved_.clear();
  for (std::size_t i = 0; i < now.items.size(); ++i) {
    const PreparedItem &was = before.prepared[i], &is = now.prepared[i];
    if (same(was, is)) continue;
    changed_[i] = 1;
    // Neighbours' light asks where it is and how large.
    const bool turned = same_bits(was.X_WB.t, is.X_WB.t) && was.item->owner == is.item->owner &&
                        was.item->dimming_radius == is.item->dimming_radius;
    if (turned) continue;
    for (const PreparedItem* item : {&was, &is}) {
      const float reach = kDimmingReach * kRounding * item->item->dimming_radius;
      if (reach > 0) moved_.push_back({item->X_WB.t, reach});
    }
  }
}

/// Maps of one layer differ at most where something was drawn over it.
void Reuse::find_dirty(const ShadowDepth& before, const ShadowDepth& now) {
  const VisibilityBuffer &was = before.depth, &is = now.depth;
  tiles_ = (is.width + kTile - 1) / kTile;
  const auto tiles = static_cast<std::size_t>(tiles_), stride = tiles + 1;
  asked_.assign(tiles * tiles, before.layer == now.layer ? 0 : 1);
  for (const ShadowDepth* map : {&before, &now}) {
    for (const SampleRect& rect : map->over) {
      for (int ty = rect.y0 / kTile; ty * kTile < rect.y1; ++ty) {
        for (int tx = rect.x0 / kTile; tx * kTile < rect.x1; ++tx)
          asked_[static_cast<std::size_t>(ty) * tiles + static_cast<std::size_t>(tx)] = 1;
      }
    }
  }
  dirty_.assign(stride * stride, 0);
  for (std::size_t ty = 0; ty < tiles; ++ty) {
    int sum = 0;
    for (std::size_t tx = 0; tx < tiles; ++tx) {
      if (asked_[ty * tiles + tx] != 0 && !same_tile(was, is, static_cast<int>(tx), static_cast<int>(ty))) ++sum;
      dirty_[(ty + 1) * stride + tx + 1] = sum + dirty_[ty * stride + tx + 1];
    }
  }
}

bool Reuse::keeps(const Inputs& before, const Inputs& now, int x0, int x1, int y0, int y1) const {
  if (!possible_) return false;
  for (int y = y0; y < y1; ++y) {
    const std::size_t row = at(now.samples, x0, y);
    if (!same_bytes(before.samples.surface, now.samples.surface, row, x1 - x0) ||
        !same_bytes(before.samples.closeness, now.samples.closeness, row, x1 - x0))
      return false;
    std::uint32_t last = kNoSurface;
    for (int x = x0; x < x1; ++x) {
      const std::uint32_t surface = now.samples.surface[row + static_cast<std::size_t>(x - x0)];
      if (surface == kNoSurface || surface == last) continue;
      last = surface;
      if (changed_[VisibilityBuffer::item_of(surface)] != 0) return false;
    }
  }
  return same_light(now, x0, x1, y0, y1);
}

namespace {

/// Bits of floats that are not negative are in their order; `least` is that of all but zeros, less one.
struct Extremes {
  std::uint32_t most = 0, least = 0xffffffffU;
};

BITEMARK_WIDE Extremes extremes_of(const float* values, int count, Extremes so_far) {
  std::uint32_t most = so_far.most, least = so_far.least;
  for (int i = 0; i < count; ++i) {
    const auto bits = std::bit_cast<std::uint32_t>(values[i]);
    most = std::max(most, bits);
    least = std::min(least, bits - 1);
  }
  return {most, least};
}

}  // namespace

/// Of the places of all points between two columns x, two rows y and two depths z.
BITEMARK_WIDE void Reuse::bound(const Places& places, const float* x, const float* y, const float* z, Bounds& bounds) {
  for (std::size_t i = 0; i < bounds.low.size(); ++i) {
    const float ax = places.a[i] * x[0], bx = places.a[i] * x[1], ay = places.b[i] * y[0], by = places.b[i] * y[1];
    const float low = std::min(ax, bx) + std::min(ay, by) + places.c[i];
    const float high = std::max(ax, bx) + std::max(ay, by) + places.c[i];
    bounds.low[i] = std::min(z[0] * low, z[1] * low) + places.t[i];
    bounds.high[i] = std::max(z[0] * high, z[1] * high) + places.t[i];
  }
}

/// What is seen lies in a slab of the segment's view, which bounds everything that shading looks up.
bool Reuse::same_light(const Inputs& now, int x0, int x1, int y0, int y1) const {
  Extremes closeness;
  for (int y = y0; y < y1; ++y)
    closeness = extremes_of(now.samples.closeness.data() + at(now.samples, x0, y), x1 - x0, closeness);
  if (closeness.most == 0) return true;  // nothing but backdrop
  const float x[2] = {(static_cast<float>(x0) - camera_.cx) / camera_.fx,
                      (static_cast<float>(x1) - camera_.cx) / camera_.fx};
  const float y[2] = {(static_cast<float>(y0) - camera_.cy) / camera_.fy,
                      (static_cast<float>(y1) - camera_.cy) / camera_.fy};
  const float z[2] = {1 / (std::bit_cast<float>(closeness.most) * kRounding),
                      kRounding / std::bit_cast<float>(closeness.least + 1)};
  Bounds bounds;
  bound(places_, x, y, z, bounds);
  const auto &low = bounds.low, &high = bounds.high;
  for (const Sphere& sphere : moved_) {
    const V3 c = sphere.center;
    const V3 d{std::max({low[0] - c.x, c.x - high[0], 0.0F}), std::max({low[1] - c.y, c.y - high[1], 0.0F}),
               std::max({low[2] - c.z, c.z - high[2], 0.0F})};
    if (dot(d, d) <= sphere.reach * sphere.reach) return false;
  }
  return shadow_is_same(low[3], high[3], low[4], high[4]);
}

bool Reuse::shadow_is_same(float low_x, float high_x, float low_y, float high_y) const {
  const auto tile = [&](float texel) {  // clamped before it is an integer
    return static_cast<int>(std::clamp(texel / kTile, 0.0F, static_cast<float>(tiles_ - 1)));
  };
  const int x0 = tile(low_x - kFilter), x1 = tile(high_x + kFilter) + 1;
  const int y0 = tile(low_y - kFilter), y1 = tile(high_y + kFilter) + 1;
  const auto sum = [&](int y, int x) { return dirty_[static_cast<std::size_t>(y * (tiles_ + 1) + x)]; };
  return sum(y1, x1) - sum(y0, x1) - sum(y1, x0) + sum(y0, x0) == 0;
}

}  // namespace bitemark::sim
