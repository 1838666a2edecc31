// The simulated world: every body at every physics step, and what happened.
#pragma once

#include <memory>
#include <vector>

#include "sim/scene.h"
#include "sim/sdf.h"

namespace bitemark::sim {

struct VoxelHistory;

struct StepState {
  Pose X_WB;
  Vec3 velocity{0, 0, 0}, angular_velocity{0, 0, 0};  ///< of the centre of mass; world
};

/// A form that a body has from a step on. Only bitten bodies have more than one.
struct BodyForm {
  std::int64_t from_step = 0;
  double mass = 0;                       ///< [kg]; of bitten bodies even where they are fixed
  Vec3 center{0, 0, 0};                  ///< centre of mass, body frame [m]
  std::shared_ptr<const SdfGrid> solid;  ///< null for plain shapes
};

struct Motion {
  int step_hz = 960;
  std::vector<std::vector<StepState>> steps;   ///< [step][body]; step s is the state at s / step_hz
  std::vector<std::vector<BodyForm>> forms;    ///< [body]
  std::vector<Event> events;                   ///< by step; `frame` is not set yet
  std::shared_ptr<const VoxelHistory> voxels;  ///< of a world of blocks; voxel/world.h

  /// Index into forms[body] of the form at a step.
  int form_at(int body, std::int64_t step) const;
};

/// A change of the course of the world, for faults: this velocity is added to a body at a time.
struct Push {
  int body = -1;
  double at_s = 0;
  Vec3 velocity_change{0, 0, 0};  ///< [m/s]
};

/// Runs the physics for the scene's duration. Events carry body ids; background is 0.
Motion simulate(const SceneSpec& scene, const std::vector<Push>& pushes = {});

}  // namespace bitemark::sim
