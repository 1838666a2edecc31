#include "sim/voxel/world.h"

#include <algorithm>

namespace bitemark::sim {

VoxelVersion edited_version(const std::vector<VoxelVersion>& versions, int base, const Cell& cell, std::uint8_t kind,
                            std::uint8_t owner) {
  VoxelVersion version = versions[static_cast<std::size_t>(base)];
  const std::uint8_t before = version.grid.owner(cell);
  const bool was_solid = version.grid.solid(cell);
  version.grid.set(cell, kind, owner);
  version.base = base;
  version.edited = cell;
  // Ground and trees are bodies for ever; a block with a name is one while it stands.
  if (was_solid && before > 1) version.alive[before] = false;
  if (kind != BlockKinds::kAir) version.alive[owner] = true;
  return version;
}

}  // namespace bitemark::sim
