// Triangle meshes in body frames.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "sim/vec.h"

namespace bitemark::sim {

/// One face of a block: a quad of two triangles.
struct BlockFace {
  std::uint8_t tile = 0;         ///< a Tile, voxel/blocks.h
  V3 tint{1, 1, 1};              ///< linear
  std::array<float, 4> light{};  ///< ambient at its corners, 0 to 1
};

/// Counter-clockwise seen from outside. How the shading normal is found is a property of the surface, so that a
/// coarse sphere is shaded as a true one.
struct Mesh {
  enum class Surface { kFlat, kSphere, kSmooth } surface = Surface::kFlat;
  std::vector<V3> positions;                            ///< [m]
  std::vector<V3> normals;                              ///< unit, one a position; kSmooth only
  std::vector<std::array<std::uint32_t, 3>> triangles;  ///< indices of positions
  std::vector<V3> face_normals;                         ///< unit, one a triangle; kFlat only
  std::vector<BlockFace> block_faces;                   ///< one for two triangles; voxel worlds only
  std::vector<V3> rest;  ///< of a body that deforms: where each position lies at rest, for textures [m]; else empty

  void finish();  ///< computes the face normals
};

Mesh make_icosphere(double radius, int level);  ///< 20 * 4^level triangles
Mesh make_box(const Vec3& size);
Mesh make_cylinder(double radius, double height, int sides);  ///< axis z
/// A cone cut off at the top, axis z, the origin at half its height.
Mesh make_cone(double bottom_radius, double top_radius, double height, int sides);
Mesh make_plane(double width, double depth);  ///< z = 0, seen from z > 0
/// Ellipsoid with smooth normals, for parts of a larger mesh.
Mesh make_ellipsoid(const Vec3& center, const Vec3& radii, int level);
void append(Mesh& mesh, const Mesh& other);  ///< both kSmooth

}  // namespace bitemark::sim
