// Trails: what brushes paint and wheels press, from where the bodies were.
#pragma once

#include "sim/motion.h"

namespace bitemark::sim {

/// Follows each trail's tip through the recorded steps. Straight stretches become one segment: no point of the tip's
/// way lies further than 1 mm from the trail.
std::vector<Trail> follow_trails(const SceneSpec& scene, const Motion& motion);
/// One "stroke" for each time that a tip came down: ids of the body that marks and of the marked one.
std::vector<Event> stroke_events(const SceneSpec& scene, const Motion& motion);

}  // namespace bitemark::sim
