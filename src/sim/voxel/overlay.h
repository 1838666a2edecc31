// What lies on the screen and not in the world: crosshair and hotbar.
#pragma once

#include "sim/truth.h"
#include "sim/voxel/world.h"

namespace bitemark::sim {

/// Paints crosshair and hotbar over a frame. All of it is opaque and ends at pixel edges.
void draw_overlay(const VoxelView& view, const BlockKinds& kinds, Frame& frame);
/// 1 where draw_overlay paints, [height, width]: the same in all frames of a size.
std::vector<std::uint8_t> overlay_mask(int width, int height);
/// The overlay's pixels belong to it and have no depth; bodies behind them are not seen there.
void label_overlay(const VoxelSpec& spec, LabelImage& labels);

}  // namespace bitemark::sim
