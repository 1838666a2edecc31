// From a scenario's "voxels" member to a world, its agent and the agent's policy.
#pragma once

#include "sim/resolver.h"
#include "sim/scene.h"

namespace bitemark::sim {

/// Fills bodies (ground, trees, blocks with a name, agent, overlay), camera and voxels of a scene whose seed,
/// parameters and physics are set. Throws InputError for sizes beyond the limits and for names that mean nothing.
void resolve_voxels(const Resolver& in, SceneSpec& scene);

/// The perturbed twin: the agent starts a quarter of a pixel aside (of a 64-pixel image, at three metres) and walks up
/// to a quarter of a pixel a second faster or slower.
void perturb_voxels(SceneSpec& scene, std::uint64_t seed);

}  // namespace bitemark::sim
