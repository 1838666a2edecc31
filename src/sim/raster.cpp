#include "sim/raster.h"

#include <algorithm>
#include <cmath>

#include "base/error.h"

namespace bitemark::sim {
namespace {

/// The nearest integer, halves away from zero: std::llround for |x| < 2^51, without a call.
std::int64_t to_fixed(double x) {
  const double steps = x * static_cast<double>(kSubPixels);
  return static_cast<std::int64_t>(steps + std::copysign(0.49999999999999994, steps));
}

}  // namespace

void VisibilityBuffer::clear(int w, int h) {
  width = w;
  height = h;
  const auto n = static_cast<std::size_t>(w) * static_cast<std::size_t>(h);
  closeness.assign(n, 0.0F);
  surface.assign(n, kNoSurface);
}

void VisibilityBuffer::clear_depth(int w, int h) {
  width = w;
  height = h;
  closeness.assign(static_cast<std::size_t>(w) * static_cast<std::size_t>(h), 0.0F);
  surface.clear();
}

SampleGrid Rasterizer::grid_of(VisibilityBuffer& buffer) {
  return {buffer.width, buffer.height, buffer.closeness.data(),
          buffer.surface.empty() ? nullptr : buffer.surface.data()};
}

void Rasterizer::draw(const std::vector<MeshPose>& items, const Projector& projector, VisibilityBuffer& buffer,
                      std::vector<SampleRect>* touched) {
  BITEMARK_CHECK(items.size() < 4096);  // the last number stands for nothing
  projector_ = projector;
  grid_ = grid_of(buffer);
  touched_ = touched;
  if (touched_ != nullptr) touched_->clear();
  for (std::size_t i = 0; i < items.size(); ++i) draw_item(items[i], static_cast<std::uint32_t>(i));
  touched_ = nullptr;
}

void Rasterizer::draw_and_count(const std::vector<MeshPose>& items, const std::vector<int>& owners, int owner_count,
                                const Projector& projector, VisibilityBuffer& buffer) {
  projector_ = projector;
  grid_ = grid_of(buffer);
  buffer.covered.assign(static_cast<std::size_t>(owner_count), 0);
  stamp_.assign(buffer.surface.size(), -1);
  grid_.stamp = stamp_.data();
  for (std::size_t i = 0; i < items.size(); ++i) {
    grid_.owner = owners[i];
    owner_covered_ = 0;
    draw_item(items[i], static_cast<std::uint32_t>(i));
    if (grid_.owner >= 0) buffer.covered[static_cast<std::size_t>(grid_.owner)] += owner_covered_;
  }
}

ScreenCorner Rasterizer::to_screen(V3 p) const {
  if (projector_.parallel) {
    return {to_fixed(static_cast<double>(projector_.fx * p.x + projector_.cx)),
            to_fixed(static_cast<double>(projector_.fy * p.y + projector_.cy)),
            static_cast<double>(projector_.far - p.z)};
  }
  const double w = 1.0 / static_cast<double>(p.z);
  return {to_fixed(static_cast<double>(projector_.fx) * p.x * w + projector_.cx),
          to_fixed(static_cast<double>(projector_.fy) * p.y * w + projector_.cy), w};
}

/// Of the item whose corners were projected last.
SampleRect Rasterizer::extent(bool clips) const {
  if (clips) return {0, grid_.width, 0, grid_.height};
  std::int64_t low_x = INT64_MAX, high_x = INT64_MIN, low_y = INT64_MAX, high_y = INT64_MIN;
  for (const ScreenCorner& corner : screen_) {
    low_x = std::min(low_x, corner.x), high_x = std::max(high_x, corner.x);
    low_y = std::min(low_y, corner.y), high_y = std::max(high_y, corner.y);
  }
  const auto inside = [](std::int64_t sample, int count) {
    return static_cast<int>(std::clamp<std::int64_t>(sample, 0, count));
  };
  return {inside(low_x / kSubPixels - 1, grid_.width), inside(high_x / kSubPixels + 2, grid_.width),
          inside(low_y / kSubPixels - 1, grid_.height), inside(high_y / kSubPixels + 2, grid_.height)};
}

void Rasterizer::draw_item(const MeshPose& item, std::uint32_t item_index) {
  const Mesh& mesh = *item.mesh;
  const std::uint32_t first_surface = item_index << 20U;
  camera_positions_.resize(mesh.positions.size());
  screen_.resize(mesh.positions.size());
  bool clips = false;
  for (std::size_t i = 0; i < mesh.positions.size(); ++i) {
    const V3 p = item.X_CB.point(mesh.positions[i]);
    camera_positions_[i] = p;
    const bool in_front = projector_.parallel || p.z >= projector_.near;
    if (in_front) screen_[i] = to_screen(p);
    clips |= !in_front;
  }
  if (touched_ != nullptr && !screen_.empty()) touched_->push_back(extent(clips));
  if (!clips) {
    owner_covered_ += draw_triangles(grid_, mesh.triangles.data(), static_cast<int>(mesh.triangles.size()),
                                     screen_.data(), first_surface);
    return;
  }
  for (std::size_t t = 0; t < mesh.triangles.size(); ++t) {
    const auto& [a, b, c] = mesh.triangles[t];
    const V3 corners[3] = {camera_positions_[a], camera_positions_[b], camera_positions_[c]};
    const std::uint32_t surface = first_surface | static_cast<std::uint32_t>(t);
    if (std::min({corners[0].z, corners[1].z, corners[2].z}) >= projector_.near) {
      owner_covered_ += draw_triangles(grid_, &mesh.triangles[t], 1, screen_.data(), surface);
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
    const ScreenCorner screen[3] = {to_screen(kept[0]), to_screen(kept[i]), to_screen(kept[i + 1])};
    constexpr std::array<std::uint32_t, 3> kTriangle{0, 1, 2};
    owner_covered_ += draw_triangles(grid_, &kTriangle, 1, screen, surface);
  }
}

}  // namespace bitemark::sim
