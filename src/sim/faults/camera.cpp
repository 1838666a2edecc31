// Faults of the camera: the world is right, it is filmed from elsewhere than was asked.
#include <stdexcept>

#include "sim/faults/fault.h"
#include "sim/vec.h"

namespace bitemark::sim {
namespace {

constexpr double kDriftSpeed = 0.22;  // [m/s]
constexpr double kDriftTurn = 0.10;   // [rad/s]

}  // namespace

int turn_camera_wrongly(FaultRequest& request) {
  std::vector<FrameWorld>& timeline = request.world.timeline;
  const auto first = static_cast<std::size_t>(request.any_onset());
  const std::size_t pivot = first == 0 ? 0 : first - 1;
  const Pose X_WP = timeline[pivot].camera.X_WC, X_PW = inverse(X_WP);
  bool moves = false;
  for (std::size_t frame = first; frame < timeline.size(); ++frame) {
    const Pose X_PC = compose(X_PW, timeline[frame].camera.X_WC);
    moves = moves || norm(rotation_vector(X_PC.rotation)) > 0.02 || norm(X_PC.position) > 0.02;
    // What the camera has done since, undone: the way back from the pivot.
    timeline[frame].camera.X_WC = compose(X_WP, inverse(X_PC));
  }
  if (!moves) throw std::invalid_argument("the camera stands still");
  return static_cast<int>(first);
}

int drift_camera(FaultRequest& request) {
  std::vector<FrameWorld>& timeline = request.world.timeline;
  const auto first = static_cast<std::size_t>(request.any_onset());
  const double side = request.random.uniform() < 0.5 ? -1 : 1;
  const double start = timeline[first == 0 ? 0 : first - 1].time_s;
  for (std::size_t frame = first; frame < timeline.size(); ++frame) {
    const double passed = request.options.severity * (timeline[frame].time_s - start);
    const Pose X_CD{{side * kDriftSpeed * passed, 0, 0}, about_axis({0, 1, 0}, side * kDriftTurn * passed)};
    timeline[frame].camera.X_WC = compose(timeline[frame].camera.X_WC, X_CD);
  }
  return static_cast<int>(first);
}

}  // namespace bitemark::sim
