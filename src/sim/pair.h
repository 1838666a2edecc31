// Matched pairs: the same take with and without a cause, and with a change that has no effect.
#pragma once

#include "sim/timeline.h"

namespace bitemark::sim {

/// Parameter values of a variant: "with" is the take itself, "without" lacks the cause, "null" differs in something
/// without effect. Throws InputError where the scenario has no pair or no such variant.
Json overrides_of(const Scenario& scenario, const std::string& variant);
/// The variant that this one is compared with: "without" for the take itself, otherwise "with".
std::string partner_of(const std::string& variant);

/// How far two futures lie apart, frame by frame: {variant, against, differs, first_frame, divergence_m,
/// divergence_light}. divergence_m is the greatest distance [m] between the places of a body in both, over the bodies
/// that exist in both; divergence_light the greatest difference of a light. first_frame is the first in which either is
/// not 0, or -1.
Json compare_futures(const Scenario& scenario, const std::string& variant, const std::vector<FrameWorld>& mine,
                     const std::vector<FrameWorld>& other);

}  // namespace bitemark::sim
