// The rasteriser: which surface is seen at each sample of a regular grid, and how far away it is.
//
// Screen coordinates are fixed point with 8 bits below the pixel, edge functions are exact 64-bit integers, ties go
// by the top-left rule: no sample is missed or hit twice along a shared edge. The result for one sample depends on
// the triangles alone, never on the order of work.
#pragma once

#include <cstdint>
#include <vector>

#include "sim/mesh.h"
#include "sim/raster_triangle.h"

namespace bitemark::sim {

/// What the rasteriser draws: a mesh somewhere.
struct MeshPose {
  const Mesh* mesh = nullptr;
  Affine X_CB;  ///< body to camera
};

/// Pinhole or, for shadow maps, parallel: then x, y are scaled camera coordinates and "depth" is far - z.
struct Projector {
  bool parallel = false;
  float fx = 1, fy = 1, cx = 0, cy = 0;  ///< [samples]
  float near = 0.05F;                    ///< [m], pinhole only
  float far = 0;                         ///< [m], parallel only
};

constexpr std::uint32_t kNoSurface = 0xffffffffU;

/// One entry a sample, row-major [height, width].
struct VisibilityBuffer {
  int width = 0, height = 0;
  std::vector<float> closeness;        ///< pinhole: 1 / z [1/m]; parallel: far - z [m]; 0 = nothing
  std::vector<std::uint32_t> surface;  ///< (item << 20) | triangle, kNoSurface = nothing; empty: depth alone is drawn
  std::vector<int> covered;            ///< by item: samples that it would have with nothing in front, if asked for

  void clear(int w, int h);
  void clear_depth(int w, int h);  ///< without surfaces
  static std::uint32_t item_of(std::uint32_t surface) { return surface >> 20U; }
  static std::uint32_t triangle_of(std::uint32_t surface) { return surface & 0xfffffU; }
};

/// Samples [x0, x1) of rows [y0, y1).
struct SampleRect {
  int x0 = 0, x1 = 0, y0 = 0, y1 = 0;
};

/// Draws `items` (at most 4095, of at most 2^20 triangles) into `buffer`, which has its size already. `owner[i]`
/// groups items of one body: `covered` counts by owner.
class Rasterizer {
 public:
  /// `touched`, if asked for, gets a rectangle for each item outside of which it has drawn nothing.
  void draw(const std::vector<MeshPose>& items, const Projector& projector, VisibilityBuffer& buffer,
            std::vector<SampleRect>* touched = nullptr);
  /// The same, and counts for each owner the samples covered by it alone. `owners` of items ascend.
  void draw_and_count(const std::vector<MeshPose>& items, const std::vector<int>& owners, int owner_count,
                      const Projector& projector, VisibilityBuffer& buffer);

 private:
  SampleGrid grid_of(VisibilityBuffer& buffer);
  SampleRect extent(bool clips) const;
  void draw_item(const MeshPose& item, std::uint32_t item_index);
  void draw_clipped(const V3* corners, std::uint32_t surface);
  ScreenCorner to_screen(V3 p) const;

  Projector projector_;
  SampleGrid grid_;
  std::vector<V3> camera_positions_;
  std::vector<ScreenCorner> screen_;
  std::vector<SampleRect>* touched_ = nullptr;
  std::vector<std::int32_t> stamp_;  ///< last owner that covered this sample
  int owner_covered_ = 0;
};

}  // namespace bitemark::sim
