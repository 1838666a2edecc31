#include "sim/sdf.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace bitemark::sim {
namespace {

constexpr float kOutside = 1e3F;
constexpr int kScallops = 6;

/// Distance to the union of the scallops and the disc that they surround. Stretched 4 times in z so that the cut is
/// nearly upright; the sign is right everywhere, the distance in the plane.
float bite_distance(V3 p, const Bite& bite) {
  const auto r = static_cast<float>(bite.radius);
  const V3 q = p - to_float(bite.center);
  const float z = 0.25F * q.z;
  const auto ball = [&](float x, float y, float radius) {
    return std::sqrt((q.x - x) * (q.x - x) + (q.y - y) * (q.y - y) + z * z) - radius;
  };
  float d = ball(0, 0, 0.84F * r);
  for (int i = 0; i < kScallops; ++i) {
    const double turn = bite.inward + (i - 0.5 * (kScallops - 1)) * 0.5;  // 0.5 rad apart, 2.5 rad in all
    const auto x = 0.74F * r * static_cast<float>(std::cos(turn));
    const auto y = 0.74F * r * static_cast<float>(std::sin(turn));
    d = std::min(d, ball(x, y, 0.26F * r));
  }
  return d;
}

}  // namespace

float cookie_distance(V3 p, float radius, float height) {
  const float round = 0.4F * height;
  const float a = std::sqrt(p.x * p.x + p.y * p.y) - (radius - round);
  const float b = std::abs(p.z) - (height / 2 - round);
  const float outside = std::sqrt(std::max(a, 0.0F) * std::max(a, 0.0F) + std::max(b, 0.0F) * std::max(b, 0.0F));
  return std::min(std::max(a, b), 0.0F) + outside - round;
}

SdfGrid SdfGrid::cookie(double radius, double height) {
  SdfGrid grid;
  const int across = 52;
  grid.cell_ = static_cast<float>(2 * radius / (across - 5));
  const int up = static_cast<int>(std::ceil(height / grid.cell_)) + 5;
  grid.n_[0] = grid.n_[1] = across;
  grid.n_[2] = up;
  grid.origin_ = -0.5F * grid.cell_ * V3{across - 1.0F, across - 1.0F, static_cast<float>(up - 1)};
  grid.phi_.resize(static_cast<std::size_t>(across) * across * static_cast<std::size_t>(up));
  for (int k = 0; k < up; ++k) {
    for (int j = 0; j < across; ++j) {
      for (int i = 0; i < across; ++i) {
        const V3 p = grid.position(static_cast<float>(i), static_cast<float>(j), static_cast<float>(k));
        grid.phi_[grid.index(i, j, k)] = cookie_distance(p, static_cast<float>(radius), static_cast<float>(height));
      }
    }
  }
  return grid;
}

void SdfGrid::subtract(const Bite& bite) {
  for (int k = 0; k < n_[2]; ++k) {
    for (int j = 0; j < n_[1]; ++j) {
      for (int i = 0; i < n_[0]; ++i) {
        const V3 p = position(static_cast<float>(i), static_cast<float>(j), static_cast<float>(k));
        float& phi = phi_[index(i, j, k)];
        phi = std::max(phi, -bite_distance(p, bite));
      }
    }
  }
}

float SdfGrid::at(V3 p) const {
  const V3 q = (1 / cell_) * (p - origin_);
  const float fx = std::floor(q.x), fy = std::floor(q.y), fz = std::floor(q.z);
  const int i = static_cast<int>(fx), j = static_cast<int>(fy), k = static_cast<int>(fz);
  if (i < 0 || j < 0 || k < 0 || i + 1 >= n_[0] || j + 1 >= n_[1] || k + 1 >= n_[2]) return kOutside;
  const float x = q.x - fx, y = q.y - fy, z = q.z - fz;
  const auto along_x = [&](int b, int c) { return node(i, b, c) + x * (node(i + 1, b, c) - node(i, b, c)); };
  const float near = along_x(j, k) + y * (along_x(j + 1, k) - along_x(j, k));
  const float far = along_x(j, k + 1) + y * (along_x(j + 1, k + 1) - along_x(j, k + 1));
  return near + z * (far - near);
}

V3 SdfGrid::gradient(V3 p) const {
  const float h = 0.5F * cell_;
  const V3 g{at(p + V3{h, 0, 0}) - at(p - V3{h, 0, 0}), at(p + V3{0, h, 0}) - at(p - V3{0, h, 0}),
             at(p + V3{0, 0, h}) - at(p - V3{0, 0, h})};
  return dot(g, g) > 0 ? normalized(g) : V3{0, 0, 1};
}

bool SdfGrid::crossing_in(int i, int j, int k, V3& mean) const {
  V3 sum;
  int count = 0;
  const auto edge = [&](int a, int b, int c, int d, int e, int f) {
    const float from = node(i + a, j + b, k + c), to = node(i + d, j + e, k + f);
    if ((from < 0) == (to < 0)) return;
    const float t = from / (from - to);
    sum = sum + V3{static_cast<float>(a) + t * static_cast<float>(d - a),
                   static_cast<float>(b) + t * static_cast<float>(e - b),
                   static_cast<float>(c) + t * static_cast<float>(f - c)};
    ++count;
  };
  for (int u = 0; u < 2; ++u) {
    for (int v = 0; v < 2; ++v) {
      edge(0, u, v, 1, u, v);
      edge(u, 0, v, u, 1, v);
      edge(u, v, 0, u, v, 1);
    }
  }
  if (count > 0) mean = (1.0F / static_cast<float>(count)) * sum;
  return count > 0;
}

std::vector<std::uint32_t> SdfGrid::place_vertices(Mesh& mesh) const {
  std::vector<std::uint32_t> vertex_of(phi_.size(), std::numeric_limits<std::uint32_t>::max());
  for (int k = 0; k + 1 < n_[2]; ++k) {
    for (int j = 0; j + 1 < n_[1]; ++j) {
      for (int i = 0; i + 1 < n_[0]; ++i) {
        V3 mean;
        if (!crossing_in(i, j, k, mean)) continue;
        const V3 p =
            position(static_cast<float>(i) + mean.x, static_cast<float>(j) + mean.y, static_cast<float>(k) + mean.z);
        vertex_of[index(i, j, k)] = static_cast<std::uint32_t>(mesh.positions.size());
        mesh.positions.push_back(p);
        mesh.normals.push_back(gradient(p));
      }
    }
  }
  return vertex_of;
}

Mesh SdfGrid::mesh() const {
  Mesh mesh;
  mesh.surface = Mesh::Surface::kSmooth;
  const std::vector<std::uint32_t> vertex_of = place_vertices(mesh);
  // Each grid edge with a change of sign joins the vertices of the four cells around it, counter-clockwise about it.
  const auto quad = [&](bool flip, std::size_t a, std::size_t b, std::size_t c, std::size_t d) {
    if (flip) {
      mesh.triangles.push_back({vertex_of[a], vertex_of[c], vertex_of[b]});
      mesh.triangles.push_back({vertex_of[a], vertex_of[d], vertex_of[c]});
    } else {
      mesh.triangles.push_back({vertex_of[a], vertex_of[b], vertex_of[c]});
      mesh.triangles.push_back({vertex_of[a], vertex_of[c], vertex_of[d]});
    }
  };
  for (int k = 1; k + 1 < n_[2]; ++k) {
    for (int j = 1; j + 1 < n_[1]; ++j) {
      for (int i = 1; i + 1 < n_[0]; ++i) {
        const bool inside = node(i, j, k) < 0;
        if (inside != (node(i + 1, j, k) < 0)) {
          quad(!inside, index(i, j - 1, k - 1), index(i, j, k - 1), index(i, j, k), index(i, j - 1, k));
        }
        if (inside != (node(i, j + 1, k) < 0)) {
          quad(!inside, index(i - 1, j, k - 1), index(i - 1, j, k), index(i, j, k), index(i, j, k - 1));
        }
        if (inside != (node(i, j, k + 1) < 0)) {
          quad(!inside, index(i - 1, j - 1, k), index(i, j - 1, k), index(i, j, k), index(i - 1, j, k));
        }
      }
    }
  }
  return mesh;
}

float SdfGrid::cell_volume_fraction(int i, int j, int k) const {
  // A plane at distance d from the centre of a cell fills about clamp(0.5 - d / cell) of it.
  float sum = 0;
  for (int c = 0; c < 8; ++c) sum += node(i + (c & 1), j + (c >> 1 & 1), k + (c >> 2 & 1));
  return std::clamp(0.5F - sum / 8 / cell_, 0.0F, 1.0F);
}

MassProperties SdfGrid::mass_properties() const {
  double volume = 0;
  Vec3 first{0, 0, 0}, second{0, 0, 0};
  const double unit = static_cast<double>(cell_) * cell_ * cell_;
  for (int k = 0; k + 1 < n_[2]; ++k) {
    for (int j = 0; j + 1 < n_[1]; ++j) {
      for (int i = 0; i + 1 < n_[0]; ++i) {
        const double part = unit * static_cast<double>(cell_volume_fraction(i, j, k));
        if (part <= 0) continue;
        const V3 p = position(static_cast<float>(i) + 0.5F, static_cast<float>(j) + 0.5F, static_cast<float>(k) + 0.5F);
        const Vec3 x{p.x, p.y, p.z};
        volume += part;
        first = first + part * x;
        // a cell's own moment, cell^2 / 12, is added to the point's
        for (std::size_t a = 0; a < 3; ++a) second[a] += part * (x[a] * x[a] + static_cast<double>(cell_) * cell_ / 12);
      }
    }
  }
  MassProperties result{volume, {0, 0, 0}, {0, 0, 0}};
  if (volume <= 0) return result;
  result.center = (1 / volume) * first;
  Vec3 about{};
  for (std::size_t a = 0; a < 3; ++a) about[a] = second[a] - volume * result.center[a] * result.center[a];
  result.second_moment = {about[1] + about[2], about[0] + about[2], about[0] + about[1]};
  return result;
}

CollisionShape SdfGrid::collision_shape() const {
  constexpr int kGrain = 4;  // cells a box is deep
  CollisionShape shape;
  shape.kind = CollisionShape::Kind::kBoxes;
  float low = 0, high = 0;  // the solid's height, the same for all columns
  for (int k = 0; k < n_[2]; ++k) {
    const float z = position(0, 0, static_cast<float>(k)).z;
    for (int j = 0; j < n_[1]; ++j) {
      for (int i = 0; i < n_[0]; ++i) {
        if (node(i, j, k) < 0) low = std::min(low, z - cell_ / 2), high = std::max(high, z + cell_ / 2);
      }
    }
  }
  const int middle = n_[2] / 2;
  for (int j = kGrain / 2; j < n_[1]; j += kGrain) {
    int start = -1;
    for (int i = 0; i < n_[0]; ++i) {
      const bool inside = node(i, j, middle) < 0 && i + 1 < n_[0];
      if (inside && start < 0) start = i;
      if (!inside && start >= 0) {
        const V3 a = position(static_cast<float>(start), static_cast<float>(j - kGrain / 2), 0);
        const V3 b = position(static_cast<float>(i - 1), static_cast<float>(j + kGrain / 2), 0);
        shape.boxes.push_back(
            {{(a.x + b.x) / 2, (a.y + b.y) / 2, (low + high) / 2}, {b.x - a.x + cell_, b.y - a.y, high - low}});
        start = -1;
      }
    }
  }
  return shape;
}

}  // namespace bitemark::sim
