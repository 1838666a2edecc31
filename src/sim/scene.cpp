#include "sim/scene.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <numbers>

#include "base/error.h"
#include "base/random.h"
#include "sim/expression.h"
#include "sim/palette.h"
#include "sim/scene_resolver.h"
#include "sim/vec.h"
#include "sim/voxel/resolve.h"

namespace bitemark::sim {
namespace {

constexpr const char* kGeneration = "v1";  // raise it whenever the same seed would give another world
constexpr double kDefaultDensity = 500;    // wood [kg/m^3]
constexpr double kClothDensity = 0.35;     // a heavy cotton [kg/m^2]

constexpr int kCupSides = 16, kGlassSides = 9, kGlassRows = 3;

/// Solids of convex pieces.
void resolve_pieces(const Resolver& in, std::uint64_t seed, BodySpec& body, double& volume) {
  const std::string& shape = body.info.shape;
  if (shape == "wedge") {
    body.size = within(in, "size", in.vector("size"), SceneLimits::kSmallest_m, SceneLimits::kLargest_m);
    body.pieces = {make_wedge(body.size)};
    body.info.radius_m = 0.5 * norm(body.size);
  } else {
    const double r = within(in, "radius", in.number("radius"), SceneLimits::kSmallest_m, SceneLimits::kLargest_m);
    const double h = within(in, "height", in.number("height"), SceneLimits::kSmallest_m, SceneLimits::kLargest_m);
    const double wall = in.number("thickness", 0.02);
    if (!(wall > 0 && wall < 0.7 * r && wall < h))
      throw InputError(in.file(), in.pointer() + "/thickness", "is no wall of a vessel of this radius and height");
    body.size = {r, r, h};
    const bool breaks = shape == "glass";
    Pcg32 random = stream_for(seed, "bodies/" + body.info.name + "/cuts");
    body.pieces = cut_vessel({r, 0.78 * r, h, wall, !breaks}, breaks ? kGlassSides : kCupSides, breaks ? kGlassRows : 1,
                             breaks ? 0.8 : 0, random);
    body.info.radius_m = std::hypot(r, h / 2);
  }
  volume = 0;
  body.rigid.shape.kind = CollisionShape::Kind::kHulls;
  for (const Polyhedron& piece : body.pieces) {
    volume += moments_of(piece).volume;
    body.rigid.shape.hulls.push_back(eroded_corners(piece, kHullMargin));
  }
}

/// Size, volume, bounding radius and collision shape of a body.
void resolve_shape(const Resolver& in, std::uint64_t seed, BodySpec& body, double& volume) {
  const std::string& shape = body.info.shape;
  CollisionShape& solid = body.rigid.shape;
  if (shape == "sphere") {
    const double r = in.number("radius");
    body.size = {r, r, r};
    volume = 4.0 / 3 * std::numbers::pi * r * r * r;
    solid.kind = CollisionShape::Kind::kSphere;
    body.info.radius_m = r;
  } else if (shape == "box") {
    body.size = in.vector("size");
    volume = body.size[0] * body.size[1] * body.size[2];
    solid.kind = CollisionShape::Kind::kBox;
    body.info.radius_m = 0.5 * norm(body.size);
  } else if (shape == "plane") {
    const double side = in.number("extent");
    body.size = {side, side, 0};
    solid.kind = CollisionShape::Kind::kPlane;
    body.info.radius_m = side;
  } else if (shape == "cloth") {
    body.size = in.vector("size");
    body.size[2] = 0;
    body.ghost = true;  // it yields to the rigid world, which does not know of it
    volume = body.size[0] * body.size[1];
    body.info.radius_m = 0.5 * norm(body.size);
  } else if (shape == "cup" || shape == "glass" || shape == "wedge") {
    resolve_pieces(in, seed, body, volume);
  } else if (shape == "cylinder" || shape == "sdf") {
    const double r = in.number("radius"), h = in.number("height");
    body.size = {r, r, h};
    volume = std::numbers::pi * r * r * h;
    solid.kind = CollisionShape::Kind::kCylinder;
    body.info.radius_m = std::hypot(r, h / 2);
  } else {
    throw InputError(
        in.file(), in.pointer() + "/shape",
        "'" + shape + "' is no shape, expected sphere, box, cylinder, plane, wedge, cup, glass, cloth or sdf");
  }
  const std::size_t extents = shape == "plane" || shape == "cloth" ? 2 : 3;
  for (std::size_t i = 0; i < extents; ++i) {
    within(in,
           in.has("size")     ? "size"
           : in.has("radius") ? "radius"
                              : "extent",
           body.size[i], SceneLimits::kSmallest_m, SceneLimits::kLargest_m);
  }
  solid.size = body.size;
}

BodySpec resolve_body(const Resolver& in, std::uint64_t seed) {
  BodySpec body;
  body.info.name = in.text("name", "");
  body.info.shape = in.text("shape", "");
  if (body.info.shape == "ball") body.info.shape = "sphere";  // the words of captions
  if (body.info.shape == "cube") body.info.shape = "box";
  body.info.tracked = in.flag("tracked");
  body.info.fixed = in.flag("fixed") || body.info.shape == "plane" || in.flag("background");
  body.info.color = color_of(in, "grey");
  if (body.info.tracked) body.info.color_name = in.text("color", "grey");
  double volume = 0;
  resolve_shape(in, seed, body, volume);
  body.material = material_of(in, body.info.shape == "sdf" ? "cookie" : "plain");
  body.texture_turn = radians(in.number("texture_turn_deg", 0));
  body.texture_shift = in.vector("texture_shift", {0, 0, 0});
  RigidBody& rigid = body.rigid;
  if (in.has("path")) body.info.fixed = true;
  body.density =
      within(in, "density", in.number("density", body.info.shape == "cloth" ? kClothDensity : kDefaultDensity), 1e-3,
             SceneLimits::kDensest);
  rigid.mass = body.info.fixed ? 0 : body.density * volume;
  rigid.restitution = within(in, "restitution", in.number("restitution", 0), 0, 10);
  rigid.friction = within(in, "friction", in.number("friction", 0.5), 0, 100);
  rigid.rolling_friction = within(in, "rolling_friction", in.number("rolling_friction", 0), 0, 100);
  const double far = SceneLimits::kFarthest_m, fast = SceneLimits::kFastest;
  rigid.X_WB = {within(in, "position", in.vector("position"), -far, far),
                rotation_from_degrees(in.vector("rotation_deg", {0, 0, 0}))};
  rigid.velocity = within(in, "velocity", in.vector("velocity", {0, 0, 0}), -fast, fast);
  rigid.angular_velocity = within(in, "spin", in.vector("spin", {0, 0, 0}), -fast, fast);
  resolve_staging(in, body);
  return body;
}

/// A jaw belongs to the scene as soon as something is bitten.
int add_jaw(SceneSpec& scene, const char* name) {
  BodySpec jaw;
  jaw.info.name = name;
  jaw.info.shape = "mesh";
  jaw.info.fixed = true;
  jaw.info.color = *find_color("slate");
  jaw.info.radius_m = 4 * scene.bites.front().radius;
  jaw.material = "plain";
  jaw.ghost = true;
  scene.bodies.push_back(jaw);
  return static_cast<int>(scene.bodies.size()) - 1;
}

void add_jaws(SceneSpec& scene) {
  if (scene.bites.empty()) return;
  scene.upper_jaw = add_jaw(scene, "upper_jaw");
  scene.lower_jaw = add_jaw(scene, "lower_jaw");
}

/// Ids count from 1 in file order; background bodies share 0.
void number_bodies(const Resolver& root, SceneSpec& scene) {
  std::uint16_t next = 1;
  std::size_t index = 0;
  root.each("bodies", [&](const Resolver& in) {
    if (!in.flag("background")) scene.bodies[index].info.id = next++;
    ++index;
  });
  for (; index < scene.bodies.size(); ++index) {
    BodySpec& body = scene.bodies[index];
    body.info.id = next++;
    if (body.shard_of >= 0) body.info.parent = scene.bodies[static_cast<std::size_t>(body.shard_of)].info.id;
  }
}

void find_actor(const Resolver& root, SceneSpec& scene) {
  int index = 0;
  root.each("bodies", [&](const Resolver& in) {
    if (in.flag("actor")) scene.actor = index;
    ++index;
  });
}

}  // namespace

int SceneSpec::find(const std::string& name) const {
  for (std::size_t i = 0; i < bodies.size(); ++i) {
    if (bodies[i].info.name == name) return static_cast<int>(i);
  }
  return -1;
}

SceneSpec resolve(const Scenario& scenario, const std::string& split, int take, int attempt, const Json& overrides) {
  std::string seed_text = std::string(kGeneration) + "|" + scenario.name + "|" + split + "|" + std::to_string(take);
  if (attempt > 0) seed_text += "|" + std::to_string(attempt);
  SceneSpec scene;
  scene.seed = seed_from_text(seed_text);
  scene.parameters = draw_parameters(scenario, split == "ood", scene.seed, overrides);
  const Resolver root(scenario.document, "", scenario.file, scene.parameters);
  scene.duration_s = scenario.duration_s;
  scene.physics.step_hz = static_cast<int>(root.number("step_hz", 960));
  scene.physics.solver = solver_from_name(root.text("solver", "bouncing"));
  scene.physics.gravity =
      within(root, "gravity", root.vector("gravity", {0, 0, -9.81}), -SceneLimits::kFastest, SceneLimits::kFastest);
  if (root.has("voxels")) {
    resolve_voxels(root.child("voxels"), scene);
  } else {
    root.each("bodies", [&](const Resolver& body) { scene.bodies.push_back(resolve_body(body, scene.seed)); });
    resolve_camera(root.child("camera"), scene.camera);
    resolve_shots(root.child("camera"), scene);
  }
  const Resolver light = root.child("light");
  const double azimuth = radians(light.number("azimuth_deg")), elevation = radians(light.number("elevation_deg"));
  scene.light_from = {std::cos(elevation) * std::cos(azimuth), std::cos(elevation) * std::sin(azimuth),
                      std::sin(elevation)};
  scene.brightness = within(light, "brightness", light.number("brightness", 1), 0, 100);
  if (!scene.voxels) {
    scene.stage_radius =
        within(light, "stage_radius", light.number("stage_radius", 2.5), 0.01, SceneLimits::kLargest_m);
    resolve_joints(root, scene);
    resolve_actions(root, scene);
    find_actor(root, scene);
    add_jaws(scene);
    add_shards(scene);
    number_bodies(root, scene);
  }
  root.each_text("captions", [&](const std::string& caption) { scene.captions.push_back(caption); });
  const double steps = static_cast<double>(scene.bodies.size()) * scene.physics.step_hz * scene.duration_s;
  if (steps > SceneLimits::kBodySteps) {
    throw InputError(scenario.file, "/step_hz",
                     fmt::format("asks for {:.0f} states (bodies, shards too, times steps), expected at most {:.0f}",
                                 steps, SceneLimits::kBodySteps));
  }
  return scene;
}

namespace {
const BodySpec& first_of_group(const SceneSpec& scene, const BodySpec& body) {
  if (body.group.empty()) return body;
  return *std::find_if(scene.bodies.begin(), scene.bodies.end(),
                       [&](const BodySpec& other) { return other.group == body.group; });
}
}  // namespace

void perturb(SceneSpec& scene, const std::string& seed_text, int second_take) {
  const std::uint64_t seed = seed_from_text(seed_text + "|second-take|" + std::to_string(second_take));
  if (scene.voxels) return perturb_voxels(scene, seed);
  const Vec3 forward = normalized(scene.camera.look_at - scene.camera.position);
  const Vec3 right = normalized(cross(forward, {0, 0, 1}));
  const double focal = 32 / std::tan(scene.camera.fov / 2);  // [px] of a 64-pixel image
  const SceneSpec before = scene;
  for (BodySpec& body : scene.bodies) {
    if (body.info.id == 0 || body.ghost || body.shard_of >= 0 || (body.info.fixed && !body.info.tracked)) continue;
    const BodySpec& first = first_of_group(before, body);
    Pcg32 random = stream_for(seed, "bodies/" + first.info.name);
    const double quarter = 0.25 * dot(first.rigid.X_WB.position - scene.camera.position, forward) / focal;  // [m]
    const double turn = random.uniform(0, 2 * std::numbers::pi);
    const double speed_change = random.uniform(-1, 1) * quarter;  // [m/s]
    const Vec3 level{right[1], -right[0], 0};                     // away from the camera, along the floor
    const Vec3 aside = std::cos(turn) * right + std::sin(turn) * level;
    body.rigid.X_WB.position = body.rigid.X_WB.position + quarter * aside;
    const double speed = norm(body.rigid.velocity);
    if (speed > 0) {
      const double factor = 1 + speed_change / speed;
      body.rigid.velocity = factor * body.rigid.velocity;
      body.rigid.angular_velocity = factor * body.rigid.angular_velocity;
    }
  }
}

}  // namespace bitemark::sim
