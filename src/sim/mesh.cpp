#include "sim/mesh.h"

#include <algorithm>
#include <map>
#include <numbers>

#include "base/error.h"

namespace bitemark::sim {
namespace {

using Triangle = std::array<std::uint32_t, 3>;

/// Splits each triangle into four; new vertices lie on the unit sphere.
void subdivide(Mesh& mesh) {
  std::map<std::pair<std::uint32_t, std::uint32_t>, std::uint32_t> middles;
  const auto middle = [&](std::uint32_t a, std::uint32_t b) {
    const auto [entry, fresh] = middles.try_emplace(std::minmax(a, b), mesh.positions.size());
    if (fresh) mesh.positions.push_back(normalized(mesh.positions[a] + mesh.positions[b]));
    return entry->second;
  };
  std::vector<Triangle> finer;
  for (const auto& [a, b, c] : mesh.triangles) {
    const std::uint32_t ab = middle(a, b), bc = middle(b, c), ca = middle(c, a);
    finer.insert(finer.end(), {{a, ab, ca}, {ab, b, bc}, {ca, bc, c}, {ab, bc, ca}});
  }
  mesh.triangles = std::move(finer);
}

Mesh unit_icosphere(int level) {
  const float p = std::numbers::phi_v<float>;
  Mesh mesh;
  for (const V3 v : {V3{-1, p, 0}, V3{1, p, 0}, V3{-1, -p, 0}, V3{1, -p, 0}, V3{0, -1, p}, V3{0, 1, p}, V3{0, -1, -p},
                     V3{0, 1, -p}, V3{p, 0, -1}, V3{p, 0, 1}, V3{-p, 0, -1}, V3{-p, 0, 1}}) {
    mesh.positions.push_back(normalized(v));
  }
  mesh.triangles = {{0, 11, 5},  {0, 5, 1},  {0, 1, 7},  {0, 7, 10}, {0, 10, 11}, {1, 5, 9}, {5, 11, 4},
                    {11, 10, 2}, {10, 7, 6}, {7, 1, 8},  {3, 9, 4},  {3, 4, 2},   {3, 2, 6}, {3, 6, 8},
                    {3, 8, 9},   {4, 9, 5},  {2, 4, 11}, {6, 2, 10}, {8, 6, 7},   {9, 8, 1}};
  for (int i = 0; i < level; ++i) subdivide(mesh);
  return mesh;
}

void add_quad(Mesh& mesh, V3 a, V3 b, V3 c, V3 d) {
  const auto first = static_cast<std::uint32_t>(mesh.positions.size());
  mesh.positions.insert(mesh.positions.end(), {a, b, c, d});
  mesh.triangles.push_back({first, first + 1, first + 2});
  mesh.triangles.push_back({first, first + 2, first + 3});
}

}  // namespace

void Mesh::finish() {
  face_normals.clear();
  for (const auto& [a, b, c] : triangles) {
    face_normals.push_back(normalized(cross(positions[b] - positions[a], positions[c] - positions[a])));
  }
}

Mesh make_icosphere(double radius, int level) {
  Mesh mesh = unit_icosphere(level);
  mesh.surface = Mesh::Surface::kSphere;
  for (V3& p : mesh.positions) p = static_cast<float>(radius) * p;
  return mesh;
}

Mesh make_ellipsoid(const Vec3& center, const Vec3& radii, int level) {
  Mesh mesh = unit_icosphere(level);
  mesh.surface = Mesh::Surface::kSmooth;
  const V3 r = to_float(radii);
  for (V3& p : mesh.positions) {
    mesh.normals.push_back(normalized(V3{p.x / r.x, p.y / r.y, p.z / r.z}));
    p = to_float(center) + r * p;
  }
  return mesh;
}

Mesh make_box(const Vec3& size) {
  const V3 h = to_float(0.5 * size);
  Mesh mesh;
  add_quad(mesh, {h.x, -h.y, -h.z}, {h.x, h.y, -h.z}, {h.x, h.y, h.z}, {h.x, -h.y, h.z});
  add_quad(mesh, {-h.x, h.y, -h.z}, {-h.x, -h.y, -h.z}, {-h.x, -h.y, h.z}, {-h.x, h.y, h.z});
  add_quad(mesh, {h.x, h.y, -h.z}, {-h.x, h.y, -h.z}, {-h.x, h.y, h.z}, {h.x, h.y, h.z});
  add_quad(mesh, {-h.x, -h.y, -h.z}, {h.x, -h.y, -h.z}, {h.x, -h.y, h.z}, {-h.x, -h.y, h.z});
  add_quad(mesh, {-h.x, -h.y, h.z}, {h.x, -h.y, h.z}, {h.x, h.y, h.z}, {-h.x, h.y, h.z});
  add_quad(mesh, {-h.x, h.y, -h.z}, {h.x, h.y, -h.z}, {h.x, -h.y, -h.z}, {-h.x, -h.y, -h.z});
  mesh.finish();
  return mesh;
}

Mesh make_plane(double width, double depth) {
  const V3 h = to_float({width / 2, depth / 2, 0});
  Mesh mesh;
  add_quad(mesh, {-h.x, -h.y, 0}, {h.x, -h.y, 0}, {h.x, h.y, 0}, {-h.x, h.y, 0});
  mesh.finish();
  return mesh;
}

Mesh make_cylinder(double radius, double height, int sides) {
  Mesh mesh;
  mesh.surface = Mesh::Surface::kSmooth;
  const auto n = static_cast<std::uint32_t>(sides);
  const auto r = static_cast<float>(radius), h = static_cast<float>(height / 2);
  // Four rings: bottom cap, bottom side, top side, top cap; then the two centres.
  for (int ring = 0; ring < 4; ++ring) {
    for (int i = 0; i < sides; ++i) {
      const double angle = 2 * std::numbers::pi * i / sides;
      const V3 out{static_cast<float>(std::cos(angle)), static_cast<float>(std::sin(angle)), 0};
      mesh.positions.push_back(r * out + V3{0, 0, ring < 2 ? -h : h});
      mesh.normals.push_back(ring == 0 ? V3{0, 0, -1} : ring == 3 ? V3{0, 0, 1} : out);
    }
  }
  mesh.positions.insert(mesh.positions.end(), {V3{0, 0, -h}, V3{0, 0, h}});
  mesh.normals.insert(mesh.normals.end(), {V3{0, 0, -1}, V3{0, 0, 1}});
  for (std::uint32_t i = 0; i < n; ++i) {
    const std::uint32_t j = (i + 1) % n;
    mesh.triangles.push_back({n + i, n + j, 2 * n + j});
    mesh.triangles.push_back({n + i, 2 * n + j, 2 * n + i});
    mesh.triangles.push_back({j, i, 4 * n});
    mesh.triangles.push_back({3 * n + i, 3 * n + j, 4 * n + 1});
  }
  return mesh;
}

Mesh make_cone(double bottom_radius, double top_radius, double height, int sides) {
  Mesh mesh = make_cylinder(1, height, sides);
  const double slope = (bottom_radius - top_radius) / height;
  for (std::size_t i = 0; i < mesh.positions.size(); ++i) {
    V3& p = mesh.positions[i];
    const auto r = static_cast<float>(p.z < 0 ? bottom_radius : top_radius);
    p.x *= r;
    p.y *= r;
    V3& n = mesh.normals[i];
    if (n.z == 0) n = normalized(n + V3{0, 0, static_cast<float>(slope)});
  }
  return mesh;
}

void append(Mesh& mesh, const Mesh& other) {
  BITEMARK_CHECK(other.surface == Mesh::Surface::kSmooth);
  mesh.surface = Mesh::Surface::kSmooth;
  const auto first = static_cast<std::uint32_t>(mesh.positions.size());
  mesh.positions.insert(mesh.positions.end(), other.positions.begin(), other.positions.end());
  mesh.normals.insert(mesh.normals.end(), other.normals.begin(), other.normals.end());
  for (const auto& [a, b, c] : other.triangles) mesh.triangles.push_back({first + a, first + b, first + c});
}

}  // namespace bitemark::sim
