// Faults: a world changed on purpose from one frame on, to test the metrics.
#pragma once

#include <vector>

#include "sim/motion.h"
#include "sim/simulate.h"
#include "sim/timeline.h"

namespace bitemark::sim {

/// A take ready to be rendered.
struct World {
  SceneSpec scene;
  Motion motion;
  std::vector<FrameWorld> timeline;
  int fault_first_frame = -1;
};

/// Frames of the context at a rate, for a scenario in continuation mode.
int context_frames(const Scenario& scenario, Rate rate);

/// Changes the world as options.fault says and sets fault_first_frame. Throws InputError for an unknown fault or one
/// that this take has no place for.
void apply_fault(const Scenario& scenario, const RenderOptions& options, World& world);

}  // namespace bitemark::sim
