// A voxel world of one take: what it is made of, who is in it, and what became of it.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "sim/voxel/agent.h"
#include "sim/voxel/blocks.h"
#include "sim/voxel/policy.h"

namespace bitemark::sim {

struct HotbarSlot {
  std::uint8_t kind = BlockKinds::kAir;
  int count = 0;
};
using Hotbar = std::array<HotbarSlot, kHotbarSlots>;

/// Every number resolved; part of SceneSpec.
struct VoxelSpec {
  static constexpr int kMaxEdits = 64;   ///< blocks broken and placed in one take
  static constexpr int kMaxPolicy = 64;  ///< steps of the timeline
  static constexpr int kMaxNamed = 32;   ///< blocks with a body of their own

  VoxelGrid grid;  ///< before the first edit
  BlockKinds kinds;
  AgentSpec agent;
  Vec3 feet{0, 0, 0};  ///< where the agent starts, world [m]
  View view;
  double fov = 0;  ///< across the shorter side of the image [rad]
  std::vector<PolicyStep> policy;
  Hotbar hotbar{};
  int selected = 0;           ///< slot
  bool auto_jump = true;      ///< a walk that meets a block of one metre jumps
  int ground = 0, trees = 1;  ///< indices in SceneSpec::bodies; blocks with a name follow them
  int agent_body = -1, overlay_body = -1;
  double fog_from = 18, fog_to = 33;  ///< the world fades into the sky between these distances [m]

  bool is_block(int body) const { return body >= 0 && body < agent_body; }
};

/// The agent's state after one physics step, other than its body's pose.
struct AgentMoment {
  View view;
  std::uint32_t keys = 0;  ///< held during the step
  bool aiming = false;     ///< a block is in reach under the crosshair
  Cell aim{};
  Vec3 aim_point{0, 0, 0};  ///< world
  double breaking = 0;      ///< of the block under the crosshair, 0 to 1
  int selected = 0;
  std::uint16_t hotbar = 0;  ///< index into VoxelHistory::hotbars
};

/// One state of the grid. Forms of bodies count the versions.
struct VoxelVersion {
  VoxelGrid grid;
  std::vector<bool> alive;  ///< by body
  int base = 0;             ///< the version that it differs from by the cell `edited`; itself for the first
  Cell edited{};
};

struct VoxelHistory {
  std::vector<VoxelVersion> versions;  ///< [0] is the start
  std::vector<AgentMoment> moments;    ///< [step]
  std::vector<Hotbar> hotbars;
};

/// The version that differs from `base` by one cell.
VoxelVersion edited_version(const std::vector<VoxelVersion>& versions, int base, const Cell& cell, std::uint8_t kind,
                            std::uint8_t owner);

/// What a frame shows beside the bodies; part of FrameWorld.
struct VoxelView {
  bool present = false;
  bool aiming = false;
  Cell aim{};
  double breaking = 0;
  int selected = 0;
  Hotbar hotbar{};
};

}  // namespace bitemark::sim
