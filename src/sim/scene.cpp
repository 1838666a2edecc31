#include "sim/scene.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <numbers>

#include "base/error.h"
#include "base/random.h"
#include "sim/expression.h"
#include "sim/palette.h"
#include "sim/vec.h"
#include "sim/voxel/resolve.h"

namespace bitemark::sim {
namespace {

constexpr const char* kGeneration = "v1";  // raise it whenever the same seed would give another world
constexpr double kDefaultDensity = 500;    // wood [kg/m^3]

double radians(double degrees) { return degrees * std::numbers::pi / 180; }

Quaternion rotation_from_degrees(const Vec3& xyz) {
  return multiply(about_axis({0, 0, 1}, radians(xyz[2])),
                  multiply(about_axis({0, 1, 0}, radians(xyz[1])), about_axis({1, 0, 0}, radians(xyz[0]))));
}

/// Size, volume, bounding radius and collision shape of a body.
void resolve_shape(const Resolver& in, BodySpec& body, double& volume) {
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
  } else {  // cylinder, sdf
    const double r = in.number("radius"), h = in.number("height");
    body.size = {r, r, h};
    volume = std::numbers::pi * r * r * h;
    solid.kind = CollisionShape::Kind::kCylinder;
    body.info.radius_m = std::hypot(r, h / 2);
  }
  solid.size = body.size;
}

void resolve_color(const Resolver& in, BodySpec& body) {
  const std::string color = in.text("color", "grey");
  const auto found = find_color(color);
  if (!found) throw InputError(in.file(), in.pointer() + "/color", "'" + color + "' is no colour of the palette");
  body.info.color = *found;
  if (body.info.tracked) body.info.color_name = color;
}

BodySpec resolve_body(const Resolver& in) {
  BodySpec body;
  body.info.name = in.text("name", "");
  body.info.shape = in.text("shape", "");
  if (body.info.shape == "ball") body.info.shape = "sphere";  // the words of captions
  if (body.info.shape == "cube") body.info.shape = "box";
  body.info.tracked = in.flag("tracked");
  body.info.fixed = in.flag("fixed") || body.info.shape == "plane" || in.flag("background");
  resolve_color(in, body);
  double volume = 0;
  resolve_shape(in, body, volume);
  body.material = in.text("material", body.info.shape == "sdf" ? "cookie" : "plain");
  body.texture_turn = radians(in.number("texture_turn_deg", 0));
  body.texture_shift = in.vector("texture_shift", {0, 0, 0});
  RigidBody& rigid = body.rigid;
  rigid.mass = body.info.fixed ? 0 : in.number("density", kDefaultDensity) * volume;
  rigid.restitution = in.number("restitution", 0);
  rigid.friction = in.number("friction", 0.5);
  rigid.rolling_friction = in.number("rolling_friction", 0);
  rigid.X_WB = {in.vector("position"), rotation_from_degrees(in.vector("rotation_deg", {0, 0, 0}))};
  rigid.velocity = in.vector("velocity", {0, 0, 0});
  rigid.angular_velocity = in.vector("spin", {0, 0, 0});
  return body;
}

CameraMove resolve_move(const Resolver& in) {
  CameraMove move;
  const std::string type = in.text("type", "pan");
  move.type = type == "orbit"   ? CameraMove::Type::kOrbit
              : type == "shift" ? CameraMove::Type::kShift
                                : CameraMove::Type::kPan;
  move.angle = radians(in.number("angle_deg", 0));
  move.about = in.vector("about", {0, 0, 0});
  move.shift = in.vector("shift", {0, 0, 0});
  move.from_s = in.number("from_s");
  move.to_s = in.number("to_s");
  move.smooth = in.text("ease", "smooth") == "smooth";
  return move;
}

void resolve_camera(const Resolver& in, CameraSpec& camera) {
  camera.position = in.vector("position");
  camera.look_at = in.vector("look_at");
  camera.fov = radians(in.number("fov_deg"));
  in.each("moves", [&](const Resolver& move) { camera.moves.push_back(resolve_move(move)); });
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

void resolve_bites(const Resolver& root, SceneSpec& scene) {
  root.each("actions", [&](const Resolver& in) {
    BiteSpec bite;
    bite.target = scene.find(in.text("target", ""));
    if (bite.target < 0 || scene.bodies[static_cast<std::size_t>(bite.target)].info.shape != "sdf") {
      throw InputError(in.file(), in.pointer() + "/target", "names no body of shape sdf");
    }
    bite.at_s = in.number("at_s");
    bite.angle = radians(in.number("angle_deg"));
    bite.radius = in.number("radius");
    scene.bites.push_back(bite);
  });
  if (scene.bites.empty()) return;
  std::stable_sort(scene.bites.begin(), scene.bites.end(),
                   [](const BiteSpec& a, const BiteSpec& b) { return a.at_s < b.at_s; });
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
  for (; index < scene.bodies.size(); ++index) scene.bodies[index].info.id = next++;
}

}  // namespace

int SceneSpec::find(const std::string& name) const {
  for (std::size_t i = 0; i < bodies.size(); ++i) {
    if (bodies[i].info.name == name) return static_cast<int>(i);
  }
  return -1;
}

SceneSpec resolve(const Scenario& scenario, const std::string& split, int take, int attempt) {
  std::string seed_text = std::string(kGeneration) + "|" + scenario.name + "|" + split + "|" + std::to_string(take);
  if (attempt > 0) seed_text += "|" + std::to_string(attempt);
  SceneSpec scene;
  scene.seed = seed_from_text(seed_text);
  scene.parameters = draw_parameters(scenario, split == "ood", scene.seed);
  const Resolver root(scenario.document, "", scenario.file, scene.parameters);
  scene.duration_s = scenario.duration_s;
  scene.physics.step_hz = static_cast<int>(root.number("step_hz", 960));
  scene.physics.solver = solver_from_name(root.text("solver", "bouncing"));
  scene.physics.gravity = root.vector("gravity", {0, 0, -9.81});
  if (root.has("voxels")) {
    resolve_voxels(root.child("voxels"), scene);
  } else {
    root.each("bodies", [&](const Resolver& body) { scene.bodies.push_back(resolve_body(body)); });
    resolve_camera(root.child("camera"), scene.camera);
  }
  const Resolver light = root.child("light");
  const double azimuth = radians(light.number("azimuth_deg")), elevation = radians(light.number("elevation_deg"));
  scene.light_from = {std::cos(elevation) * std::cos(azimuth), std::cos(elevation) * std::sin(azimuth),
                      std::sin(elevation)};
  if (!scene.voxels) {
    scene.stage_radius = light.number("stage_radius", 2.5);
    resolve_bites(root, scene);
    number_bodies(root, scene);
  }
  root.each_text("captions", [&](const std::string& caption) { scene.captions.push_back(caption); });
  return scene;
}

void perturb(SceneSpec& scene, const std::string& seed_text, int second_take) {
  const std::uint64_t seed = seed_from_text(seed_text + "|second-take|" + std::to_string(second_take));
  if (scene.voxels) return perturb_voxels(scene, seed);
  const Vec3 forward = normalized(scene.camera.look_at - scene.camera.position);
  const Vec3 right = normalized(cross(forward, {0, 0, 1}));
  const double focal = 32 / std::tan(scene.camera.fov / 2);  // [px] of a 64-pixel image
  for (BodySpec& body : scene.bodies) {
    if (body.info.id == 0 || body.ghost || (body.info.fixed && !body.info.tracked)) continue;
    Pcg32 random = stream_for(seed, "bodies/" + body.info.name);
    const double quarter = 0.25 * dot(body.rigid.X_WB.position - scene.camera.position, forward) / focal;  // [m]
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
