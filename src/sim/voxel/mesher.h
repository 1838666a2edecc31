// Meshes of a voxel world: the faces between blocks and air, chunk by chunk.
#pragma once

#include <memory>
#include <vector>

#include "sim/mesh.h"
#include "sim/voxel/world.h"

namespace bitemark::sim {

constexpr int kChunk = 16;  ///< side of a chunk, which is as high as the world [cells]

/// The faces of one chunk, by body; null for bodies without any. World coordinates, one quad (two triangles) a face:
/// neighbours share their corners to the bit, so that nothing shines through between them. Faces at the sides and
/// the bottom of the world are left out: nobody sees them.
std::vector<std::shared_ptr<const Mesh>> mesh_chunk(const VoxelGrid& grid, const BlockKinds& kinds, int chunk_x,
                                                    int chunk_y, int body_count);

/// All chunks of all versions: [version][body][chunk]. An edit makes the chunks anew that it touches; all others are
/// shared.
using ChunkMeshes = std::vector<std::shared_ptr<const Mesh>>;
std::vector<std::vector<ChunkMeshes>> mesh_versions(const VoxelSpec& spec, const VoxelHistory& history);

}  // namespace bitemark::sim
