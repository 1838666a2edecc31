// A world of cubes, one metre a side, on a regular grid.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <vector>

#include "sim/vec.h"

namespace bitemark::sim {

/// The cube that spans [x, x+1) x [y, y+1) x [z, z+1) metres of the world.
using Cell = std::array<int, 3>;

Vec3 center_of(const Cell& cell);  ///< world [m]

/// What stands in each cell: a kind of block (0 = air) and the body that it belongs to.
class VoxelGrid {
 public:
  static constexpr int kMinSide = 16, kMaxSide = 96;      ///< [cells], x and y
  static constexpr int kMinHeight = 16, kMaxHeight = 64;  ///< [cells]

  VoxelGrid() = default;
  VoxelGrid(int nx, int ny, int nz) : size_{nx, ny, nz}, kinds_(count()), owners_(count()) {}

  const Cell& size() const { return size_; }
  bool contains(const Cell& c) const {
    return c[0] >= 0 && c[1] >= 0 && c[2] >= 0 && c[0] < size_[0] && c[1] < size_[1] && c[2] < size_[2];
  }
  std::uint8_t kind(const Cell& c) const { return contains(c) ? kinds_[index(c)] : std::uint8_t{0}; }
  /// Index of the body in the scene; meaningless for air.
  std::uint8_t owner(const Cell& c) const { return contains(c) ? owners_[index(c)] : std::uint8_t{0}; }
  bool solid(const Cell& c) const { return kind(c) != 0; }
  /// Nobody walks through a block, out of the sides of the world or through its bottom; its top is open.
  bool stops(const Cell& c) const {
    return c[0] < 0 || c[1] < 0 || c[2] < 0 || c[0] >= size_[0] || c[1] >= size_[1] || solid(c);
  }
  void set(const Cell& c, std::uint8_t kind, std::uint8_t owner) {
    kinds_[index(c)] = kind;
    owners_[index(c)] = owner;
  }
  /// Height of the lowest air above which there is only air [cells].
  int surface(int x, int y) const;
  const std::vector<std::uint8_t>& kinds() const { return kinds_; }  ///< [z][y][x]

 private:
  std::size_t count() const {
    return static_cast<std::size_t>(size_[0]) * static_cast<std::size_t>(size_[1]) * static_cast<std::size_t>(size_[2]);
  }
  std::size_t index(const Cell& c) const {
    return static_cast<std::size_t>(c[0]) +
           static_cast<std::size_t>(size_[0]) *
               (static_cast<std::size_t>(c[1]) + static_cast<std::size_t>(size_[1]) * static_cast<std::size_t>(c[2]));
  }

  Cell size_{0, 0, 0};
  std::vector<std::uint8_t> kinds_, owners_;
};

/// Is the world point `p` on a face of a block of body `owner`? The point may be off by the rounding of a depth map:
/// up to a centimetre.
bool has_face_at(const VoxelGrid& grid, const Vec3& p, int owner);

struct RayHit {
  Cell cell{};    ///< the first block
  Cell before{};  ///< the air that the ray came from: where a placed block goes
  Vec3 point{};   ///< world
  double distance = 0;
};
/// The first block along a ray of unit direction within `reach` [m] (Amanatides & Woo 1987).
std::optional<RayHit> cast_ray(const VoxelGrid& grid, const Vec3& origin, const Vec3& direction, double reach);

}  // namespace bitemark::sim
