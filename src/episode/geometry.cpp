#include "episode/geometry.h"

#include <algorithm>
#include <cmath>

namespace bitemark {

Vec3 rotate(const Quaternion& q, const Vec3& v) {
  // v + 2 w (u x v) + 2 u x (u x v), with q = (w, u)
  const Vec3 c{q[2] * v[2] - q[3] * v[1], q[3] * v[0] - q[1] * v[2], q[1] * v[1] - q[2] * v[0]};
  const Vec3 d{q[2] * c[2] - q[3] * c[1], q[3] * c[0] - q[1] * c[2], q[1] * c[1] - q[2] * c[0]};
  return {v[0] + 2 * (q[0] * c[0] + d[0]), v[1] + 2 * (q[0] * c[1] + d[1]), v[2] + 2 * (q[0] * c[2] + d[2])};
}

Quaternion conjugate(const Quaternion& q) { return {q[0], -q[1], -q[2], -q[3]}; }

Quaternion multiply(const Quaternion& a, const Quaternion& b) {
  return {a[0] * b[0] - a[1] * b[1] - a[2] * b[2] - a[3] * b[3], a[0] * b[1] + a[1] * b[0] + a[2] * b[3] - a[3] * b[2],
          a[0] * b[2] - a[1] * b[3] + a[2] * b[0] + a[3] * b[1], a[0] * b[3] + a[1] * b[2] - a[2] * b[1] + a[3] * b[0]};
}

Vec3 transform(const Pose& X_AB, const Vec3& p_B) {
  const Vec3 r = rotate(X_AB.rotation, p_B);
  return {r[0] + X_AB.position[0], r[1] + X_AB.position[1], r[2] + X_AB.position[2]};
}

Pose inverse(const Pose& X_AB) {
  const Quaternion q = conjugate(X_AB.rotation);
  const Vec3 p = rotate(q, X_AB.position);
  return {{-p[0], -p[1], -p[2]}, q};
}

Pose compose(const Pose& X_AB, const Pose& X_BC) {
  return {transform(X_AB, X_BC.position), multiply(X_AB.rotation, X_BC.rotation)};
}

Vec3 rotation_vector(const Quaternion& q) {
  const double sign = q[0] < 0 ? -1 : 1;
  const double norm = std::sqrt(q[1] * q[1] + q[2] * q[2] + q[3] * q[3]);
  if (norm < 1e-12) return {0, 0, 0};
  const double factor = sign * 2 * std::atan2(norm, std::abs(q[0])) / norm;
  return {q[1] * factor, q[2] * factor, q[3] * factor};
}

Projection project(const Camera& camera, const Vec3& p_W) {
  const Vec3 p = transform(inverse(camera.X_WC), p_W);
  return {camera.cx + camera.fx * p[0] / p[2], camera.cy + camera.fy * p[1] / p[2], p[2]};
}

Vec3 unproject(const Camera& camera, double u, double v, double z) {
  return transform(camera.X_WC, {(u - camera.cx) / camera.fx * z, (v - camera.cy) / camera.fy * z, z});
}

}  // namespace bitemark
