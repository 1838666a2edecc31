#include "sim/voxel/grid.h"

#include <cmath>
#include <limits>

namespace bitemark::sim {
namespace {

constexpr double kOnFace_m = 0.01;

Cell cell_at(const Vec3& p) {
  return {static_cast<int>(std::floor(p[0])), static_cast<int>(std::floor(p[1])), static_cast<int>(std::floor(p[2]))};
}

}  // namespace

Vec3 center_of(const Cell& cell) { return {cell[0] + 0.5, cell[1] + 0.5, cell[2] + 0.5}; }

int VoxelGrid::surface(int x, int y) const {
  int z = size_[2];
  while (z > 0 && !solid({x, y, z - 1})) --z;
  return z;
}

bool has_face_at(const VoxelGrid& grid, const Vec3& p, int owner) {
  for (std::size_t axis = 0; axis < 3; ++axis) {
    const double plane = std::round(p[axis]);
    if (std::abs(p[axis] - plane) > kOnFace_m) continue;
    Cell low = cell_at(p), high = low;
    low[axis] = static_cast<int>(plane) - 1;
    high[axis] = static_cast<int>(plane);
    if (grid.solid(low) == grid.solid(high)) continue;
    if (grid.owner(grid.solid(low) ? low : high) == owner) return true;
  }
  return false;
}

std::optional<RayHit> cast_ray(const VoxelGrid& grid, const Vec3& origin, const Vec3& direction, double reach) {
  RayHit hit;
  hit.cell = hit.before = cell_at(origin);
  Cell step{};
  Vec3 next{}, spacing{};  // distance to the next plane of each axis, and between its planes
  for (std::size_t a = 0; a < 3; ++a) {
    const double d = direction[a];
    step[a] = d > 0 ? 1 : -1;
    spacing[a] = d == 0 ? std::numeric_limits<double>::infinity() : std::abs(1 / d);
    const double to_plane = d > 0 ? hit.cell[a] + 1 - origin[a] : origin[a] - hit.cell[a];
    next[a] = d == 0 ? std::numeric_limits<double>::infinity() : to_plane * spacing[a];
  }
  while (!grid.solid(hit.cell)) {
    std::size_t a = next[0] < next[1] ? 0 : 1;
    if (next[2] < next[a]) a = 2;
    hit.distance = next[a];
    if (hit.distance > reach) return std::nullopt;
    next[a] += spacing[a];
    hit.before = hit.cell;
    hit.cell[a] += step[a];
  }
  hit.point = origin + hit.distance * direction;
  return hit;
}

}  // namespace bitemark::sim
