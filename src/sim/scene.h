// A take of a scenario with every number resolved: what is simulated and rendered.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "episode/episode.h"
#include "sim/physics.h"
#include "sim/polyhedron.h"
#include "sim/resolver.h"
#include "sim/scenario.h"
#include "sim/sdf.h"

namespace bitemark::sim {

struct VoxelSpec;

/// What is drawn with a body besides its own shape, and moves with it: the string of a pendulum, a hat.
struct PartSpec {
  std::string shape;   ///< sphere | box | cylinder | cone | wedge
  Vec3 size{0, 0, 0};  ///< as of bodies
  std::string material;
  std::array<std::uint8_t, 3> color{};
  Pose X_BP;
};

/// A place that a scripted body passes, relative to where it starts.
struct PathKey {
  double at_s = 0;
  Vec3 shift{0, 0, 0};  ///< [m]
  Quaternion rotation{1, 0, 0, 0};
  bool smooth = true;  ///< on the way here: eased at both ends; otherwise at constant speed
};

struct BodySpec {
  Body info;             ///< id 0 for background bodies, which are not listed in the episode
  Vec3 size{0, 0, 0};    ///< sphere: radius; box: extents; cylinder, cookie: (radius, radius, height); plane: extents
  std::string material;  ///< plain | octants | wood | tiles | plaster | canvas | cookie | enamel | sand
  double texture_turn = 0;      ///< rotation of a planar texture [rad]
  Vec3 texture_shift{0, 0, 0};  ///< [m]
  RigidBody rigid;
  double density = 0;   ///< [kg/m^3]
  bool ghost = false;   ///< moved by a script, touches nothing
  bool present = true;  ///< false: in this variant of the take it is not there
  bool dims = true;     ///< balls: what is near gets less light from the sky and the floor
  std::vector<PartSpec> parts;
  std::vector<PathKey> path;       ///< by time; empty for bodies that no script moves
  std::string group;               ///< second takes move the bodies of a group together
  double lamp = 0;                 ///< light that it sheds when lit, on a white surface at 1 m facing it; 0 = no lamp
  bool lit = false;                ///< at the start
  std::vector<Polyhedron> pieces;  ///< convex pieces that it is made of, body frame: cup, glass, wedge
  int shards_from = -1;            ///< glass: index in bodies of its first shard; the others follow
  double break_impulse = 0;        ///< glass: a contact that pushes harder breaks it [N s]
  int shard_of = -1;               ///< index in bodies of the glass; a shard comes to be when that breaks
};

/// Moves add up: each changes the camera by its angle between its times.
struct CameraMove {
  enum class Type { kPan, kTilt, kOrbit, kShift, kZoom } type = Type::kPan;
  Vec3 about{0, 0, 0};  ///< orbit: a point of the vertical axis [m]
  double angle = 0;     ///< pan (to the left is positive) and orbit, about the vertical; tilt, upwards [rad]
  Vec3 shift{0, 0, 0};  ///< [m]
  double factor = 1;    ///< zoom: the focal length is multiplied by this
  double from_s = 0, to_s = 0;
  bool smooth = true;  ///< eased at both ends; otherwise at constant speed
};

struct CameraSpec {
  Vec3 position{0, 0, 0}, look_at{0, 0, 0};
  double fov = 0;         ///< across the shorter side of the image [rad]
  bool keep_aim = false;  ///< moves of the camera leave it looking at look_at; pan and tilt turn it from there
  std::vector<CameraMove> moves;
};

/// From this time on the world is seen by another camera, until the next shot.
struct ShotSpec {
  double from_s = 0;  ///< on a physics step
  CameraSpec camera;
};

/// Holds a body to the world: at a point, or on an axis through it.
struct JointSpec {
  int body = 0;         ///< index in bodies
  Vec3 pivot{0, 0, 0};  ///< body frame [m]
  Vec3 axis{0, 0, 0};   ///< body frame, unit; zero for a point
};

/// A velocity that is added to a body at a time, told to generators as a control.
struct PushSpec {
  int body = 0;
  double at_s = 0;
  Vec3 velocity{0, 0, 0};  ///< [m/s]
};

/// A lamp, or the light of the whole room, is switched: at a time, or when two bodies come to touch.
struct SwitchSpec {
  int lamp = -1;          ///< index in bodies; -1: the light of the room
  double brightness = 1;  ///< from then on: 1 as the file says, 0 dark; a lamp is on above 0
  double at_s = -1;       ///< where no bodies are named
  int by = -1, on = -1;   ///< indices in bodies
};

/// A body leaves a mark on a level face of another wherever it is near enough: a brush, a wheel in sand.
struct TrailSpec {
  int by = 0, on = 0;  ///< indices in bodies; the face is the plane's, or the top of a box
  Vec3 tip{0, 0, 0};   ///< of the body that marks: the point that touches; from its centre, in world axes [m]
  double reach = 0;    ///< it marks when the tip is nearer to the face than this [m]
  double width = 0;    ///< [m]
  bool dent = false;   ///< pressed into sand; otherwise painted
  std::array<std::uint8_t, 3> color{};
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
  std::vector<ShotSpec> shots;  ///< after the first, by time
  std::vector<JointSpec> joints;
  std::vector<PushSpec> pushes;
  std::vector<SwitchSpec> switches;
  std::vector<TrailSpec> trails;
  int actor = -1;            ///< index in bodies of the scripted body whose work the controls tell; -1 without
  double brightness = 1;     ///< of the room's light at the start
  Vec3 light_from{0, 0, 1};  ///< unit vector towards the light
  double stage_radius = 2;   ///< what casts shadows lies in this sphere around the point the camera looks at [m]
  PhysicsSettings physics;
  double duration_s = 0;
  std::shared_ptr<const VoxelSpec> voxels;  ///< null where the world is not made of blocks; voxel/world.h
  Parameters parameters;
  std::vector<std::string> captions;

  int find(const std::string& name) const;  ///< index in bodies or -1
};

/// Draws the parameters of attempt `attempt` (0, 1, ... after rejections) and resolves the file. `overrides` gives
/// parameters another value than the one drawn. Throws InputError with the JSON pointer of an expression that cannot
/// be evaluated.
SceneSpec resolve(const Scenario& scenario, const std::string& split, int take, int attempt,
                  const Json& overrides = Json::object());

/// The perturbed twin: every body with a say in the picture starts a quarter of a pixel (of a 64-pixel image) aside,
/// and those that move are faster or slower by a quarter of a pixel a second.
void perturb(SceneSpec& scene, const std::string& seed_text, int second_take);

}  // namespace bitemark::sim
