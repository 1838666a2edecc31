// Small vector arithmetic: doubles for the world, floats for the many samples of an image.
#pragma once

#include <cmath>

#include "episode/geometry.h"

namespace bitemark::sim {

inline Vec3 operator+(const Vec3& a, const Vec3& b) { return {a[0] + b[0], a[1] + b[1], a[2] + b[2]}; }
inline Vec3 operator-(const Vec3& a, const Vec3& b) { return {a[0] - b[0], a[1] - b[1], a[2] - b[2]}; }
inline Vec3 operator*(double s, const Vec3& a) { return {s * a[0], s * a[1], s * a[2]}; }
inline double dot(const Vec3& a, const Vec3& b) { return a[0] * b[0] + a[1] * b[1] + a[2] * b[2]; }
inline Vec3 cross(const Vec3& a, const Vec3& b) {
  return {a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]};
}
inline double norm(const Vec3& a) { return std::sqrt(dot(a, a)); }
inline Vec3 normalized(const Vec3& a) { return (1.0 / norm(a)) * a; }

/// Rotation by `angle` radians about the unit vector `axis`.
inline Quaternion about_axis(const Vec3& axis, double angle) {
  const double s = std::sin(angle / 2);
  return {std::cos(angle / 2), s * axis[0], s * axis[1], s * axis[2]};
}
inline Quaternion normalized(const Quaternion& q) {
  const double n = std::sqrt(q[0] * q[0] + q[1] * q[1] + q[2] * q[2] + q[3] * q[3]);
  return {q[0] / n, q[1] / n, q[2] / n, q[3] / n};
}
/// The unit quaternion whose rotation matrix has these columns (orthonormal, right-handed).
Quaternion from_columns(const Vec3& x, const Vec3& y, const Vec3& z);

struct V3 {
  float x = 0, y = 0, z = 0;
};
inline V3 operator+(V3 a, V3 b) { return {a.x + b.x, a.y + b.y, a.z + b.z}; }
inline V3 operator-(V3 a, V3 b) { return {a.x - b.x, a.y - b.y, a.z - b.z}; }
inline V3 operator*(float s, V3 a) { return {s * a.x, s * a.y, s * a.z}; }
inline V3 operator*(V3 a, V3 b) { return {a.x * b.x, a.y * b.y, a.z * b.z}; }
inline float dot(V3 a, V3 b) { return a.x * b.x + a.y * b.y + a.z * b.z; }
inline V3 cross(V3 a, V3 b) { return {a.y * b.z - a.z * b.y, a.z * b.x - a.x * b.z, a.x * b.y - a.y * b.x}; }
inline V3 normalized(V3 a) { return (1.0F / std::sqrt(dot(a, a))) * a; }
inline V3 to_float(const Vec3& a) {
  return {static_cast<float>(a[0]), static_cast<float>(a[1]), static_cast<float>(a[2])};
}

/// Weights of a, b and c at the point of their plane nearest to p; (1, 0, 0) for a triangle without area.
inline V3 barycentric(V3 p, V3 a, V3 b, V3 c) {
  const V3 e1 = b - a, e2 = c - a, q = p - a;
  const float d11 = dot(e1, e1), d12 = dot(e1, e2), d22 = dot(e2, e2), q1 = dot(q, e1), q2 = dot(q, e2);
  const float det = d11 * d22 - d12 * d12;
  if (det <= 0) return {1, 0, 0};
  const float v = (d22 * q1 - d12 * q2) / det, w = (d11 * q2 - d12 * q1) / det;
  return {1 - v - w, v, w};
}

/// p -> R p + t, rows of R.
struct Affine {
  V3 row[3];
  V3 t;
  V3 point(V3 p) const { return {dot(row[0], p) + t.x, dot(row[1], p) + t.y, dot(row[2], p) + t.z}; }
  V3 vector(V3 v) const { return {dot(row[0], v), dot(row[1], v), dot(row[2], v)}; }
};
Affine to_affine(const Pose& X_AB);

}  // namespace bitemark::sim
