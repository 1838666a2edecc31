// Hills, trees and patches of sand from a seed.
#pragma once

#include "sim/voxel/blocks.h"
#include "sim/voxel/grid.h"

namespace bitemark::sim {

struct TerrainSpec {
  int nx = 72, ny = 72, nz = 32;  ///< [cells]
  double base = 12;               ///< mean height of the ground [cells]
  double relief = 3;              ///< hills rise and fall by up to about this [cells]
  double wavelength = 26;         ///< of the largest hills [cells]
  double trees = 0.6;             ///< chance of a tree in each square of 7 x 7 cells
  double sand = 0.25;             ///< part of the ground that is sand
  double clearing = 6;            ///< level and without trees this far around the start [cells]
  int start_x = 36, start_y = 36;
};

/// The same seed and numbers give the same world. Ground belongs to body `ground`, logs and leaves to body `trees`.
VoxelGrid make_terrain(const TerrainSpec& spec, std::uint64_t seed, std::uint8_t ground, std::uint8_t trees);

}  // namespace bitemark::sim
