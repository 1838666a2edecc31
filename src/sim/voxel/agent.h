// The agent's body: an upright box that walks, jumps and falls among blocks.
#pragma once

#include "sim/voxel/grid.h"

namespace bitemark::sim {

struct AgentSpec {
  double half_width = 0.3;    ///< [m]
  double height = 1.8;        ///< [m]
  double eye_height = 1.62;   ///< above the feet [m]
  double walk_speed = 4.3;    ///< [m/s]; times 1.3 when sprinting, 0.3 when sneaking
  double jump_height = 1.25;  ///< of the feet [m]
  double reach = 4.5;         ///< from the eye to a block [m]
};

/// What the agent wants during one step.
struct AgentWish {
  Vec3 velocity{0, 0, 0};  ///< level, world [m/s]
  bool jump = false;
};

/// What a step did.
struct AgentReport {
  bool jumped = false, landed = false;
  bool blocked = false;      ///< a wall stopped the walk
  double landing_speed = 0;  ///< downward, just before [m/s]
  double fall = 0;           ///< from the highest point of the flight [m]
};

class AgentBody {
 public:
  /// Feet at `position`, world. `gravity` is the size of the downward acceleration [m/s^2].
  AgentBody(const AgentSpec& spec, const Vec3& position, double gravity);
  /// One step of `dt` seconds. In free flight the parabola is met to rounding at every step.
  AgentReport step(const VoxelGrid& grid, const AgentWish& wish, double dt);

  const Vec3& position() const { return position_; }  ///< of the feet
  const Vec3& velocity() const { return velocity_; }
  bool on_ground() const { return on_ground_; }
  /// Does the box, with its feet at `position`, overlap a block?
  bool overlaps(const VoxelGrid& grid, const Vec3& position) const;
  /// Does it overlap this cell?
  bool overlaps(const Cell& cell) const;

 private:
  /// Moves along one axis and stops at the first block. Returns whether it was stopped.
  bool slide(const VoxelGrid& grid, std::size_t axis, double distance);
  void accelerate(const Vec3& wanted, double dt);

  AgentSpec spec_;
  Vec3 position_, velocity_{0, 0, 0};
  double gravity_;
  double highest_ = 0;
  bool on_ground_ = true;
};

}  // namespace bitemark::sim
