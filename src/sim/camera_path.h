// The camera over time.
#pragma once

#include "sim/scene.h"

namespace bitemark::sim {

/// Square pixels, principal point in the middle of the image; the field of view spans the shorter side.
Camera camera_at(const CameraSpec& spec, double time_s, int width, int height);
/// Of the shot that is on at this time.
Camera camera_at(const SceneSpec& scene, double time_s, int width, int height);

}  // namespace bitemark::sim
