// The simulated world: every body at every physics step, and what happened.
#pragma once

#include <cstdint>
#include <limits>
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

/// A point of a trail, in the marked body's frame [m].
struct TrailPoint {
  std::int64_t step = 0;
  double x = 0, y = 0;
  bool joined = false;  ///< a segment leads here from the point before
};
using Trail = std::vector<TrailPoint>;

/// The nodes of a cloth, row by row, at its own rate. World [m].
struct ClothMotion {
  int body = 0;  ///< index in the scene
  int step_hz = 0, side = 0;
  std::vector<std::vector<Vec3>> nodes;  ///< [step][side * side]
  std::vector<Vec3> rest;                ///< [side * side], in the flat cloth
};

struct LightChange {
  std::int64_t step = 0;
  int lamp = -1;  ///< index of the body; -1: the light of the room
  double brightness = 1;
};

/// The steps in which a body exists: from `born` until before `gone`.
struct Lifetime {
  std::int64_t born = 0, gone = std::numeric_limits<std::int64_t>::max();
  bool at(std::int64_t step) const { return step >= born && step < gone; }
};

struct Motion {
  int step_hz = 960;
  std::vector<std::vector<StepState>> steps;   ///< [step][body]; step s is the state at s / step_hz
  std::vector<std::vector<BodyForm>> forms;    ///< [body]
  std::vector<Event> events;                   ///< by step; `frame` is not set yet
  std::vector<Lifetime> lives;                 ///< [body]
  std::vector<LightChange> lights;             ///< by step
  std::vector<Trail> trails;                   ///< [trail of the scene]
  std::shared_ptr<const VoxelHistory> voxels;  ///< of a world of blocks; voxel/world.h
  std::vector<ClothMotion> cloths;

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
