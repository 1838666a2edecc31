#include "sim/raster.h"

#include <algorithm>
#include <cmath>

#include "base/error.h"

namespace bitemark::sim {
namespace {

constexpr std::int64_t kOne = 256;  // sub-pixel steps a sample

std::int64_t to_fixed(double x) { return std::llround(x * static_cast<double>(kOne)); }

std::int64_t floor_div(std::int64_t a, std::int64_t b) {  // b > 0
  const std::int64_t q = a / b;
  return q - (a % b < 0 ? 1 : 0);
}

/// a x + b y + c >= 0 inside, in fixed point.
struct Edge {
  std::int64_t a = 0, b = 0, c = 0;

  Edge(std::int64_t x0, std::int64_t y0, std::int64_t x1, std::int64_t y1)
      : a(y0 - y1), b(x1 - x0), c(x0 * y1 - x1 * y0) {
    // Left edges go up (a > 0 in y-down coordinates), top edges are level and go right. All others give up ties.
    const bool top_left = a > 0 || (a == 0 && b > 0);
    if (!top_left) c -= 1;
  }
  /// Narrows [first, last] to the samples of the row at fixed-point height y that lie inside.
  void narrow(std::int64_t y, int& first, int& last) const {
    const std::int64_t at_zero = a * (kOne / 2) + b * y + c;  // value at sample 0
    const std::int64_t slope = a * kOne;
    if (slope > 0) {
      first = static_cast<int>(std::max<std::int64_t>(first, -floor_div(at_zero, slope)));
    } else if (slope < 0) {
      last = static_cast<int>(std::min<std::int64_t>(last, floor_div(at_zero, -slope)));
    } else if (at_zero < 0) {
      last = first - 1;
    }
  }
};

}  // namespace

void VisibilityBuffer::clear(int w, int h) {
  width = w;
  height = h;
  const auto n = static_cast<std::size_t>(w) * static_cast<std::size_t>(h);
  closeness.assign(n, 0.0F);
  surface.assign(n, kNoSurface);
}

void Rasterizer::draw(const std::vector<MeshPose>& items, const Projector& projector, VisibilityBuffer& buffer) {
  BITEMARK_CHECK(items.size() <= 4096);
  projector_ = projector;
  buffer_ = &buffer;
  counting_ = false;
  for (std::size_t i = 0; i < items.size(); ++i) draw_item(items[i], static_cast<std::uint32_t>(i));
}

void Rasterizer::draw_and_count(const std::vector<MeshPose>& items, const std::vector<int>& owners, int owner_count,
                                const Projector& projector, VisibilityBuffer& buffer) {
  projector_ = projector;
  buffer_ = &buffer;
  counting_ = true;
  buffer.covered.assign(static_cast<std::size_t>(owner_count), 0);
  stamp_.assign(buffer.surface.size(), -1);
  for (std::size_t i = 0; i < items.size(); ++i) {
    owner_ = owners[i];
    owner_covered_ = 0;
    draw_item(items[i], static_cast<std::uint32_t>(i));
    if (owner_ >= 0) buffer.covered[static_cast<std::size_t>(owner_)] += owner_covered_;
  }
}

Rasterizer::Corner Rasterizer::to_screen(V3 p) const {
  if (projector_.parallel) {
    return {to_fixed(static_cast<double>(projector_.fx * p.x + projector_.cx)),
            to_fixed(static_cast<double>(projector_.fy * p.y + projector_.cy)),
            static_cast<double>(projector_.far - p.z)};
  }
  const double w = 1.0 / static_cast<double>(p.z);
  return {to_fixed(static_cast<double>(projector_.fx) * p.x * w + projector_.cx),
          to_fixed(static_cast<double>(projector_.fy) * p.y * w + projector_.cy), w};
}

void Rasterizer::draw_item(const MeshPose& item, std::uint32_t item_index) {
  const Mesh& mesh = *item.mesh;
  camera_positions_.resize(mesh.positions.size());
  screen_.resize(mesh.positions.size());
  for (std::size_t i = 0; i < mesh.positions.size(); ++i) {
    camera_positions_[i] = item.X_CB.point(mesh.positions[i]);
    if (projector_.parallel || camera_positions_[i].z >= projector_.near) screen_[i] = to_screen(camera_positions_[i]);
  }
  for (std::size_t t = 0; t < mesh.triangles.size(); ++t) {
    const auto& [a, b, c] = mesh.triangles[t];
    const std::uint32_t surface = item_index << 20U | static_cast<std::uint32_t>(t);
    const V3 corners[3] = {camera_positions_[a], camera_positions_[b], camera_positions_[c]};
    const float lowest = std::min({corners[0].z, corners[1].z, corners[2].z});
    if (projector_.parallel || lowest >= projector_.near) {
      draw_triangle(screen_[a], screen_[b], screen_[c], surface);
    } else if (std::max({corners[0].z, corners[1].z, corners[2].z}) > projector_.near) {
      draw_clipped(corners, surface);
    }
  }
}

/// Sutherland-Hodgman against the near plane, then a fan.
void Rasterizer::draw_clipped(const V3* corners, std::uint32_t surface) {
  V3 kept[4];
  int count = 0;
  for (int i = 0; i < 3; ++i) {
    const V3 p = corners[i], q = corners[(i + 1) % 3];
    const bool p_in = p.z >= projector_.near, q_in = q.z >= projector_.near;
    if (p_in) kept[count++] = p;
    if (p_in != q_in) {
      V3 cut = p + (projector_.near - p.z) / (q.z - p.z) * (q - p);
      cut.z = projector_.near;
      kept[count++] = cut;
    }
  }
  for (int i = 1; i + 1 < count; ++i) {
    draw_triangle(to_screen(kept[0]), to_screen(kept[i]), to_screen(kept[i + 1]), surface);
  }
}

void Rasterizer::draw_triangle(const Corner& a, const Corner& b, const Corner& c, std::uint32_t surface) {
  // Seen from outside, corners run counter-clockwise in space, so the signed area is negative where y points down.
  const std::int64_t xa = a.x, ya = a.y, xb = c.x, yb = c.y, xc = b.x, yc = b.y;
  const std::int64_t area = (xb - xa) * (yc - ya) - (yb - ya) * (xc - xa);
  if (area <= 0) return;
  VisibilityBuffer& out = *buffer_;
  const auto [low_x, high_x] = std::minmax({xa, xb, xc});
  const auto [low_y, high_y] = std::minmax({ya, yb, yc});
  const auto first_column = static_cast<int>(std::max<std::int64_t>(0, floor_div(low_x - kOne / 2, kOne)));
  const auto last_column = static_cast<int>(std::min<std::int64_t>(out.width - 1, floor_div(high_x, kOne)));
  const auto first_row = static_cast<int>(std::max<std::int64_t>(0, floor_div(low_y - kOne / 2, kOne)));
  const auto last_row = static_cast<int>(std::min<std::int64_t>(out.height - 1, floor_div(high_y, kOne)));
  if (first_column > last_column || first_row > last_row) return;
  const Edge edges[3] = {{xa, ya, xb, yb}, {xb, yb, xc, yc}, {xc, yc, xa, ya}};

  // closeness = base + sx x + sy y over the plane through the three snapped corners
  const double scale = 1.0 / static_cast<double>(area);
  const double dab = c.closeness - a.closeness, dac = b.closeness - a.closeness;
  const double sx = (dab * static_cast<double>(yc - ya) - dac * static_cast<double>(yb - ya)) * scale;
  const double sy = (dac * static_cast<double>(xb - xa) - dab * static_cast<double>(xc - xa)) * scale;

  for (int row = first_row; row <= last_row; ++row) {
    const std::int64_t y = row * kOne + kOne / 2;
    int first = first_column, last = last_column;
    for (const Edge& edge : edges) edge.narrow(y, first, last);
    if (first > last) continue;
    const std::size_t offset = static_cast<std::size_t>(row) * static_cast<std::size_t>(out.width);
    float* closeness = out.closeness.data() + offset;
    std::uint32_t* surfaces = out.surface.data() + offset;
    const double base = a.closeness + sy * static_cast<double>(y - ya) + sx * static_cast<double>(kOne / 2 - xa);
    const double step = sx * static_cast<double>(kOne);
    for (int x = first; x <= last; ++x) {
      const auto value = static_cast<float>(base + step * x);
      if (value > closeness[x]) {
        closeness[x] = value;
        surfaces[x] = surface;
      }
    }
    if (!counting_) continue;
    for (int x = first; x <= last; ++x) {
      std::int32_t& stamp = stamp_[offset + static_cast<std::size_t>(x)];
      owner_covered_ += stamp != owner_;
      stamp = owner_;
    }
  }
}

}  // namespace bitemark::sim
