// From a scenario, a split and a number to a world that can be filmed.
#pragma once

#include <string>

#include "sim/simulate.h"
#include "sim/world.h"

namespace bitemark::sim {

/// The true world of a take (or of options.variant, options.second_take) at the times of the frames; faults are not
/// put into it. Throws InputError for options that make no sense and for takes that cannot be drawn.
World make_take(const Scenario& scenario, const std::string& split, int take, const RenderOptions& options);

/// Frames that a generator is given in continuation.
int context_frames(const Scenario& scenario, Rate rate);

}  // namespace bitemark::sim
