#include "sim/wobble.h"

#include <cmath>

namespace bitemark::sim {
namespace {

constexpr int kSquares = 72;  // along a side of a plane

float waves(V3 q, double time_s) {
  const auto t = static_cast<float>(time_s);
  return std::sin(4.1F * q.x + 13 * t) + std::sin(5.3F * q.y - 11 * t) + std::sin(4.7F * q.z + 17 * t);
}

Mesh wobbled_plane(float half, float amplitude, double time_s) {
  Mesh mesh;
  for (int j = 0; j <= kSquares; ++j) {
    for (int i = 0; i <= kSquares; ++i) {
      V3 p{half * (2.0F * static_cast<float>(i) / kSquares - 1), half * (2.0F * static_cast<float>(j) / kSquares - 1),
           0};
      p.z = amplitude * waves(p, time_s);
      mesh.positions.push_back(p);
    }
  }
  for (std::uint32_t j = 0; j < kSquares; ++j) {
    for (std::uint32_t i = 0; i < kSquares; ++i) {
      const std::uint32_t a = j * (kSquares + 1) + i, b = a + kSquares + 1;
      mesh.triangles.push_back({a, a + 1, b + 1});
      mesh.triangles.push_back({a, b + 1, b});
    }
  }
  mesh.finish();
  return mesh;
}

}  // namespace

Mesh wobbled(const Mesh& mesh, bool is_plane, double radius, double amplitude, double time_s) {
  if (is_plane) return wobbled_plane(static_cast<float>(radius), static_cast<float>(amplitude), time_s);
  Mesh result = mesh;
  for (V3& p : result.positions) {
    p = (1 + static_cast<float>(amplitude) * waves((1 / static_cast<float>(radius)) * p, time_s)) * p;
  }
  if (result.surface == Mesh::Surface::kFlat) result.finish();
  return result;
}

}  // namespace bitemark::sim
