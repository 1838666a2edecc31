// The kinds of blocks: what they look like and how long they take to break.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "sim/vec.h"

namespace bitemark::sim {

/// Pictures of 16 x 16 texels, block_texture.h.
enum class Tile : std::uint8_t {
  kGrassTop,
  kGrassSide,
  kDirt,
  kStone,
  kSand,
  kLogSide,
  kLogTop,
  kLeaves,
  kPlanks,
  kBricks,
  kWool,
  kCount
};

struct BlockKind {
  std::string name;   ///< grass, dirt, stone, sand, log, leaves, planks, bricks, wool
  std::string color;  ///< of wool: a palette name or #rrggbb; empty for the others
  Tile top = Tile::kDirt, side = Tile::kDirt, bottom = Tile::kDirt;
  V3 tint{1, 1, 1};    ///< linear
  double break_s = 1;  ///< the attack must last so long [s]
};

/// The kinds of one take. 0 is air; grass, dirt, stone, sand, log and leaves have fixed numbers, the others come as
/// they are used.
class BlockKinds {
 public:
  static constexpr std::uint8_t kAir = 0, kGrass = 1, kDirt = 2, kStone = 3, kSand = 4, kLog = 5, kLeaves = 6;

  BlockKinds();
  /// Number of a kind, which is added when it is new. Throws std::invalid_argument for an unknown kind or colour, a
  /// colour of anything but wool, or wool without one.
  std::uint8_t find_or_add(const std::string& name, const std::string& color);
  const BlockKind& operator[](std::uint8_t kind) const { return kinds_[kind]; }

 private:
  std::vector<BlockKind> kinds_;
};

}  // namespace bitemark::sim
