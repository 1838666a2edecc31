#include "sim/reuse.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>

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

}  // namespace

void Reuse::compare(const Inputs& before, const Inputs& now, const Projector& camera, const Affine& X_WC,
                    const Affine& shadow_from_camera, const Projector& shadow) {
  possible_ = before.samples.width == now.samples.width && before.samples.height == now.samples.height &&
              before.shadow.width == now.shadow.width && before.items.size() == now.items.size() &&
              same(before.camera, now.camera) && same(before.lighting, now.lighting);
  if (!possible_) return;
  camera_ = camera;
  X_WC_ = X_WC;
  shadow_from_camera_ = shadow_from_camera;
  shadow_ = shadow;
  find_moved(before, now);
  find_dirty(before.shadow, now.shadow);
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

void Reuse::find_dirty(const VisibilityBuffer& before, const VisibilityBuffer& now) {
  tiles_ = (now.width + kTile - 1) / kTile;
  const int stride = tiles_ + 1;
  dirty_.assign(static_cast<std::size_t>(stride * stride), 0);
  for (int ty = 0; ty < tiles_; ++ty) {
    std::vector<int> here(static_cast<std::size_t>(tiles_), 0);
    for (int y = ty * kTile; y < std::min((ty + 1) * kTile, now.height); ++y) {
      const std::size_t row = at(now, 0, y);
      if (same_bytes(before.closeness, now.closeness, row, now.width)) continue;
      for (int tx = 0; tx < tiles_; ++tx) {
        const int x = tx * kTile, count = std::min(kTile, now.width - x);
        if (!same_bytes(before.closeness, now.closeness, row + static_cast<std::size_t>(x), count))
          here[static_cast<std::size_t>(tx)] = 1;
      }
    }
    int sum = 0;
    for (int tx = 0; tx < tiles_; ++tx) {
      sum += here[static_cast<std::size_t>(tx)];
      dirty_[static_cast<std::size_t>((ty + 1) * stride + tx + 1)] =
          sum + dirty_[static_cast<std::size_t>(ty * stride + tx + 1)];
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

/// What is seen lies in a slab of the segment's view: its eight corners bound everything that shading looks up.
bool Reuse::same_light(const Inputs& now, int x0, int x1, int y0, int y1) const {
  float nearest = 0, farthest = 1e30F;  // closeness
  for (int y = y0; y < y1; ++y) {
    const float* closeness = now.samples.closeness.data() + at(now.samples, x0, y);
    for (int x = 0; x < x1 - x0; ++x) {
      if (closeness[x] <= 0) continue;
      nearest = std::max(nearest, closeness[x]);
      farthest = std::min(farthest, closeness[x]);
    }
  }
  if (nearest <= 0) return true;  // nothing but backdrop
  V3 low{1e30F, 1e30F, 1e30F}, high{-1e30F, -1e30F, -1e30F};
  float low_u = 1e30F, high_u = -1e30F, low_v = 1e30F, high_v = -1e30F;
  const float near_z = 1 / (nearest * kRounding), far_z = kRounding / farthest;
  const Affine &W = X_WC_, &L = shadow_from_camera_;
  for (int corner = 0; corner < 4; ++corner) {
    const V3 ray{(static_cast<float>((corner & 1) != 0 ? x0 : x1) - camera_.cx) / camera_.fx,
                 (static_cast<float>((corner & 2) != 0 ? y0 : y1) - camera_.cy) / camera_.fy, 1};
    const V3 ray_W = W.vector(ray);
    const float ray_u = shadow_.fx * dot(L.row[0], ray), ray_v = shadow_.fy * dot(L.row[1], ray);
    for (const float z : {near_z, far_z}) {
      const V3 p = z * ray_W + W.t;
      low = {std::min(low.x, p.x), std::min(low.y, p.y), std::min(low.z, p.z)};
      high = {std::max(high.x, p.x), std::max(high.y, p.y), std::max(high.z, p.z)};
      const float u = z * ray_u + (shadow_.fx * L.t.x + shadow_.cx), v = z * ray_v + (shadow_.fy * L.t.y + shadow_.cy);
      low_u = std::min(low_u, u), high_u = std::max(high_u, u);
      low_v = std::min(low_v, v), high_v = std::max(high_v, v);
    }
  }
  for (const Sphere& sphere : moved_) {
    const V3 c = sphere.center;
    const V3 d{std::max({low.x - c.x, c.x - high.x, 0.0F}), std::max({low.y - c.y, c.y - high.y, 0.0F}),
               std::max({low.z - c.z, c.z - high.z, 0.0F})};
    if (dot(d, d) <= sphere.reach * sphere.reach) return false;
  }
  return shadow_is_same(low_u, high_u, low_v, high_v);
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
