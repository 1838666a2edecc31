#include "sim/voxel/mesher.h"

#include <algorithm>

namespace bitemark::sim {
namespace {

/// Ambient light that the blocks around a corner leave, by how many of the three there are.
constexpr float kCornerLight[4] = {1.0F, 0.78F, 0.62F, 0.48F};

class ChunkMesher {
 public:
  ChunkMesher(const VoxelGrid& grid, const BlockKinds& kinds, int body_count)
      : grid_(grid), kinds_(kinds), meshes_(static_cast<std::size_t>(body_count)) {}

  void add(const Cell& cell) {
    const std::uint8_t kind = grid_.kind(cell);
    if (kind == BlockKinds::kAir) return;
    for (std::size_t axis = 0; axis < 3; ++axis) {
      for (const int side : {-1, 1}) {
        Cell next = cell;
        next[axis] += side;
        const bool open = next[2] >= grid_.size()[2] || (grid_.contains(next) && !grid_.solid(next));
        if (open) add_face(cell, next, axis, side, kinds_[kind]);
      }
    }
  }

  std::vector<std::shared_ptr<const Mesh>> finish() {
    std::vector<std::shared_ptr<const Mesh>> result;
    for (auto& mesh : meshes_) {
      if (mesh) mesh->finish();
      result.push_back(std::move(mesh));
    }
    return result;
  }

 private:
  /// Corners run counter-clockwise seen from the air: (0,0), (1,0), (1,1), (0,1) along the two other axes, exchanged
  /// where the face looks against its axis.
  void add_face(const Cell& cell, const Cell& air, std::size_t axis, int side, const BlockKind& kind) {
    auto& mesh = meshes_[grid_.owner(cell)];
    if (!mesh) mesh = std::make_shared<Mesh>();
    std::size_t u = (axis + 1) % 3, v = (axis + 2) % 3;
    if (side < 0) std::swap(u, v);
    BlockFace face;
    face.tile = static_cast<std::uint8_t>(axis != 2 ? kind.side : side > 0 ? kind.top : kind.bottom);
    face.tint = kind.tint;
    const auto first = static_cast<std::uint32_t>(mesh->positions.size());
    for (std::size_t corner = 0; corner < 4; ++corner) {
      const int du = corner == 1 || corner == 2 ? 1 : 0, dv = corner >= 2 ? 1 : 0;
      Cell at = cell;
      if (side > 0) ++at[axis];
      at[u] += du;
      at[v] += dv;
      mesh->positions.push_back({static_cast<float>(at[0]), static_cast<float>(at[1]), static_cast<float>(at[2])});
      face.light[corner] = corner_light(air, u, v, 2 * du - 1, 2 * dv - 1);
    }
    mesh->triangles.push_back({first, first + 1, first + 2});
    mesh->triangles.push_back({first, first + 2, first + 3});
    mesh->block_faces.push_back(face);
  }

  /// Of the three blocks that touch the corner in the layer of the air before the face.
  float corner_light(const Cell& air, std::size_t u, std::size_t v, int du, int dv) const {
    Cell along = air, across = air, diagonal = air;
    along[u] += du;
    across[v] += dv;
    diagonal[u] += du;
    diagonal[v] += dv;
    const int a = grid_.solid(along) ? 1 : 0, b = grid_.solid(across) ? 1 : 0, c = grid_.solid(diagonal) ? 1 : 0;
    return kCornerLight[a + b == 2 ? 3 : a + b + c];
  }

  const VoxelGrid& grid_;
  const BlockKinds& kinds_;
  std::vector<std::shared_ptr<Mesh>> meshes_;
};

int chunks_along(int cells) { return (cells + kChunk - 1) / kChunk; }

}  // namespace

std::vector<std::shared_ptr<const Mesh>> mesh_chunk(const VoxelGrid& grid, const BlockKinds& kinds, int chunk_x,
                                                    int chunk_y, int body_count) {
  ChunkMesher mesher(grid, kinds, body_count);
  const Cell& n = grid.size();
  for (int z = 0; z < n[2]; ++z) {
    for (int y = chunk_y * kChunk; y < std::min(n[1], (chunk_y + 1) * kChunk); ++y) {
      for (int x = chunk_x * kChunk; x < std::min(n[0], (chunk_x + 1) * kChunk); ++x) mesher.add({x, y, z});
    }
  }
  return mesher.finish();
}

std::vector<std::vector<ChunkMeshes>> mesh_versions(const VoxelSpec& spec, const VoxelHistory& history) {
  const int bodies = spec.agent_body;
  std::vector<std::vector<ChunkMeshes>> all;
  for (const VoxelVersion& version : history.versions) {
    const bool first = all.empty();
    const int across = chunks_along(version.grid.size()[0]), along = chunks_along(version.grid.size()[1]);
    all.push_back(first ? std::vector<ChunkMeshes>(static_cast<std::size_t>(bodies),
                                                   ChunkMeshes(static_cast<std::size_t>(across * along)))
                        : all[static_cast<std::size_t>(version.base)]);
    for (int chunk = 0; chunk < across * along; ++chunk) {
      const int cx = chunk % across, cy = chunk / across;
      // A block's light reaches one cell further than its faces.
      const auto near = [&](int cell, int c) { return cell >= c * kChunk - 1 && cell <= (c + 1) * kChunk; };
      if (!first && !(near(version.edited[0], cx) && near(version.edited[1], cy))) continue;
      auto meshes = mesh_chunk(version.grid, spec.kinds, cx, cy, bodies);
      for (std::size_t b = 0; b < meshes.size(); ++b) all.back()[b][static_cast<std::size_t>(chunk)] = meshes[b];
    }
  }
  return all;
}

}  // namespace bitemark::sim
