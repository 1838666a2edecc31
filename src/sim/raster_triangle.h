// Triangles onto samples: the rasteriser's inner loops.
#pragma once

#include <array>
#include <cstdint>

namespace bitemark::sim {

constexpr std::int64_t kSubPixels = 256;  ///< steps a sample

/// A corner on the screen.
struct ScreenCorner {
  std::int64_t x = 0, y = 0;  ///< fixed point
  double closeness = 0;
};

/// Where triangles are drawn: arrays of width x height samples.
struct SampleGrid {
  int width = 0, height = 0;
  float* closeness = nullptr;
  std::uint32_t* surface = nullptr;  ///< null where depth is all that is asked for
  std::int32_t* stamp = nullptr;     ///< the last owner that covered a sample; null where nobody counts
  std::int32_t owner = -1;           ///< who draws
};

/// Draws those triangles that face the viewer; the surface of triangle t is `surface` + t. Returns how many samples the
/// owner has covered for the first time; 0 where nobody counts.
int draw_triangles(const SampleGrid& grid, const std::array<std::uint32_t, 3>* triangles, int count,
                   const ScreenCorner* corners, std::uint32_t surface);

}  // namespace bitemark::sim
