// The voxel world's physics: the agent walks, jumps, breaks and places blocks as its policy says.
#pragma once

#include "sim/motion.h"

namespace bitemark::sim {

/// Runs the scene's voxel world for its duration. Every edit of the grid is a form of all bodies made of blocks. Throws
/// InputError when the world is edited more often than VoxelSpec::kMaxEdits.
Motion play(const SceneSpec& scene);

}  // namespace bitemark::sim
