// Laws of the clip: time runs on, the camera goes where it was told, left stays left.
#include <algorithm>

#include "sim/laws/measures.h"
#include "sim/laws/shown.h"
#include "sim/vec.h"

namespace bitemark::sim {

/// Number of frames that are not followed by the next moment.
Residual depart_from_time(const World& world, const World& /*truth*/) {
  int wrong = 0;
  for (std::size_t i = 1; i < world.shown.size(); ++i) wrong += world.shown[i] != world.shown[i - 1] + 1 ? 1 : 0;
  return wrong;
}

/// The greatest distance between the camera and where it was told to be [m + rad].
Residual depart_from_camera(const World& world, const World& truth) {
  double furthest = 0;
  const ShownWorld shown(world);
  for (int frame = 0; frame < shown.frames(); ++frame) {
    const Pose& is = shown.at(frame).camera.X_WC;
    const Pose& asked = truth.timeline[static_cast<std::size_t>(frame)].camera.X_WC;
    const double turned = norm(rotation_vector(multiply(conjugate(asked.rotation), is.rotation)));
    furthest = std::max(furthest, norm(is.position - asked.position) + turned);
  }
  return furthest;
}

/// Number of frames that are shown mirrored.
Residual depart_from_handedness(const World& world, const World& /*truth*/) {
  return world.mirrored_from < 0 ? 0 : static_cast<int>(world.timeline.size()) - world.mirrored_from;
}

}  // namespace bitemark::sim
