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

/// From where the camera is now towards what it looks at, turned as far as pans have turned it.
Vec3 aimed(const CameraSpec& spec, const Vec3& position, const Vec3& panned) {
  const Vec3 start = spec.look_at - spec.position, now = spec.look_at - position;
  const double turn = std::atan2(panned[1], panned[0]) - std::atan2(start[1], start[0]);
  return rotate(about_axis({0, 0, 1}, turn), normalized(now));
}

}  // namespace

Camera camera_at(const CameraSpec& spec, double time_s, int width, int height) {
  using Type = CameraMove::Type;
  Vec3 position = spec.position;
  Vec3 forward = normalized(spec.look_at - spec.position);
  double zoom = 1;
  for (const CameraMove& move : spec.moves) {
    const double done = progress_of(move, time_s);
    const Quaternion turn = about_axis({0, 0, 1}, done * move.angle);
    const bool turns = move.type == Type::kPan || (move.type == Type::kOrbit && !spec.keep_aim);
    if (turns) forward = rotate(turn, forward);
    if (move.type == Type::kOrbit) position = move.about + rotate(turn, position - move.about);
    if (move.type == Type::kShift) position = position + done * move.shift;
    if (move.type == Type::kZoom) zoom *= std::pow(move.factor, done);
  }
  if (spec.keep_aim) forward = aimed(spec, position, forward);
  for (const CameraMove& move : spec.moves) {
    if (move.type != Type::kTilt) continue;
    const Vec3 side = normalized(cross(forward, {0, 0, 1}));
    forward = rotate(about_axis(side, progress_of(move, time_s) * move.angle), forward);
  }
  const Vec3 right = normalized(cross(forward, {0, 0, 1}));
  const Vec3 down = cross(forward, right);
  Camera camera;
  camera.fx = camera.fy = 0.5 * std::min(width, height) / std::tan(spec.fov / 2) * zoom;
  camera.cx = 0.5 * width;
  camera.cy = 0.5 * height;
  camera.X_WC = {position, from_columns(right, down, forward)};
  return camera;
}

Camera camera_at(const SceneSpec& scene, double time_s, int width, int height) {
  const CameraSpec* spec = &scene.camera;
  int shot = 0;
  for (const ShotSpec& next : scene.shots) {
    if (time_s < next.from_s - 1e-9) break;
    spec = &next.camera;
    ++shot;
  }
  Camera camera = camera_at(*spec, time_s, width, height);
  camera.shot = shot;
  return camera;
}

}  // namespace bitemark::sim
