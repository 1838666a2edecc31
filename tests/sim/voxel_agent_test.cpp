// The agent against closed forms, and against blocks that it must not enter.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "base/random.h"
#include "sim/voxel/agent.h"

namespace bitemark::sim {
namespace {

constexpr double kGravity = 9.81;
constexpr int kFloor = 4;  // the ground's surface is at this height [m]

VoxelGrid flat_world(int height = 48) {
  VoxelGrid grid(16, 16, height);
  for (int z = 0; z < kFloor; ++z) {
    for (int y = 0; y < 16; ++y) {
      for (int x = 0; x < 16; ++x) grid.set({x, y, z}, 1, 0);
    }
  }
  return grid;
}

TEST(VoxelAgent, FallsAsGalileoSays) {
  const VoxelGrid grid = flat_world();
  for (const int hz : {60, 240, 960}) {
    for (const double height : {0.5, 3.0, 20.0}) {
      AgentBody agent({}, {8, 8, kFloor + height}, kGravity);
      const double dt = 1.0 / hz, fall_s = std::sqrt(2 * height / kGravity);
      int step = 0;
      for (bool landed = false; !landed;) {
        const bool flying = step > 0;
        const AgentReport report = agent.step(grid, {}, dt);
        const double t = ++step * dt;
        landed = report.landed;
        // A parabola added up in double: 2^-53 of 24 m a step, over fewer than 2000 steps.
        if (!landed) {
          EXPECT_NEAR(agent.position()[2], kFloor + height - kGravity * t * t / 2, 1e-11);
        }
        ASSERT_TRUE(!flying || t < fall_s + 1);
      }
      EXPECT_EQ(step, static_cast<int>(std::ceil(fall_s * hz))) << "the first step at or after the fall time";
      EXPECT_NEAR(agent.position()[2], kFloor, 1e-12);
    }
  }
}

TEST(VoxelAgent, JumpsToItsHeight) {
  const VoxelGrid grid = flat_world();
  for (const int hz : {60, 240, 960}) {
    for (const double height : {0.4, 1.25, 2.0}) {
      AgentSpec spec;
      spec.jump_height = height;
      AgentBody agent(spec, {8, 8, kFloor}, kGravity);
      const double dt = 1.0 / hz;
      double highest = 0;
      int airborne = 0;
      for (int step = 0; step < 3 * hz; ++step) {
        const AgentReport report = agent.step(grid, {{0, 0, 0}, step == 0}, dt);
        EXPECT_EQ(report.jumped, step == 0);
        highest = std::max(highest, agent.position()[2] - kFloor);
        if (report.landed) airborne = step + 1;
      }
      // v^2 / 2g is met exactly by the parabola; the steps miss its top by at most half a step: g (dt / 2)^2 / 2.
      EXPECT_LE(highest, height + 1e-12);
      EXPECT_GE(highest, height - kGravity * dt * dt / 8 - 1e-12);
      EXPECT_EQ(airborne, static_cast<int>(std::ceil(2 * std::sqrt(2 * height / kGravity) * hz - 1e-9)));
    }
  }
}

TEST(VoxelAgent, WalksAtItsSpeedAndStopsAtTheWall) {
  VoxelGrid grid = flat_world();
  for (int z = kFloor; z < kFloor + 3; ++z) grid.set({12, 8, z}, 1, 0);
  AgentBody agent({}, {4.5, 8.5, kFloor}, kGravity);
  const double dt = 1.0 / 960, speed = 4.3;
  for (int step = 0; step < 960; ++step) agent.step(grid, {{speed, 0, 0}, false}, dt);
  // From rest to 4.3 m/s at 45 m/s^2 costs v^2 / 2a = 0.205 m against a walk at full speed.
  EXPECT_NEAR(agent.position()[0], 4.5 + speed - speed * speed / 90, speed * dt);
  for (int step = 0; step < 2 * 960; ++step) agent.step(grid, {{speed, 0, 0}, false}, dt);
  EXPECT_NEAR(agent.position()[0], 12 - 0.3, 1e-12) << "half of its width before the wall";
  EXPECT_EQ(agent.position()[1], 8.5);
}

TEST(VoxelAgent, BumpsItsHead) {
  VoxelGrid grid = flat_world();
  grid.set({8, 8, kFloor + 2}, 1, 0);
  AgentBody agent({}, {8.5, 8.5, kFloor}, kGravity);
  double highest = 0;
  for (int step = 0; step < 960; ++step) {
    agent.step(grid, {{0, 0, 0}, step == 0}, 1.0 / 960);
    highest = std::max(highest, agent.position()[2] - kFloor);
  }
  EXPECT_NEAR(highest, 2 - 1.8, 1e-9);
}

/// Written without the agent's own cell arithmetic: volume shared by the box and any block.
double shared_volume(const VoxelGrid& grid, const Vec3& feet, const AgentSpec& spec) {
  double most = 0;
  const Cell& n = grid.size();
  for (int z = 0; z < n[2]; ++z) {
    for (int y = 0; y < n[1]; ++y) {
      for (int x = 0; x < n[0]; ++x) {
        if (!grid.solid({x, y, z})) continue;
        const double dx = std::min(feet[0] + spec.half_width, x + 1.0) - std::max(feet[0] - spec.half_width, x + 0.0);
        const double dy = std::min(feet[1] + spec.half_width, y + 1.0) - std::max(feet[1] - spec.half_width, y + 0.0);
        const double dz = std::min(feet[2] + spec.height, z + 1.0) - std::max(feet[2], z + 0.0);
        if (dx > 0 && dy > 0 && dz > 0) most = std::max(most, dx * dy * dz);
      }
    }
  }
  return most;
}

TEST(VoxelAgent, NeverEntersABlockNorLeavesTheWorld) {
  Pcg32 random(7, 1);
  const AgentSpec spec;
  for (const int hz : {60, 960}) {
    VoxelGrid grid = flat_world(16);
    for (int k = 0; k < 220; ++k) {
      grid.set({static_cast<int>(random.below(16)), static_cast<int>(random.below(16)),
                kFloor + static_cast<int>(random.below(8))},
               1, 0);
    }
    for (int z = kFloor; z < 16; ++z) grid.set({8, 8, z}, 0, 0);
    AgentBody agent(spec, {8.5, 8.5, kFloor + 7}, kGravity);
    AgentWish wish;
    double moved = 0;
    for (int step = 0; step < 6000; ++step) {
      if (step % 40 == 0) wish = {{random.uniform(-18, 18), random.uniform(-18, 18), 0}, random.below(2) == 0};
      const Vec3 before = agent.position();
      agent.step(grid, wish, 1.0 / hz);
      moved += norm(agent.position() - before);
      // Faces touch to 1e-7 m: a sheet of that thickness over the box's side of 0.6 x 1.8 m.
      if (step % 3 == 0) {
        ASSERT_LT(shared_volume(grid, agent.position(), spec), 2e-7) << step;
      }
      for (std::size_t a = 0; a < 2; ++a) {
        ASSERT_GE(agent.position()[a], spec.half_width - 1e-6);
        ASSERT_LE(agent.position()[a], 16 - spec.half_width + 1e-6);
      }
      ASSERT_GE(agent.position()[2], 0);
    }
    EXPECT_GT(moved, 10) << "an agent that is stuck proves nothing";
  }
}

}  // namespace
}  // namespace bitemark::sim
