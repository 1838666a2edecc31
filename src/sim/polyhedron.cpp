#include "sim/polyhedron.h"

#include <algorithm>
#include <cmath>
#include <numbers>

#include "base/error.h"

namespace bitemark::sim {
namespace {

using Matrix = std::array<std::array<double, 3>, 3>;

/// Integral of x_i x_j over the tetrahedron (0, a, b, c) of volume v: v / 20 (sum_i sum_j + sum of squares).
double second_moment(const Vec3& a, const Vec3& b, const Vec3& c, double v, std::size_t i, std::size_t j) {
  const double si = a[i] + b[i] + c[i], sj = a[j] + b[j] + c[j];
  return v / 20 * (si * sj + a[i] * a[j] + b[i] * b[j] + c[i] * c[j]);
}

/// Inertia tensor from the integrals of x_i x_j.
Matrix tensor_from(const Matrix& second) {
  Matrix inertia{};
  const double trace = second[0][0] + second[1][1] + second[2][2];
  for (std::size_t i = 0; i < 3; ++i) {
    for (std::size_t j = 0; j < 3; ++j) inertia[i][j] = (i == j ? trace : 0) - second[i][j];
  }
  return inertia;
}

/// What a point mass at `offset` adds to an inertia tensor (Steiner).
void add_steiner(Matrix& inertia, double mass, const Vec3& offset) {
  for (std::size_t i = 0; i < 3; ++i) {
    for (std::size_t j = 0; j < 3; ++j) {
      inertia[i][j] += mass * ((i == j ? dot(offset, offset) : 0) - offset[i] * offset[j]);
    }
  }
}

/// Plane n . x = d of a face: Newell's normal through the mean of its corners.
struct FacePlane {
  Vec3 normal{0, 0, 0};
  double distance = 0;
};
FacePlane plane_of(const Polyhedron& solid, const std::vector<std::size_t>& face) {
  Vec3 normal{0, 0, 0}, middle{0, 0, 0};
  for (std::size_t k = 0; k < face.size(); ++k) {
    const Vec3& p = solid.corners[face[k]];
    normal = normal + cross(p, solid.corners[face[(k + 1) % face.size()]]);
    middle = middle + (1.0 / static_cast<double>(face.size())) * p;
  }
  normal = normalized(normal);
  return {normal, dot(normal, middle)};
}

/// The point of three planes (Cramer's rule).
Vec3 meeting_point(const FacePlane& a, const FacePlane& b, const FacePlane& c) {
  const Vec3 bc = cross(b.normal, c.normal);
  const double det = dot(a.normal, bc);
  return (1 / det) *
         (a.distance * bc + b.distance * cross(c.normal, a.normal) + c.distance * cross(a.normal, b.normal));
}

}  // namespace

SolidMoments moments_of(const Polyhedron& solid) {
  SolidMoments result;
  const Vec3 origin = solid.corners.front();  // near the solid, so that nothing large cancels
  Vec3 first{0, 0, 0};
  Matrix second{};
  for (const auto& face : solid.faces) {
    for (std::size_t k = 1; k + 1 < face.size(); ++k) {
      const Vec3 a = solid.corners[face[0]] - origin, b = solid.corners[face[k]] - origin,
                 c = solid.corners[face[k + 1]] - origin;
      const double v = dot(a, cross(b, c)) / 6;
      result.volume += v;
      first = first + (v / 4) * (a + b + c);
      for (std::size_t i = 0; i < 3; ++i) {
        for (std::size_t j = 0; j < 3; ++j) second[i][j] += second_moment(a, b, c, v, i, j);
      }
    }
  }
  const Vec3 offset = (1 / result.volume) * first;
  result.center = origin + offset;
  result.inertia = tensor_from(second);
  add_steiner(result.inertia, -result.volume, offset);
  return result;
}

SolidMoments combined(const std::vector<SolidMoments>& parts) {
  SolidMoments whole;
  for (const SolidMoments& part : parts) {
    whole.volume += part.volume;
    whole.center = whole.center + part.volume * part.center;
  }
  whole.center = (1 / whole.volume) * whole.center;
  for (const SolidMoments& part : parts) {
    for (std::size_t i = 0; i < 3; ++i) {
      for (std::size_t j = 0; j < 3; ++j) whole.inertia[i][j] += part.inertia[i][j];
    }
    add_steiner(whole.inertia, part.volume, part.center - whole.center);
  }
  return whole;
}

PrincipalAxes principal_axes(const Matrix& inertia) {
  Matrix a = inertia;
  Vec3 columns[3] = {{1, 0, 0}, {0, 1, 0}, {0, 0, 1}};
  for (int sweep = 0; sweep < 30; ++sweep) {  // converges quadratically: a handful suffice
    for (const auto& [p, q] : {std::pair<std::size_t, std::size_t>{0, 1}, {0, 2}, {1, 2}}) {
      if (a[p][q] == 0) continue;
      const double angle = 0.5 * std::atan2(2 * a[p][q], a[q][q] - a[p][p]);
      const double c = std::cos(angle), s = std::sin(angle);
      for (std::size_t k = 0; k < 3; ++k) {
        const double kp = a[k][p], kq = a[k][q];
        a[k][p] = c * kp - s * kq;
        a[k][q] = s * kp + c * kq;
      }
      for (std::size_t k = 0; k < 3; ++k) {
        const double pk = a[p][k], qk = a[q][k];
        a[p][k] = c * pk - s * qk;
        a[q][k] = s * pk + c * qk;
      }
      const Vec3 old = columns[p];
      columns[p] = c * old - s * columns[q];
      columns[q] = s * old + c * columns[q];
    }
  }
  return {{a[0][0], a[1][1], a[2][2]}, from_columns(columns[0], columns[1], cross(columns[0], columns[1]))};
}

Polyhedron make_block(const Vec3& size) {
  const Vec3 h = 0.5 * size;
  Polyhedron solid;
  for (const double z : {-h[2], h[2]}) {
    solid.corners.insert(solid.corners.end(), {{-h[0], -h[1], z}, {h[0], -h[1], z}, {h[0], h[1], z}, {-h[0], h[1], z}});
  }
  solid.faces = {{3, 2, 1, 0}, {4, 5, 6, 7}, {0, 1, 5, 4}, {1, 2, 6, 5}, {2, 3, 7, 6}, {3, 0, 4, 7}};
  return solid;
}

Polyhedron make_wedge(const Vec3& size) {
  const Vec3 h = 0.5 * size;
  Polyhedron solid;
  for (const double y : {-h[1], h[1]}) {
    solid.corners.insert(solid.corners.end(), {{-h[0], y, -h[2]}, {h[0], y, -h[2]}, {h[0], y, h[2]}});
  }
  solid.faces = {{0, 1, 2}, {5, 4, 3}, {3, 4, 1, 0}, {4, 5, 2, 1}, {5, 3, 0, 2}};
  return solid;
}

std::vector<Vec3> eroded_corners(const Polyhedron& solid, double distance) {
  std::vector<std::vector<FacePlane>> at_corner(solid.corners.size());
  for (const auto& face : solid.faces) {
    FacePlane plane = plane_of(solid, face);
    plane.distance -= distance;
    for (const std::size_t corner : face) at_corner[corner].push_back(plane);
  }
  std::vector<Vec3> eroded;
  for (const auto& planes : at_corner) {
    BITEMARK_CHECK(planes.size() == 3, "a corner of three faces");
    eroded.push_back(meeting_point(planes[0], planes[1], planes[2]));
  }
  return eroded;
}

void translate(Polyhedron& solid, const Vec3& by) {
  for (Vec3& corner : solid.corners) corner = corner + by;
}

Mesh mesh_of(const std::vector<Polyhedron>& solids) {
  Mesh mesh;
  for (const Polyhedron& solid : solids) {
    const auto first = static_cast<std::uint32_t>(mesh.positions.size());
    for (const Vec3& corner : solid.corners) mesh.positions.push_back(to_float(corner));
    for (const auto& face : solid.faces) {
      for (std::size_t k = 1; k + 1 < face.size(); ++k) {
        mesh.triangles.push_back({first + static_cast<std::uint32_t>(face[0]),
                                  first + static_cast<std::uint32_t>(face[k]),
                                  first + static_cast<std::uint32_t>(face[k + 1])});
      }
    }
  }
  mesh.finish();
  return mesh;
}

std::vector<Polyhedron> cut_vessel(const Vessel& vessel, int sides, int rows, double jitter, Pcg32& random) {
  const auto n = static_cast<std::size_t>(sides), m = static_cast<std::size_t>(rows);
  // Cuts run from the open end (row 0) to the closed one; each row of cuts has its own angles and heights.
  std::vector<std::vector<std::pair<double, double>>> cut(m + 1);  // (angle, part of the height)
  for (std::size_t row = 0; row <= m; ++row) {
    const bool edge = row == 0 || row == m;
    for (std::size_t side = 0; side < n; ++side) {
      const double aside = jitter * random.uniform(-0.45, 0.45), up = edge ? 0 : jitter * random.uniform(-0.3, 0.3);
      cut[row].emplace_back(2 * std::numbers::pi * (static_cast<double>(side) + aside) / sides,
                            (static_cast<double>(row) + up) / rows);
    }
  }
  const double way = vessel.open_below ? 1 : -1;             // of z from the open to the closed end
  const double base = 1 - vessel.thickness / vessel.height;  // the wall ends where the bottom begins
  const auto point = [&](std::size_t row, std::size_t side, bool inner, bool bottom) {
    const auto& [angle, part] = cut[row][side % n];
    const double along = bottom ? 1 : base * part;
    const double r =
        vessel.open_radius + along * (vessel.closed_radius - vessel.open_radius) - (inner ? vessel.thickness : 0);
    return Vec3{r * std::cos(angle), r * std::sin(angle), way * vessel.height * (along - 0.5)};
  };
  std::vector<Polyhedron> pieces;
  const auto add = [&](Polyhedron piece) {
    if (!vessel.open_below) {
      for (auto& face : piece.faces) std::reverse(face.begin(), face.end());
    }
    pieces.push_back(std::move(piece));
  };
  const std::vector<std::vector<std::size_t>> six{{3, 2, 1, 0}, {4, 5, 6, 7}, {0, 1, 5, 4},
                                                  {1, 2, 6, 5}, {2, 3, 7, 6}, {3, 0, 4, 7}};
  for (std::size_t row = 0; row < m; ++row) {
    for (std::size_t s = 0; s < n; ++s) {
      Polyhedron piece{{}, six};
      for (const std::size_t r : {row, row + 1}) {
        for (const auto& [side, inner] :
             {std::pair<std::size_t, bool>{s, true}, {s, false}, {s + 1, false}, {s + 1, true}}) {
          piece.corners.push_back(point(r, side, inner, false));
        }
      }
      add(std::move(piece));
    }
  }
  for (std::size_t s = 0; s < n; ++s) {
    Polyhedron slice{{}, {{2, 1, 0}, {3, 4, 5}, {0, 1, 4, 3}, {1, 2, 5, 4}, {2, 0, 3, 5}}};
    for (const bool bottom : {false, true}) {
      const Vec3 rim = point(m, s, false, bottom);
      slice.corners.insert(slice.corners.end(), {{0, 0, rim[2]}, rim, point(m, s + 1, false, bottom)});
    }
    add(std::move(slice));
  }
  return pieces;
}

}  // namespace bitemark::sim
