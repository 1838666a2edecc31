#include "sim/wobble.h"

#include <cmath>

namespace bitemark::sim {

Mesh wobbled(const Mesh& mesh, double radius, double amplitude, double time_s) {
  Mesh result = mesh;
  const auto t = static_cast<float>(time_s);
  for (V3& p : result.positions) {
    const float length = std::sqrt(dot(p, p));
    if (length <= 0) continue;
    const V3 q = (1 / static_cast<float>(radius)) * p;
    const float wave = std::sin(4.1F * q.x + 13 * t) + std::sin(5.3F * q.y - 11 * t) + std::sin(4.7F * q.z + 17 * t);
    p = (1 + static_cast<float>(amplitude) * wave) * p;
  }
  if (result.surface == Mesh::Surface::kFlat) result.finish();
  return result;
}

}  // namespace bitemark::sim
