#include "sim/scripted.h"

#include <algorithm>
#include <cmath>

#include "sim/vec.h"

namespace bitemark::sim {
namespace {

/// Spherical linear interpolation the short way round.
Quaternion slerp(const Quaternion& a, Quaternion b, double part) {
  double cosine = a[0] * b[0] + a[1] * b[1] + a[2] * b[2] + a[3] * b[3];
  if (cosine < 0) {
    for (double& x : b) x = -x;
    cosine = -cosine;
  }
  const double angle = std::acos(std::min(cosine, 1.0));
  if (angle < 1e-9) return b;
  Quaternion q{};
  for (std::size_t i = 0; i < 4; ++i) {
    q[i] = (std::sin((1 - part) * angle) * a[i] + std::sin(part * angle) * b[i]) / std::sin(angle);
  }
  return normalized(q);
}

}  // namespace

Pose pose_on_path(const BodySpec& body, double time_s) {
  const Pose& start = body.rigid.X_WB;
  PathKey from{0, {0, 0, 0}, start.rotation};
  for (const PathKey& to : body.path) {
    if (time_s < to.at_s) {
      double part = std::clamp((time_s - from.at_s) / (to.at_s - from.at_s), 0.0, 1.0);
      if (to.smooth) part = part * part * (3 - 2 * part);
      return {start.position + from.shift + part * (to.shift - from.shift), slerp(from.rotation, to.rotation, part)};
    }
    from = to;
  }
  return {start.position + from.shift, from.rotation};
}

double path_progress(const BodySpec& body, double time_s) {
  if (body.path.empty()) return 0;
  return std::clamp(time_s / body.path.back().at_s, 0.0, 1.0);
}

}  // namespace bitemark::sim
