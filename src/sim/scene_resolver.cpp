#include "sim/scene_resolver.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numbers>

#include "base/error.h"
#include "sim/albedo.h"
#include "sim/palette.h"
#include "sim/vec.h"

namespace bitemark::sim {
namespace {

PartSpec resolve_part(const Resolver& in) {
  PartSpec part;
  part.shape = in.text("shape", "");
  if (part.shape == "ball") part.shape = "sphere";
  if (part.shape == "cube") part.shape = "box";
  if (part.shape == "box" || part.shape == "wedge") {
    part.size = in.vector("size");
  } else {
    const double r = in.number("radius");
    part.size = {r, part.shape == "cone" ? in.number("top_radius", 0) : r,
                 part.shape == "sphere" ? r : in.number("height")};
  }
  part.color = color_of(in, "grey");
  part.material = material_of(in, "plain");
  using Limits = SceneLimits;
  for (const double extent : part.size) {  // a cone's tip may be 0
    within(in, "size", extent, part.shape == "cone" ? 0 : Limits::kSmallest_m, Limits::kLargest_m);
  }
  const Vec3 place = in.vector("position", {0, 0, 0});
  within(in, "position", place, -Limits::kLargest_m, Limits::kLargest_m);
  part.X_BP = {place, rotation_from_degrees(in.vector("rotation_deg", {0, 0, 0}))};
  return part;
}

void resolve_path(const Resolver& in, BodySpec& body) {
  const Pose& start = body.rigid.X_WB;
  in.each("path", [&](const Resolver& key) {
    PathKey next;
    next.at_s = within(key, "at_s", key.number("at_s"), -SceneLimits::kLatest_s, SceneLimits::kLatest_s);
    if (!body.path.empty() && next.at_s <= body.path.back().at_s) {
      throw InputError(in.file(), key.pointer() + "/at_s", "is not later than the entry before");
    }
    const PathKey before = body.path.empty() ? PathKey{0, {0, 0, 0}, start.rotation} : body.path.back();
    next.shift = key.has("position") ? within(key, "position", key.vector("position"), -SceneLimits::kFarthest_m,
                                              SceneLimits::kFarthest_m) -
                                           start.position
                                     : before.shift;
    next.rotation = key.has("rotation_deg") ? rotation_from_degrees(key.vector("rotation_deg")) : before.rotation;
    next.smooth = key.text("ease", "smooth") == "smooth";
    body.path.push_back(next);
  });
}

CameraMove resolve_move(const Resolver& in) {
  using Type = CameraMove::Type;
  CameraMove move;
  const std::string type = in.text("type", "pan");
  move.type = type == "orbit"   ? Type::kOrbit
              : type == "shift" ? Type::kShift
              : type == "tilt"  ? Type::kTilt
              : type == "zoom"  ? Type::kZoom
                                : Type::kPan;
  using Limits = SceneLimits;
  const auto place = [&](const char* key) {
    return within(in, key, in.vector(key, {0, 0, 0}), -Limits::kFarthest_m, Limits::kFarthest_m);
  };
  move.angle = radians(within(in, "angle_deg", in.number("angle_deg", 0), -Limits::kTurn_deg, Limits::kTurn_deg));
  move.about = place("about");
  move.shift = place("shift");
  move.factor = within(in, "factor", in.number("factor", 1), 0.01, 100);
  move.from_s = within(in, "from_s", in.number("from_s"), -Limits::kLatest_s, Limits::kLatest_s);
  move.to_s = within(in, "to_s", in.number("to_s"), -Limits::kLatest_s, Limits::kLatest_s);
  move.smooth = in.text("ease", "smooth") == "smooth";
  return move;
}

void resolve_bite(const Resolver& in, SceneSpec& scene) {
  BiteSpec bite;
  bite.target = scene.find(in.text("target", ""));
  if (bite.target < 0 || scene.bodies[static_cast<std::size_t>(bite.target)].info.shape != "sdf") {
    throw InputError(in.file(), in.pointer() + "/target", "names no body of shape sdf");
  }
  bite.at_s = within(in, "at_s", in.number("at_s"), 0, SceneLimits::kLatest_s);
  bite.angle = radians(in.number("angle_deg"));
  bite.radius = within(in, "radius", in.number("radius"), SceneLimits::kSmallest_m, SceneLimits::kLargest_m);
  scene.bites.push_back(bite);
}

void resolve_switch(const Resolver& in, SceneSpec& scene) {
  SwitchSpec change;
  if (in.has("lamp")) change.lamp = body_named(in, "lamp", scene);
  if (change.lamp >= 0 && scene.bodies[static_cast<std::size_t>(change.lamp)].lamp <= 0) {
    throw InputError(in.file(), in.pointer() + "/lamp", "names a body without \"lamp\"");
  }
  change.brightness = within(in, "brightness", in.number("brightness"), 0, 100);
  if (in.has("at_s")) {
    change.at_s = within(in, "at_s", in.number("at_s"), 0, SceneLimits::kLatest_s);
  } else {
    change.by = body_named(in, "by", scene);
    change.on = body_named(in, "on", scene);
  }
  scene.switches.push_back(change);
}

void resolve_trail(const Resolver& in, SceneSpec& scene) {
  TrailSpec trail;
  trail.by = body_named(in, "by", scene);
  trail.on = body_named(in, "on", scene);
  const std::string& shape = scene.bodies[static_cast<std::size_t>(trail.on)].info.shape;
  if (shape != "plane" && shape != "box") throw InputError(in.file(), in.pointer() + "/on", "is neither plane nor box");
  trail.tip = within(in, "tip", in.vector("tip"), -SceneLimits::kLargest_m, SceneLimits::kLargest_m);
  trail.reach = within(in, "reach", in.number("reach", 0.01), 0, SceneLimits::kLargest_m);
  trail.width = within(in, "width", in.number("width"), SceneLimits::kSmallest_m, SceneLimits::kLargest_m);
  trail.dent = in.text("kind", "paint") == "dent";
  trail.color = color_of(in, "blue");
  scene.trails.push_back(trail);
}

}  // namespace

double radians(double degrees) { return degrees * std::numbers::pi / 180; }

Quaternion rotation_from_degrees(const Vec3& xyz) {
  return multiply(about_axis({0, 0, 1}, radians(xyz[2])),
                  multiply(about_axis({0, 1, 0}, radians(xyz[1])), about_axis({1, 0, 0}, radians(xyz[0]))));
}

std::array<std::uint8_t, 3> color_of(const Resolver& in, const std::string& fallback) {
  const std::string color = in.text("color", fallback);
  const auto found = find_color(color);
  if (!found) throw InputError(in.file(), in.pointer() + "/color", "'" + color + "' is no colour of the palette");
  return *found;
}

std::string material_of(const Resolver& in, const std::string& fallback) {
  const std::string material = in.text("material", fallback);
  try {
    material_from_name(material);
  } catch (const std::invalid_argument& error) {
    throw InputError(in.file(), in.pointer() + "/material", error.what());
  }
  return material;
}

double within(const Resolver& in, const std::string& key, double value, double low, double high) {
  if (value >= low && value <= high) return value;
  throw InputError(in.file(), in.pointer() + "/" + key,
                   fmt::format("is {:g}, expected {:g} to {:g}", value, low, high));
}

Vec3 within(const Resolver& in, const std::string& key, const Vec3& value, double low, double high) {
  for (std::size_t i = 0; i < 3; ++i) within(in, key + "/" + std::to_string(i), value[i], low, high);
  return value;
}

int body_named(const Resolver& in, const std::string& key, const SceneSpec& scene) {
  const int found = scene.find(in.text(key, ""));
  if (found < 0) throw InputError(in.file(), in.pointer() + "/" + key, "names no body");
  return found;
}

void resolve_staging(const Resolver& in, BodySpec& body) {
  in.each("parts", [&](const Resolver& part) { body.parts.push_back(resolve_part(part)); });
  resolve_path(in, body);
  body.rigid.kinematic = !body.path.empty();
  body.present = in.number("present", 1) != 0;
  body.group = in.text("group", "");
  body.lamp = within(in, "lamp", in.number("lamp", 0), 0, 100);
  body.lit = in.flag("lit");
  body.break_impulse = in.number("breaks_at_Ns", 0);
}

void resolve_camera(const Resolver& in, CameraSpec& camera) {
  const double far = SceneLimits::kFarthest_m;
  camera.position = within(in, "position", in.vector("position"), -far, far);
  camera.look_at = within(in, "look_at", in.vector("look_at"), -far, far);
  if (norm(camera.look_at - camera.position) < 1e-6)
    throw InputError(in.file(), in.pointer() + "/look_at", "is where the camera stands");
  camera.fov = radians(within(in, "fov_deg", in.number("fov_deg"), 1, 170));
  camera.keep_aim = in.flag("keep_aim");
  in.each("moves", [&](const Resolver& move) { camera.moves.push_back(resolve_move(move)); });
}

void resolve_shots(const Resolver& in, SceneSpec& scene) {
  in.each("shots", [&](const Resolver& shot) {
    ShotSpec next;
    const double hz = scene.physics.step_hz;
    next.from_s = std::round(shot.number("from_s") * hz) / hz;
    const double before = scene.shots.empty() ? 0 : scene.shots.back().from_s;
    if (next.from_s <= before)
      throw InputError(in.file(), shot.pointer() + "/from_s", "is not later than the shot before");
    resolve_camera(shot, next.camera);
    scene.shots.push_back(next);
  });
}

void resolve_joints(const Resolver& root, SceneSpec& scene) {
  root.each("joints", [&](const Resolver& in) {
    JointSpec joint;
    joint.body = body_named(in, "body", scene);
    const Pose X_BW = inverse(scene.bodies[static_cast<std::size_t>(joint.body)].rigid.X_WB);
    joint.pivot = transform(X_BW, in.vector("at"));
    if (in.has("axis")) {
      if (norm(in.vector("axis")) < 1e-9) throw InputError(in.file(), in.pointer() + "/axis", "has no direction");
      joint.axis = rotate(X_BW.rotation, normalized(in.vector("axis")));
    }
    scene.joints.push_back(joint);
  });
}

void resolve_actions(const Resolver& root, SceneSpec& scene) {
  root.each("actions", [&](const Resolver& in) {
    const std::string type = in.text("type", "");
    if (type == "bite") resolve_bite(in, scene);
    if (type == "push")
      scene.pushes.push_back(
          {body_named(in, "body", scene), within(in, "at_s", in.number("at_s"), 0, SceneLimits::kLatest_s),
           within(in, "velocity", in.vector("velocity"), -SceneLimits::kFastest, SceneLimits::kFastest)});
    if (type == "switch") resolve_switch(in, scene);
    if (type == "trail") resolve_trail(in, scene);
  });
  std::stable_sort(scene.bites.begin(), scene.bites.end(),
                   [](const BiteSpec& a, const BiteSpec& b) { return a.at_s < b.at_s; });
}

void add_shards(SceneSpec& scene) {
  const std::size_t count = scene.bodies.size();
  for (std::size_t i = 0; i < count; ++i) {
    if (scene.bodies[i].info.shape != "glass") continue;
    scene.bodies[i].shards_from = static_cast<int>(scene.bodies.size());
    for (const Polyhedron& piece : scene.bodies[i].pieces) {
      const BodySpec& glass = scene.bodies[i];
      BodySpec shard;
      shard.info = glass.info;
      shard.info.name += "_shard_" + std::to_string(scene.bodies.size() - count + 1);
      shard.info.shape = "shard";
      shard.info.tracked = false;
      shard.info.color_name.clear();
      shard.material = glass.material;
      shard.rigid = glass.rigid;
      shard.density = glass.density;
      shard.shard_of = static_cast<int>(i);
      shard.pieces = {piece};
      shard.present = glass.present;
      scene.bodies.push_back(std::move(shard));
    }
  }
}

}  // namespace bitemark::sim
