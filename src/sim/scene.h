// A take of a scenario with every number resolved: what is simulated and rendered.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "episode/episode.h"
#include "sim/physics.h"
#include "sim/resolver.h"
#include "sim/scenario.h"
#include "sim/sdf.h"

namespace bitemark::sim {

struct VoxelSpec;

struct BodySpec {
  Body info;             ///< id 0 for background bodies, which are not listed in the episode
  Vec3 size{0, 0, 0};    ///< sphere: radius; box: extents; cylinder, cookie: (radius, radius, height); plane: extents
  std::string material;  ///< plain | octants | wood | tiles | plaster | canvas | cookie | enamel
  double texture_turn = 0;      ///< rotation of a planar texture [rad]
  Vec3 texture_shift{0, 0, 0};  ///< [m]
  RigidBody rigid;
  bool ghost = false;  ///< moved by a script, touches nothing
};

/// Moves add up: each changes the camera by its angle between its times.
struct CameraMove {
  enum class Type { kPan, kOrbit, kShift } type = Type::kPan;
  Vec3 about{0, 0, 0};  ///< orbit: a point of the vertical axis [m]
  double angle = 0;     ///< pan (to the left is positive) and orbit, about the vertical [rad]
  Vec3 shift{0, 0, 0};  ///< [m]
  double from_s = 0, to_s = 0;
  bool smooth = true;  ///< eased at both ends; otherwise at constant speed
};

struct CameraSpec {
  Vec3 position{0, 0, 0}, look_at{0, 0, 0};
  double fov = 0;  ///< across the shorter side of the image [rad]
  std::vector<CameraMove> moves;
};

struct BiteSpec {
  int target = 0;     ///< index in bodies, an sdf
  double at_s = 0;    ///< the teeth meet
  double angle = 0;   ///< place on the rim, from the target's x axis [rad]
  double radius = 0;  ///< of the mark [m]
};

struct SceneSpec {
  std::uint64_t seed = 0;
  std::vector<BodySpec> bodies;  ///< in file order; jaws come last
  std::vector<BiteSpec> bites;
  int upper_jaw = -1, lower_jaw = -1;  ///< indices in bodies, -1 without bites
  CameraSpec camera;
  Vec3 light_from{0, 0, 1};  ///< unit vector towards the light
  double stage_radius = 2;   ///< what casts shadows lies in this sphere around the point the camera looks at [m]
  PhysicsSettings physics;
  double duration_s = 0;
  std::shared_ptr<const VoxelSpec> voxels;  ///< null where the world is not made of blocks; voxel/world.h
  Parameters parameters;
  std::vector<std::string> captions;

  int find(const std::string& name) const;  ///< index in bodies or -1
};

/// Draws the parameters of attempt `attempt` (0, 1, ... after rejections) and resolves the file. Throws InputError
/// with the JSON pointer of an expression that cannot be evaluated.
SceneSpec resolve(const Scenario& scenario, const std::string& split, int take, int attempt);

/// The perturbed twin: every body with a say in the picture starts a quarter of a pixel (of a 64-pixel image) aside,
/// and those that move are faster or slower by a quarter of a pixel a second.
void perturb(SceneSpec& scene, const std::string& seed_text, int second_take);

}  // namespace bitemark::sim
