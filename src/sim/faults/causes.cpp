// Faults of order and of lamps: what should come second comes first, light without a switch, a switch without light.
#include <algorithm>
#include <cmath>
#include <optional>
#include <stdexcept>

#include "sim/faults/fault.h"

namespace bitemark::sim {
namespace {

constexpr int kEarlyFrames = 3;  // a lamp that is early by less could pass for a quick one

/// When a body first lands after a time [s].
std::optional<double> landing_after(const World& world, int body, double start_s) {
  const std::uint16_t id = world.scene.bodies[static_cast<std::size_t>(body)].info.id;
  for (const Event& event : world.motion.events) {
    const bool lands = event.type == "contact_begin" && event.ids[0] == id && event.ids[1] == 0;
    if (lands && event.time_s > start_s) return event.time_s;
  }
  return std::nullopt;
}

/// The first frame after the context in which a lamp is switched on, and which lamp it is.
std::pair<int, int> switched_lamp(const FaultRequest& request) {
  const World& world = request.world;
  for (const LightChange& change : world.motion.lights) {
    const int frame = frame_of_step(change.step, world.motion.step_hz, request.options.rate);
    const bool late = frame >= world.context_frames && frame < request.frame_count();
    if (change.lamp >= 0 && change.brightness > 0 && late) return {frame, change.lamp};
  }
  throw std::invalid_argument("no lamp is switched on after the context");
}

}  // namespace

/// Two bodies in the air get the velocities with which each lands when the other should have.
int exchange_order(FaultRequest& request) {
  const World& world = request.world;
  const double dt = 1.0 / world.motion.step_hz, g = -world.scene.physics.gravity[2];
  const auto last_seen = world.timeline[static_cast<std::size_t>(std::max(world.context_frames - 1, 0))].time_s;
  const auto step = static_cast<std::size_t>(std::floor(last_seen / dt)) + 1;
  const double start_s = static_cast<double>(step) * dt;
  struct Faller {
    int body;
    double lands_s;
  };
  std::vector<Faller> fallers;
  for (const int body : request.tracked()) {
    const auto lands = landing_after(world, body, start_s);
    if (lands && world.scene.bodies[static_cast<std::size_t>(body)].rigid.mass > 0) fallers.push_back({body, *lands});
  }
  if (fallers.size() != 2 || std::abs(fallers[0].lands_s - fallers[1].lands_s) < 0.1) {
    throw std::invalid_argument("there are no two bodies that land one after the other");
  }
  std::vector<Push> pushes;
  for (std::size_t i = 0; i < 2; ++i) {
    const auto body = static_cast<std::size_t>(fallers[i].body);
    const StepState& state = world.motion.steps[step][body];
    // Height over its resting place, and the time that the fall shall take: z + v t - g t^2 / 2 = 0.
    const double z = state.X_WB.position[2] - world.scene.bodies[body].size[0], t = fallers[1 - i].lands_s - start_s;
    const double velocity = g * t / 2 - z / t;
    pushes.push_back({fallers[i].body, start_s, {0, 0, velocity - state.velocity[2]}});
  }
  request.simulate_again(pushes);
  return world.context_frames;
}

int light_lamp(FaultRequest& request) {
  const auto [press, lamp] = switched_lamp(request);
  const int first = request.any_frame(request.world.context_frames, press - kEarlyFrames + 1);
  for (int frame = first; frame < press; ++frame) request.body(frame, lamp).glow = request.body(press, lamp).glow;
  return first;
}

int leave_lamp_dark(FaultRequest& request) {
  const auto [press, lamp] = switched_lamp(request);
  for (int frame = press; frame < request.frame_count(); ++frame) request.body(frame, lamp).glow = 0;
  return press;
}

}  // namespace bitemark::sim
