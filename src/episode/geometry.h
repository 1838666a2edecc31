// Conventions, written once. SI units; right-handed world, z up; camera x right, y down, z forward (OpenCV); pixel
// centres at +0.5; quaternions wxyz; X_AB maps coordinates in B to coordinates in A: p_A = X_AB * p_B.
#pragma once

#include <array>

namespace bitemark {

using Vec3 = std::array<double, 3>;
using Quaternion = std::array<double, 4>;  ///< w, x, y, z; unit length

struct Pose {
  Vec3 position{0, 0, 0};
  Quaternion rotation{1, 0, 0, 0};
};

/// Pinhole camera of one frame.
struct Camera {
  double fx = 0, fy = 0;  ///< focal lengths [px]
  double cx = 0, cy = 0;  ///< principal point [px], pixel corner origin
  Pose X_WC;              ///< camera in the world
  int shot = 0;           ///< frames of one shot share a continuous camera
};

Vec3 rotate(const Quaternion& q, const Vec3& v);
Quaternion conjugate(const Quaternion& q);
Quaternion multiply(const Quaternion& a, const Quaternion& b);
Vec3 transform(const Pose& X_AB, const Vec3& p_B);
Pose inverse(const Pose& X_AB);
Pose compose(const Pose& X_AB, const Pose& X_BC);
/// Rotation vector (axis times angle, radians, angle in [0, pi]).
Vec3 rotation_vector(const Quaternion& q);

/// Pixel coordinates and depth along the optical axis [m]; depth <= 0 lies behind the camera (pixel meaningless).
struct Projection {
  double u = 0, v = 0, depth = 0;
};
Projection project(const Camera& camera, const Vec3& p_W);
/// The world point seen at pixel coordinates (u, v) at depth z along the optical axis.
Vec3 unproject(const Camera& camera, double u, double v, double z);

}  // namespace bitemark
