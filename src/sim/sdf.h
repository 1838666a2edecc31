// A solid as signed distances on a grid; what a bite takes away is really gone.
#pragma once

#include <vector>

#include "sim/mesh.h"
#include "sim/physics.h"

namespace bitemark::sim {

/// A mark of teeth: scallops on an arc that is open to the outside, cut through the whole height.
struct Bite {
  Vec3 center{0, 0, 0};  ///< body frame, mid-height [m]
  double radius = 0;     ///< of the arc [m]
  double inward = 0;     ///< direction into the body, angle about z [rad]
};

struct MassProperties {
  double volume = 0;            ///< [m^3]
  Vec3 center{0, 0, 0};         ///< body frame [m]
  Vec3 second_moment{0, 0, 0};  ///< diagonal of the inertia tensor about `center` for density 1 [m^5]
};

/// Node (i, j, k) lies at origin + cell * (i, j, k); negative inside.
class SdfGrid {
 public:
  /// A flat round cake: radius, height, edge rounded by 0.4 of the height. Body frame, z is its axis.
  static SdfGrid cookie(double radius, double height);

  void subtract(const Bite& bite);
  float at(V3 p) const;  ///< trilinear; outside the grid a large positive number
  /// Naive surface nets (Gibson 1998): a vertex in every cell that the surface crosses, at the mean of the edge
  /// crossings. Normals from the gradient.
  Mesh mesh() const;
  /// By the part of each cell that is inside, from its eight nodes.
  MassProperties mass_properties() const;
  /// Few axis-aligned boxes that fill the solid at a coarse grain: its collision shape.
  CollisionShape collision_shape() const;

 private:
  float node(int i, int j, int k) const { return phi_[index(i, j, k)]; }
  std::size_t index(int i, int j, int k) const {
    return (static_cast<std::size_t>(k) * static_cast<std::size_t>(n_[1]) + static_cast<std::size_t>(j)) *
               static_cast<std::size_t>(n_[0]) +
           static_cast<std::size_t>(i);
  }
  V3 position(float i, float j, float k) const { return origin_ + cell_ * V3{i, j, k}; }
  float cell_volume_fraction(int i, int j, int k) const;
  V3 gradient(V3 p) const;
  /// Mean of the points where the surface crosses the edges of a cell, in cells from its first node.
  bool crossing_in(int i, int j, int k, V3& mean) const;
  /// One vertex in each crossed cell; returns their indices by cell.
  std::vector<std::uint32_t> place_vertices(Mesh& mesh) const;

  int n_[3] = {0, 0, 0};
  float cell_ = 0;
  V3 origin_;
  std::vector<float> phi_;
};

/// The whole cookie's distance function; also tells crust from crumb.
float cookie_distance(V3 p, float radius, float height);

}  // namespace bitemark::sim
