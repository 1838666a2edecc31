#include "sim/camera_path.h"

#include <algorithm>
#include <cmath>

#include "sim/vec.h"

namespace bitemark::sim {
namespace {

/// Part of a move that is done: 0 before it, 1 after it.
double progress_of(const CameraMove& move, double time_s) {
  const double x = std::clamp((time_s - move.from_s) / std::max(move.to_s - move.from_s, 1e-9), 0.0, 1.0);
  return move.smooth ? x * x * (3 - 2 * x) : x;
}

}  // namespace

Camera camera_at(const CameraSpec& spec, double time_s, int width, int height) {
  Vec3 position = spec.position;
  Vec3 forward = normalized(spec.look_at - spec.position);
  for (const CameraMove& move : spec.moves) {
    const double done = progress_of(move, time_s);
    const Quaternion turn = about_axis({0, 0, 1}, done * move.angle);
    if (move.type != CameraMove::Type::kShift) forward = rotate(turn, forward);
    if (move.type == CameraMove::Type::kOrbit) position = move.about + rotate(turn, position - move.about);
    if (move.type == CameraMove::Type::kShift) position = position + done * move.shift;
  }
  const Vec3 right = normalized(cross(forward, {0, 0, 1}));
  const Vec3 down = cross(forward, right);
  Camera camera;
  camera.fx = camera.fy = 0.5 * std::min(width, height) / std::tan(spec.fov / 2);
  camera.cx = 0.5 * width;
  camera.cy = 0.5 * height;
  camera.X_WC = {position, from_columns(right, down, forward)};
  return camera;
}

}  // namespace bitemark::sim
