#include "sim/timeline.h"

#include <algorithm>
#include <cmath>
#include <set>

#include "base/error.h"
#include "sim/camera_path.h"
#include "sim/cloth.h"
#include "sim/scripted.h"
#include "sim/vec.h"
#include "sim/voxel/frames.h"

namespace bitemark::sim {
namespace {

Vec3 mix(const Vec3& a, const Vec3& b, double part) { return a + part * (b - a); }

/// Normalised linear interpolation: within one step the angle is too small to tell it from slerp.
Quaternion mix(const Quaternion& a, const Quaternion& b, double part) {
  const double sign = a[0] * b[0] + a[1] * b[1] + a[2] * b[2] + a[3] * b[3] < 0 ? -1 : 1;
  Quaternion q{};
  for (std::size_t i = 0; i < 4; ++i) q[i] = (1 - part) * a[i] + sign * part * b[i];
  return normalized(q);
}

/// Which lights are on after a step.
void light(const SceneSpec& scene, const Motion& motion, std::int64_t step, FrameWorld& world) {
  world.brightness = scene.brightness;
  for (std::size_t b = 0; b < scene.bodies.size(); ++b) world.bodies[b].glow = scene.bodies[b].lit ? 1 : 0;
  for (const LightChange& change : motion.lights) {
    if (change.step > step) break;
    if (change.lamp < 0) {
      world.brightness = change.brightness;
    } else {
      world.bodies[static_cast<std::size_t>(change.lamp)].glow = change.brightness;
    }
  }
}

constexpr double kPushNotice_s = 0.25;  // a push is told this long before and after it

/// The scripted actor at work, else a push, else a dark room.
ActState act_at(const SceneSpec& scene, const FrameWorld& world) {
  if (scene.actor >= 0) {
    const BodySpec& actor = scene.bodies[static_cast<std::size_t>(scene.actor)];
    const BodyFrame& body = world.bodies[static_cast<std::size_t>(scene.actor)];
    const bool works = body.alive && !actor.path.empty() && world.time_s < actor.path.back().at_s;
    return {works, works ? path_progress(actor, world.time_s) : 0, body.X_WB.position};
  }
  for (const PushSpec& push : scene.pushes) {
    const double t = world.time_s - push.at_s;
    if (std::abs(t) > kPushNotice_s) continue;
    return {true, 0.5 + 0.5 * t / kPushNotice_s, world.bodies[static_cast<std::size_t>(push.body)].X_WB.position};
  }
  if (world.brightness < scene.brightness) {
    return {true, std::clamp(1 - world.brightness, 0.0, 1.0), scene.camera.look_at};
  }
  return {};
}

}  // namespace

int frame_of_step(std::int64_t step, int step_hz, Rate rate) {
  const std::int64_t numerator = step * rate.num, denominator = static_cast<std::int64_t>(step_hz) * rate.den;
  return static_cast<int>((numerator + denominator - 1) / denominator);
}

std::vector<FrameWorld> make_timeline(const SceneSpec& scene, const Motion& motion, Rate rate, int frame_count,
                                      int width, int height) {
  std::set<std::int64_t> event_steps;
  for (const Event& event : motion.events) event_steps.insert(event.step);
  std::vector<FrameWorld> timeline(static_cast<std::size_t>(frame_count));
  for (int n = 0; n < frame_count; ++n) {
    FrameWorld& world = timeline[static_cast<std::size_t>(n)];
    world.time_s = rate.time_of(n);
    world.camera = camera_at(scene, world.time_s, width, height);
    const std::int64_t numerator = static_cast<std::int64_t>(n) * rate.den * motion.step_hz;
    const auto step = numerator / rate.num;
    double part = static_cast<double>(numerator % rate.num) / rate.num;
    BITEMARK_CHECK(step + 1 < static_cast<std::int64_t>(motion.steps.size()));
    if (event_steps.contains(step + 1)) part = 0;
    const auto& before = motion.steps[static_cast<std::size_t>(step)];
    const auto& after = motion.steps[static_cast<std::size_t>(step) + 1];
    for (std::size_t b = 0; b < scene.bodies.size(); ++b) {
      BodyFrame body;
      body.alive = motion.lives[b].at(step);
      body.form = motion.form_at(static_cast<int>(b), step);
      body.color = scene.bodies[b].info.color;
      body.velocity = mix(before[b].velocity, after[b].velocity, part);
      body.angular_velocity = mix(before[b].angular_velocity, after[b].angular_velocity, part);
      body.X_WB = {mix(before[b].X_WB.position, after[b].X_WB.position, part),
                   mix(before[b].X_WB.rotation, after[b].X_WB.rotation, part)};
      world.bodies.push_back(body);
    }
    light(scene, motion, step, world);
    for (const ClothMotion& cloth : motion.cloths) {
      BodyFrame& body = world.bodies[static_cast<std::size_t>(cloth.body)];
      const ClothShape shape = cloth_at(cloth, world.time_s);
      body.X_WB = shape.X_WB;
      body.velocity = shape.velocity;
      body.mesh = shape.mesh;
    }
    world.act = act_at(scene, world);
    if (scene.upper_jaw < 0) continue;
    world.jaws = jaws_at(scene, world.bodies[static_cast<std::size_t>(scene.bites.front().target)].X_WB, world.time_s);
    for (const int jaw : {scene.upper_jaw, scene.lower_jaw}) {
      BodyFrame& body = world.bodies[static_cast<std::size_t>(jaw)];
      body.alive = world.jaws.present;
      body.X_WB = jaw == scene.upper_jaw ? world.jaws.X_WU : world.jaws.X_WL;
    }
  }
  if (scene.voxels) set_voxel_frames(scene, motion, rate, width, height, timeline);
  return timeline;
}

}  // namespace bitemark::sim
