// Bodies that a script moves.
#pragma once

#include "sim/scene.h"

namespace bitemark::sim {

/// Before the first entry of the path the body goes to it from where it starts; after the last it stays.
Pose pose_on_path(const BodySpec& body, double time_s);
/// Part of the path's time that has passed, 0 to 1; what the controls call the phase.
double path_progress(const BodySpec& body, double time_s);

}  // namespace bitemark::sim
