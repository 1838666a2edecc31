// Samples that are shaded side by side.
#pragma once

#include <array>
#include <cstdint>

#include "sim/shade.h"

namespace bitemark::sim {

/// Samples of a row of pixels, whatever they show.
struct Shader::Samples {
  int count = 0;
  std::array<std::uint32_t, kLanes> surface;
  Lanes ray_x, ray_y, closeness;
};

/// Those of one item.
struct Shader::Batch {
  int count = 0;
  std::array<int, kLanes> place;  ///< among the row's samples
  std::array<std::uint32_t, kLanes> triangle;
  Lanes ray_x, ray_y, closeness;
  Lanes3 p_C, p_B, n_B, p_W, n_W, to_eye, albedo, color;
  Lanes footprint, facing, sun, open;
};

}  // namespace bitemark::sim
