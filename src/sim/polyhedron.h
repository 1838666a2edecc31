// Convex solids by their corners and faces: mass properties, meshes, collision hulls, and a vessel in pieces.
#pragma once

#include <vector>

#include "base/random.h"
#include "sim/mesh.h"

namespace bitemark::sim {

/// Faces are counter-clockwise seen from outside. A face of four corners may be slightly bent.
struct Polyhedron {
  std::vector<Vec3> corners;                    ///< [m]
  std::vector<std::vector<std::size_t>> faces;  ///< indices of corners
};

/// Exact for closed polyhedra of any shape (Eberly, "Polyhedral Mass Properties (Revisited)").
struct SolidMoments {
  double volume = 0;                               ///< [m^3]
  Vec3 center{0, 0, 0};                            ///< [m]
  std::array<std::array<double, 3>, 3> inertia{};  ///< tensor about `center` for density 1 [m^5]
};
SolidMoments moments_of(const Polyhedron& solid);
/// Of several solids as one.
SolidMoments combined(const std::vector<SolidMoments>& parts);

/// Principal axes by Jacobi rotations: inertia = R diag(moments) R^T, R the rotation `axes`.
struct PrincipalAxes {
  Vec3 moments{0, 0, 0};
  Quaternion axes{1, 0, 0, 0};
};
PrincipalAxes principal_axes(const std::array<std::array<double, 3>, 3>& inertia);

Polyhedron make_block(const Vec3& size);
/// A ramp: a right-angled triangle in x and z, rising towards +x; the origin is the middle of its bounding box.
Polyhedron make_wedge(const Vec3& size);
/// The corners of the solid with every face moved inwards by `distance` [m]: a collision hull for that margin.
std::vector<Vec3> eroded_corners(const Polyhedron& solid, double distance);
void translate(Polyhedron& solid, const Vec3& by);
Mesh mesh_of(const std::vector<Polyhedron>& solids);  ///< flat shaded

/// A round vessel, axis z, the origin at half its height.
struct Vessel {
  double open_radius = 0, closed_radius = 0;  ///< outer, at the open and at the closed end [m]
  double height = 0, thickness = 0;           ///< [m]
  bool open_below = false;
};
/// The vessel cut into convex pieces: `sides` by `rows` of the wall, and the bottom in `sides` slices. `jitter` in [0,
/// 1) makes the cuts irregular, drawn from `random`.
std::vector<Polyhedron> cut_vessel(const Vessel& vessel, int sides, int rows, double jitter, Pcg32& random);

}  // namespace bitemark::sim
