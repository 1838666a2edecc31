// Takes that do not show what they are for are drawn again.
#pragma once

#include <string>

#include "sim/motion.h"
#include "sim/scenario.h"
#include "sim/scene.h"

namespace bitemark::sim {

/// Empty when the take is as the scenario's "require" rules say, else which rule it breaks and how. Visibility is
/// judged at 64 x 64 pixels and 12 frames a second, whatever is rendered later.
std::string find_rejection(const Scenario& scenario, const SceneSpec& scene, const Motion& motion);

}  // namespace bitemark::sim
