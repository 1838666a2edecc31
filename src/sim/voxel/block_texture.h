// How blocks, the cracks in them and the sky look.
#pragma once

#include "sim/mesh.h"
#include "sim/voxel/blocks.h"

namespace bitemark::sim {

constexpr int kTexels = 16;  ///< along a side of a block

/// Linear colour of a tile at (u, v), right and up in blocks. Texels keep hard edges when near, averaged over
/// `footprint` [blocks].
V3 sample_tile(Tile tile, float u, float v, float footprint);
/// The texel in column x and row y from the top, linear.
V3 texel_of(Tile tile, int x, int y);

/// What is drawn over the block under the crosshair.
struct AimMark {
  bool on = false;
  V3 cell;             ///< its low corner, world
  float breaking = 0;  ///< 0 to 1
};

/// Linear colour of a block's surface at the world point `p` of a face with normal `n`.
V3 block_albedo(const BlockFace& face, const AimMark& aim, V3 p, V3 n, float footprint);
/// Ambient light at a point of a face whose corners are `corners[0..3]`, 0 to 1.
float block_light(const BlockFace& face, const V3* corners, V3 p);

/// Linear colour of the sky in a direction (unit, world): a gradient with square clouds.
V3 sky_color(V3 direction);
/// What far things fade into.
V3 horizon_color();

}  // namespace bitemark::sim
