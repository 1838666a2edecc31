// Rays, faces, terrain and meshes of voxel worlds.
#include <gtest/gtest.h>

#include <cmath>
#include <map>

#include "base/random.h"
#include "base/sha256.h"
#include "sim/voxel/grid.h"
#include "sim/voxel/mesher.h"
#include "sim/voxel/policy.h"
#include "sim/voxel/terrain.h"

namespace bitemark::sim {
namespace {

VoxelGrid random_world(int blocks) {
  VoxelGrid grid(16, 16, 16);
  Pcg32 random(3, 5);
  for (int k = 0; k < blocks; ++k) {
    grid.set(
        {static_cast<int>(random.below(16)), static_cast<int>(random.below(16)), static_cast<int>(random.below(16))},
        BlockKinds::kStone, 0);
  }
  return grid;
}

/// Where a ray enters a unit cube (slab test), or infinity: no stepping from cell to cell.
double entry(const Cell& cell, const Vec3& origin, const Vec3& direction) {
  double in = 0, out = 1e9;
  for (std::size_t a = 0; a < 3; ++a) {
    const double t0 = (cell[a] - origin[a]) / direction[a], t1 = (cell[a] + 1 - origin[a]) / direction[a];
    in = std::max(in, std::min(t0, t1));
    out = std::min(out, std::max(t0, t1));
  }
  return in < out ? in : 1e9;
}

TEST(VoxelGrid, RaysMeetTheNearestBlock) {
  const VoxelGrid grid = random_world(400);
  Pcg32 random(11, 2);
  int hits = 0;
  for (int k = 0; k < 1500; ++k) {
    const Vec3 origin{random.uniform(0, 16), random.uniform(0, 16), random.uniform(0, 16)};
    const Vec3 direction = normalized(Vec3{random.uniform(-1, 1), random.uniform(-1, 1), random.uniform(-1, 1)});
    double nearest = 1e9;
    for (int z = 0; z < 16; ++z) {
      for (int y = 0; y < 16; ++y) {
        for (int x = 0; x < 16; ++x) {
          if (grid.solid({x, y, z})) nearest = std::min(nearest, entry({x, y, z}, origin, direction));
        }
      }
    }
    const auto hit = cast_ray(grid, origin, direction, 6);
    ASSERT_EQ(hit.has_value(), nearest <= 6) << k;
    if (!hit) continue;
    ++hits;
    EXPECT_NEAR(hit->distance, nearest, 1e-9);
    EXPECT_TRUE(grid.solid(hit->cell));
    if (hit->distance > 0) {
      EXPECT_FALSE(grid.solid(hit->before));
    }
  }
  EXPECT_GT(hits, 500);
}

TEST(VoxelGrid, KnowsItsFaces) {
  VoxelGrid grid(16, 16, 16);
  grid.set({5, 5, 5}, BlockKinds::kStone, 3);
  grid.set({6, 5, 5}, BlockKinds::kStone, 4);
  EXPECT_TRUE(has_face_at(grid, {5, 5.5, 5.5}, 3));
  EXPECT_TRUE(has_face_at(grid, {5.3, 5.5, 6.004}, 3)) << "a depth map rounds";
  EXPECT_FALSE(has_face_at(grid, {5, 5.5, 5.5}, 4)) << "another body's";
  EXPECT_FALSE(has_face_at(grid, {6, 5.5, 5.5}, 3)) << "between two blocks there is no air";
  EXPECT_FALSE(has_face_at(grid, {5.5, 5.5, 5.5}, 3)) << "inside";
  grid.set({6, 5, 5}, BlockKinds::kAir, 0);
  EXPECT_TRUE(has_face_at(grid, {6, 5.5, 5.5}, 3)) << "opened";
}

std::string digest(const VoxelGrid& grid) {
  return hex(Sha256().update(grid.kinds().data(), grid.kinds().size()).finish()).substr(0, 16);
}

TEST(Terrain, IsTheSameForTheSameSeed) {
  const TerrainSpec spec;
  EXPECT_EQ(digest(make_terrain(spec, 1, 0, 1)), "28239b4bcf1ae6ea");
  EXPECT_EQ(digest(make_terrain(spec, 1, 0, 1)), digest(make_terrain(spec, 1, 0, 1)));
  EXPECT_NE(digest(make_terrain(spec, 1, 0, 1)), digest(make_terrain(spec, 2, 0, 1)));
}

TEST(Terrain, HasHillsTreesAndAClearing) {
  const TerrainSpec spec;
  const VoxelGrid grid = make_terrain(spec, 5, 0, 1);
  std::map<int, int> kinds;
  int low = 99, high = 0;
  for (int y = 0; y < spec.ny; ++y) {
    for (int x = 0; x < spec.nx; ++x) {
      int top = 0;
      for (int z = 0; z < spec.nz; ++z) {
        const Cell cell{x, y, z};
        ++kinds[grid.kind(cell)];
        if (!grid.solid(cell)) continue;
        EXPECT_EQ(grid.owner(cell), grid.kind(cell) >= BlockKinds::kLog ? 1 : 0);
        if (grid.owner(cell) == 0) {
          EXPECT_EQ(top, z) << "no caves";
          top = z + 1;
        }
      }
      low = std::min(low, top);
      high = std::max(high, top);
      if (std::hypot(x - spec.start_x, y - spec.start_y) <= spec.clearing) {
        EXPECT_EQ(grid.surface(x, y), 12);
      }
    }
  }
  EXPECT_GE(high - low, 3);
  EXPECT_LE(high - low, 4 * spec.relief);
  for (const std::uint8_t kind : {BlockKinds::kGrass, BlockKinds::kSand, BlockKinds::kLog, BlockKinds::kLeaves}) {
    EXPECT_GT(kinds[kind], 20) << int{kind};
  }
}

TEST(Mesher, DrawsEachFaceBetweenBlockAndAirOnceAndOutwards) {
  const VoxelGrid grid = random_world(900);
  std::size_t expected = 0, drawn = 0;
  for (int z = 0; z < 16; ++z) {
    for (int y = 0; y < 16; ++y) {
      for (int x = 0; x < 16; ++x) {
        if (!grid.solid({x, y, z})) continue;
        for (const Cell& next : {Cell{x - 1, y, z}, Cell{x + 1, y, z}, Cell{x, y - 1, z}, Cell{x, y + 1, z},
                                 Cell{x, y, z - 1}, Cell{x, y, z + 1}}) {
          expected += (grid.contains(next) || next[2] == 16) && !grid.solid(next);
        }
      }
    }
  }
  for (const auto& mesh : mesh_chunk(grid, BlockKinds(), 0, 0, 1)) {
    ASSERT_NE(mesh, nullptr);
    drawn += mesh->block_faces.size();
    ASSERT_EQ(mesh->triangles.size(), 2 * mesh->block_faces.size());
    for (std::size_t face = 0; face < mesh->block_faces.size(); ++face) {
      const V3* p = mesh->positions.data() + 4 * face;
      const V3 n = mesh->face_normals[2 * face], m = 0.25F * (p[0] + p[1] + p[2] + p[3]);
      const auto cell = [](V3 q) {
        return Cell{static_cast<int>(std::floor(q.x)), static_cast<int>(std::floor(q.y)),
                    static_cast<int>(std::floor(q.z))};
      };
      EXPECT_TRUE(grid.solid(cell(m - 0.5F * n)));
      EXPECT_FALSE(grid.solid(cell(m + 0.5F * n)));
      EXPECT_EQ(dot(n, mesh->face_normals[2 * face + 1]), 1);
    }
  }
  EXPECT_EQ(drawn, expected);
}

TEST(Policy, TurnsAddUpAndEndWhereTheyShould) {
  using Do = PolicyStep::Do;
  std::vector<PolicyStep> steps{{.what = Do::kTurn, .from_s = 0, .to_s = 1, .yaw = 1.5, .pitch = 0.3},
                                {.what = Do::kTurn, .from_s = 0.5, .to_s = 2, .yaw = -0.5, .pitch = -0.1},
                                {.what = Do::kLookAt, .from_s = 3, .to_s = 4, .target = {9, 9, 3}}};
  Policy policy(steps, {0.25, 0});
  const Vec3 eye{4.5, 9.5, 3.5};
  for (int k = 1; k <= 250; ++k) policy.advance(k * 0.01, eye);
  EXPECT_NEAR(policy.view().yaw, 1.25, 1e-12);
  EXPECT_NEAR(policy.view().pitch, 0.2, 1e-12);
  for (int k = 251; k <= 450; ++k) policy.advance(k * 0.01, eye);
  EXPECT_NEAR(policy.view().yaw, 0, 1e-12) << "straight along x to the middle of the cell";
  EXPECT_NEAR(policy.view().pitch, 0, 1e-12);
}

}  // namespace
}  // namespace bitemark::sim
