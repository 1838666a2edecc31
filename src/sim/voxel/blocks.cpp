#include "sim/voxel/blocks.h"

#include <stdexcept>

#include "sim/palette.h"

namespace bitemark::sim {
namespace {

const BlockKind kBuiltIn[] = {
    {"air", "", Tile::kDirt, Tile::kDirt, Tile::kDirt, {1, 1, 1}, 0},
    {"grass", "", Tile::kGrassTop, Tile::kGrassSide, Tile::kDirt, {1, 1, 1}, 0.6},
    {"dirt", "", Tile::kDirt, Tile::kDirt, Tile::kDirt, {1, 1, 1}, 0.5},
    {"stone", "", Tile::kStone, Tile::kStone, Tile::kStone, {1, 1, 1}, 1.1},
    {"sand", "", Tile::kSand, Tile::kSand, Tile::kSand, {1, 1, 1}, 0.5},
    {"log", "", Tile::kLogTop, Tile::kLogSide, Tile::kLogTop, {1, 1, 1}, 1.0},
    {"leaves", "", Tile::kLeaves, Tile::kLeaves, Tile::kLeaves, {1, 1, 1}, 0.3},
    {"planks", "", Tile::kPlanks, Tile::kPlanks, Tile::kPlanks, {1, 1, 1}, 0.9},
    {"bricks", "", Tile::kBricks, Tile::kBricks, Tile::kBricks, {1, 1, 1}, 1.1},
    {"wool", "", Tile::kWool, Tile::kWool, Tile::kWool, {1, 1, 1}, 0.7},
};

BlockKind make_kind(const std::string& name, const std::string& color) {
  for (const BlockKind& known : kBuiltIn) {
    if (known.name != name || name == "air") continue;
    BlockKind kind = known;
    if ((name == "wool") == color.empty()) {
      throw std::invalid_argument(color.empty() ? "wool needs a color" : "only wool has a color, not " + name);
    }
    if (color.empty()) return kind;
    const auto rgb = find_color(color);
    if (!rgb) throw std::invalid_argument("'" + color + "' is no colour of the palette");
    kind.color = color;
    kind.tint = to_linear(*rgb);
    return kind;
  }
  throw std::invalid_argument("unknown block '" + name +
                              "', expected grass, dirt, stone, sand, log, leaves, planks, bricks or wool");
}

}  // namespace

BlockKinds::BlockKinds() : kinds_(kBuiltIn, kBuiltIn + kLeaves + 1) {}

std::uint8_t BlockKinds::find_or_add(const std::string& name, const std::string& color) {
  for (std::size_t i = 1; i < kinds_.size(); ++i) {
    if (kinds_[i].name == name && kinds_[i].color == color) return static_cast<std::uint8_t>(i);
  }
  if (kinds_.size() > 200) throw std::invalid_argument("more than 200 kinds of blocks");
  kinds_.push_back(make_kind(name, color));
  return static_cast<std::uint8_t>(kinds_.size() - 1);
}

}  // namespace bitemark::sim
