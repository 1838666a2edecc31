#include "sim/vec.h"

namespace bitemark::sim {

Quaternion from_columns(const Vec3& x, const Vec3& y, const Vec3& z) {
  // Shepperd's method: divide by the largest of the four components.
  const double trace = x[0] + y[1] + z[2];
  Quaternion q{};
  if (trace > 0) {
    const double s = 2 * std::sqrt(1 + trace);
    q = {s / 4, (y[2] - z[1]) / s, (z[0] - x[2]) / s, (x[1] - y[0]) / s};
  } else if (x[0] > y[1] && x[0] > z[2]) {
    const double s = 2 * std::sqrt(1 + x[0] - y[1] - z[2]);
    q = {(y[2] - z[1]) / s, s / 4, (y[0] + x[1]) / s, (z[0] + x[2]) / s};
  } else if (y[1] > z[2]) {
    const double s = 2 * std::sqrt(1 + y[1] - x[0] - z[2]);
    q = {(z[0] - x[2]) / s, (y[0] + x[1]) / s, s / 4, (z[1] + y[2]) / s};
  } else {
    const double s = 2 * std::sqrt(1 + z[2] - x[0] - y[1]);
    q = {(x[1] - y[0]) / s, (z[0] + x[2]) / s, (z[1] + y[2]) / s, s / 4};
  }
  return normalized(q);
}

Affine to_affine(const Pose& X_AB) {
  const V3 x = to_float(rotate(X_AB.rotation, {1, 0, 0}));
  const V3 y = to_float(rotate(X_AB.rotation, {0, 1, 0}));
  const V3 z = to_float(rotate(X_AB.rotation, {0, 0, 1}));
  return {{{x.x, y.x, z.x}, {x.y, y.y, z.y}, {x.z, y.z, z.z}}, to_float(X_AB.position)};
}

}  // namespace bitemark::sim
