// What frames show of a voxel world: camera, standing blocks, crosshair, hotbar, and the actions since the frame
// before.
#pragma once

#include "sim/timeline.h"

namespace bitemark::sim {

/// Completes a timeline whose bodies are in place.
void set_voxel_frames(const SceneSpec& scene, const Motion& motion, Rate rate, int width, int height,
                      std::vector<FrameWorld>& timeline);
/// The view of the agent at a version of the grid that need not be the true one: a fault may have changed it.
void aim_again(const SceneSpec& scene, const VoxelGrid& grid, FrameWorld& frame);

}  // namespace bitemark::sim
