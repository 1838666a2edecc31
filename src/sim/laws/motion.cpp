// Laws of motion: no jumps, weight, inertia, momentum, energy.
#include <algorithm>
#include <cmath>

#include "sim/laws/measures.h"
#include "sim/laws/shown.h"
#include "sim/vec.h"

namespace bitemark::sim {
namespace {

/// Calls `visit(course, frame, before, now)` for each body that is there in both of two frames that follow each other.
template <typename Visit>
void for_each_step(const ShownWorld& shown, Visit visit) {
  for (const ShownWorld::Course& course : shown.courses()) {
    for (int frame = 1; frame < shown.frames(); ++frame) {
      const BodyFrame *before = shown.state(course, frame - 1), *now = shown.state(course, frame);
      if (before != nullptr && now != nullptr) visit(course, frame, *before, *now);
    }
  }
}

/// Kinetic energy and that of height [J]. Bodies of pieces turn about principal axes that are not at hand: their
/// rotation is left out, so that they are not judged (is_simple).
double energy_of(const BodySpec& body, double mass, const BodyFrame& at, const Vec3& gravity) {
  const Vec3 w = rotate(conjugate(at.X_WB.rotation), at.angular_velocity);
  const Vec3& s = body.size;
  Vec3 inertia{0.4 * s[0] * s[0], 0.4 * s[0] * s[0], 0.4 * s[0] * s[0]};  // sphere, per mass
  if (body.info.shape == "box") {
    inertia = {(s[1] * s[1] + s[2] * s[2]) / 12, (s[0] * s[0] + s[2] * s[2]) / 12, (s[0] * s[0] + s[1] * s[1]) / 12};
  }
  const double turning = inertia[0] * w[0] * w[0] + inertia[1] * w[1] * w[1] + inertia[2] * w[2] * w[2];
  return mass * (0.5 * dot(at.velocity, at.velocity) + 0.5 * turning - dot(gravity, at.X_WB.position));
}

bool is_simple(const BodySpec& body) { return body.info.shape == "sphere" || body.info.shape == "box"; }

/// Nothing but weight and contacts acts: no script, no push, no joint, no glass, no cloth, no blocks.
bool is_closed(const World& world) {
  const SceneSpec& scene = world.scene;
  const bool scripted = std::any_of(scene.bodies.begin(), scene.bodies.end(), [](const BodySpec& body) {
    return !body.path.empty() || body.shards_from >= 0 || body.info.shape == "cloth";
  });
  return !scripted && !scene.voxels && scene.joints.empty() && scene.pushes.empty();
}

/// The free body under an id; nullptr where there is none.
const ShownWorld::Course* free_course(const ShownWorld& shown, std::uint16_t id) {
  for (const ShownWorld::Course& course : shown.courses()) {
    if (id != 0 && course.contact_id == id && shown.is_free(course)) return &course;
  }
  return nullptr;
}

}  // namespace

/// The longest way between two frames beyond what the faster of the two velocities covers [m].
Residual depart_from_continuity(const World& world, const World& /*truth*/) {
  if (world.scene.voxels) return std::nullopt;
  const ShownWorld shown(world);
  double furthest = 0;
  for_each_step(shown, [&](const auto& course, int, const BodyFrame& before, const BodyFrame& now) {
    if (world.scene.bodies[course.first].ghost) return;  // jaws come in from nowhere, every time
    const double covered = std::max(norm(before.velocity), norm(now.velocity)) * shown.frame_s();
    furthest = std::max(furthest, norm(now.X_WB.position - before.X_WB.position) - covered);
  });
  return furthest;
}

/// In free flight: the greatest error of the vertical acceleration, as a share of gravity.
Residual depart_from_gravity(const World& world, const World& /*truth*/) {
  const ShownWorld shown(world);
  const double g = world.scene.physics.gravity[2];
  std::optional<double> worst;
  for_each_step(shown, [&](const ShownWorld::Course& course, int frame, const BodyFrame& before, const BodyFrame& now) {
    if (!shown.is_free(course) || shown.touch(course, frame).any) return;
    const double acceleration = (now.velocity[2] - before.velocity[2]) / shown.frame_s();
    worst = std::max(worst.value_or(0), std::abs(acceleration / g - 1));
  });
  return worst;
}

/// Where nothing but the ground touches a body: the greatest change of its horizontal velocity beyond what the
/// ground's friction can do [m/s].
Residual depart_from_inertia(const World& world, const World& /*truth*/) {
  const ShownWorld shown(world);
  const double g = norm(world.scene.physics.gravity);
  std::optional<double> worst;
  for_each_step(shown, [&](const ShownWorld::Course& course, int frame, const BodyFrame& before, const BodyFrame& now) {
    if (!shown.is_free(course)) return;
    const ShownWorld::Touch touch = shown.touch(course, frame);
    if (touch.begins || touch.other) return;
    const double change = std::hypot(now.velocity[0] - before.velocity[0], now.velocity[1] - before.velocity[1]);
    worst = std::max(worst.value_or(0), change - touch.friction * g * shown.frame_s());
  });
  return worst;
}

/// When two free bodies touch: the greatest change of their joint horizontal momentum across the contact, as a share
/// of the momentum before. The ground's friction within the two frames is the rounding.
Residual depart_from_momentum(const World& world, const World& /*truth*/) {
  const ShownWorld shown(world);
  std::optional<double> worst;
  for (const Event& event : world.motion.events) {
    if (event.type != "contact_begin") continue;
    const auto *a = free_course(shown, event.ids[0]), *b = free_course(shown, event.ids[1]);
    const auto after = static_cast<int>(std::ceil(event.time_s / shown.frame_s() + 1e-9));
    if (a == nullptr || b == nullptr || after < 1 || after >= shown.frames()) continue;
    Vec3 change{0, 0, 0};
    double carried = 0;
    bool there = true;
    for (const auto* course : {a, b}) {
      const BodyFrame *before = shown.state(*course, after - 1), *now = shown.state(*course, after);
      there = there && before != nullptr && now != nullptr;
      if (!there) break;
      const double mass = shown.mass(*course, after);
      change = change + mass * (now->velocity - before->velocity);
      carried += mass * std::hypot(before->velocity[0], before->velocity[1]);
    }
    if (there && carried > 0) worst = std::max(worst.value_or(0), std::hypot(change[0], change[1]) / carried);
  }
  return worst;
}

/// The greatest gain of mechanical energy over any earlier frame, as a share of what then moves, or of a twentieth of
/// what moves at most in the truth where less does.
Residual depart_from_energy(const World& world, const World& truth) {
  if (!is_closed(world)) return std::nullopt;
  const ShownWorld shown(world), was(truth);
  const auto total = [](const ShownWorld& clip, int frame, const Vec3& gravity) {
    double sum = 0;
    for (const ShownWorld::Course& course : clip.courses()) {
      const BodyFrame* state = clip.state(course, frame);
      if (state == nullptr || !clip.is_free(course) || !is_simple(clip.spec(course, frame))) continue;
      sum += energy_of(clip.spec(course, frame), clip.mass(course, frame), *state, gravity);
    }
    return sum;
  };
  const Vec3 none{0, 0, 0}, gravity = world.scene.physics.gravity;
  double scale = 0;
  for (int frame = 0; frame < was.frames(); ++frame) scale = std::max(scale, total(was, frame, none));
  if (scale < 1e-6) return std::nullopt;
  double least = total(shown, 0, gravity), gain = 0;
  for (int frame = 1; frame < shown.frames(); ++frame) {
    const double now = total(shown, frame, gravity);
    gain = std::max(gain, (now - least) / std::max(total(shown, frame, none), 0.05 * scale));
    least = std::min(least, now);
  }
  return gain;
}

}  // namespace bitemark::sim
