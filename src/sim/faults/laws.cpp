// Faults of mechanics: gravity, energy, solidity, the push that a blow gives.
#include <algorithm>
#include <cmath>
#include <stdexcept>

#include "sim/faults/fault.h"
#include "sim/vec.h"

namespace bitemark::sim {
namespace {

/// Bodies that move by forces.
std::vector<int> free_bodies(const World& world) {
  std::vector<int> found;
  for (std::size_t b = 0; b < world.scene.bodies.size(); ++b) {
    if (world.scene.bodies[b].rigid.mass > 0 && world.scene.bodies[b].info.tracked)
      found.push_back(static_cast<int>(b));
  }
  return found;
}

/// From a random frame on, every free body feels `factor` times the gravity that it should.
int change_gravity(FaultRequest& request, double factor) {
  World& world = request.world;
  const int first = request.any_onset();
  const double dt = 1.0 / world.motion.step_hz;
  const auto from = static_cast<std::int64_t>(
      std::ceil(world.timeline[static_cast<std::size_t>(first)].time_s * world.motion.step_hz));
  std::vector<Push> pushes;
  for (auto step = from; step < static_cast<std::int64_t>(world.motion.steps.size()); ++step) {
    for (const int body : free_bodies(world)) {
      pushes.push_back({body, static_cast<double>(step) * dt, (factor - 1) * dt * world.scene.physics.gravity});
    }
  }
  if (pushes.empty()) throw std::invalid_argument("nothing is free to fall");
  request.simulate_again(pushes);
  return first;
}

/// The first contact of two listed bodies after the context, its frame, and which of the two is struck at rest.
struct Blow {
  int frame = 0, striker = -1, struck = -1;
};
Blow first_blow(const FaultRequest& request) {
  const World& world = request.world;
  for (const Event& event : world.motion.events) {
    if (event.type != "contact_begin" || event.ids[0] == 0 || event.ids[1] == 0) continue;
    Blow blow{frame_of_step(event.step, world.motion.step_hz, request.options.rate)};
    for (std::size_t b = 0; b < world.scene.bodies.size(); ++b) {
      const BodySpec& body = world.scene.bodies[b];
      if (body.info.id != event.ids[0] && body.info.id != event.ids[1]) continue;
      (norm(body.rigid.velocity) > 0 ? blow.striker : blow.struck) = static_cast<int>(b);
    }
    const bool late = blow.frame >= world.context_frames && blow.frame + 2 < request.frame_count();
    if (late && blow.striker >= 0 && blow.struck >= 0) return blow;
  }
  throw std::invalid_argument("no body is struck at rest after the context");
}

/// From `first` on the body stands where and as it was in the frame before.
void hold(FaultRequest& request, int body, int first) {
  const BodyFrame still = request.body(first - 1, body);
  for (int frame = first; frame < request.frame_count(); ++frame) {
    BodyFrame& at = request.body(frame, body);
    at.X_WB = still.X_WB;
    at.velocity = at.angular_velocity = {0, 0, 0};
  }
}

}  // namespace

int weaken_gravity(FaultRequest& request) { return change_gravity(request, 1 - 0.75 * request.options.severity); }
int reverse_gravity(FaultRequest& request) { return change_gravity(request, -request.options.severity); }

int gain_energy(FaultRequest& request) {
  World& world = request.world;
  for (const Event& event : world.motion.events) {
    if (event.type != "contact_end") continue;
    const int frame = frame_of_step(event.step, world.motion.step_hz, request.options.rate);
    if (frame < world.context_frames || frame + 2 >= request.frame_count()) continue;
    for (const int body : free_bodies(world)) {
      const std::uint16_t id = world.scene.bodies[static_cast<std::size_t>(body)].info.id;
      if (event.ids[0] != id && event.ids[1] != id) continue;
      const auto step = static_cast<std::size_t>(event.step);
      const Vec3 away = world.motion.steps[step][static_cast<std::size_t>(body)].velocity;
      if (norm(away) < 0.3) continue;
      request.simulate_again({{body, event.time_s, 0.6 * request.options.severity * away}});
      return frame;
    }
  }
  throw std::invalid_argument("nothing leaves a contact after the context");
}

int stay_when_struck(FaultRequest& request) {
  const Blow blow = first_blow(request);
  hold(request, blow.struck, blow.frame);
  return blow.frame;
}

int pass_through(FaultRequest& request) {
  const Blow blow = first_blow(request);
  hold(request, blow.struck, blow.frame);
  const BodyFrame before = request.body(blow.frame - 1, blow.striker);
  const double start = request.world.timeline[static_cast<std::size_t>(blow.frame - 1)].time_s;
  for (int frame = blow.frame; frame < request.frame_count(); ++frame) {
    BodyFrame& at = request.body(frame, blow.striker);
    const double passed = request.world.timeline[static_cast<std::size_t>(frame)].time_s - start;
    at.X_WB = before.X_WB;
    at.X_WB.position = before.X_WB.position + passed * before.velocity;
    at.velocity = before.velocity;
  }
  return blow.frame;
}

}  // namespace bitemark::sim
