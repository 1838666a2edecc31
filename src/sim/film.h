// From a world to an episode: what is told of it, and its frames.
#pragma once

#include <functional>

#include "sim/simulate.h"
#include "sim/world.h"

namespace bitemark::sim {

/// Everything but the frames; controls are those of make_controls() unless the caller keeps others.
EpisodeInfo make_info(const Scenario& scenario, const std::string& split, int take, const RenderOptions& options,
                      const World& world);
std::vector<float> make_controls(const std::vector<FrameWorld>& timeline, int width, int height);

/// Renders frames [first, last) in order; sets their visibility in info.states. `world` outlives the call.
void film(const World& world, const RenderOptions& options, EpisodeInfo& info, int first, int last,
          const std::function<void(int, Frame&&, FrameTruth&&)>& emit);

}  // namespace bitemark::sim
