// Faults of cause and effect: marks that are missing or heal, motion without a cause.
#include <algorithm>
#include <cmath>
#include <stdexcept>

#include "sim/faults/fault.h"
#include "sim/vec.h"

namespace bitemark::sim {
namespace {

constexpr double kSettle_s = 0.75;  // the jaws have gone
constexpr int kEarlyFrames = 4;     // a mark that is early by less hides behind the jaws

/// Index of a new form of the bitten body: the bites before `step` but for the one at `missing`.
int form_without(World& world, std::size_t missing, std::int64_t step) {
  const std::vector<BiteSpec>& bites = world.scene.bites;
  auto& forms = world.motion.forms[static_cast<std::size_t>(bites[missing].target)];
  auto solid = std::make_shared<SdfGrid>(*forms.front().solid);
  for (std::size_t k = 0; k < bites.size(); ++k) {
    if (k == missing || std::llround(bites[k].at_s * world.motion.step_hz) > step) continue;
    solid->subtract(bite_in_body(world.scene, bites[k]));
  }
  const MassProperties whole = forms.front().solid->mass_properties(), left = solid->mass_properties();
  forms.push_back({step, forms.front().mass * left.volume / whole.volume, left.center, solid});
  return static_cast<int>(forms.size()) - 1;
}

std::int64_t step_at(const World& world, double time_s) {
  return static_cast<std::int64_t>(std::floor(time_s * world.motion.step_hz + 1e-6));
}

/// From frame `first` on, the mark of bite `missing` is not there.
void take_mark_away(World& world, std::size_t missing, int first) {
  const auto target = static_cast<std::size_t>(world.scene.bites[missing].target);
  int form = -1, true_form = -1;
  for (std::size_t frame = static_cast<std::size_t>(first); frame < world.timeline.size(); ++frame) {
    FrameWorld& at = world.timeline[frame];
    if (form < 0 || at.bodies[target].form != true_form) {
      true_form = at.bodies[target].form;
      form = form_without(world, missing, step_at(world, at.time_s));
    }
    at.bodies[target].form = form;
  }
}

}  // namespace

int leave_no_mark(FaultRequest& request) {
  World& world = request.world;
  if (world.scene.bites.empty()) throw std::invalid_argument("nothing is bitten");
  const auto missing = request.random.below(static_cast<std::uint32_t>(world.scene.bites.size()));
  const auto step = std::llround(world.scene.bites[missing].at_s * world.motion.step_hz);
  const int first = frame_of_step(step, world.motion.step_hz, request.options.rate);
  if (first < world.context_frames || first >= request.frame_count()) {
    throw std::invalid_argument("the bite is not in the continuation");
  }
  take_mark_away(world, missing, first);
  std::erase_if(world.motion.events, [&](const Event& event) { return event.type == "bite" && event.step == step; });
  return first;
}

int heal_mark(FaultRequest& request) {
  World& world = request.world;
  const std::vector<BiteSpec>& bites = world.scene.bites;
  std::vector<std::pair<std::size_t, int>> places;  // (bite, frame)
  for (std::size_t k = 0; k < bites.size(); ++k) {
    const double until = k + 1 < bites.size() ? bites[k + 1].at_s - 0.2 : 1e9;
    for (int frame = world.context_frames; frame + 2 < request.frame_count(); ++frame) {
      const double time = world.timeline[static_cast<std::size_t>(frame)].time_s;
      if (time > bites[k].at_s + kSettle_s && time < until) places.emplace_back(k, frame);
    }
  }
  if (places.empty()) throw std::invalid_argument("no mark is there long enough");
  const auto [healed, first] = places[request.random.below(static_cast<std::uint32_t>(places.size()))];
  take_mark_away(world, healed, first);
  return first;
}

int mark_too_early(FaultRequest& request) {
  World& world = request.world;
  if (world.scene.bites.empty()) throw std::invalid_argument("nothing is bitten");
  const std::size_t early = request.random.below(static_cast<std::uint32_t>(world.scene.bites.size()));
  const BiteSpec& bite = world.scene.bites[early];
  const auto hz = world.motion.step_hz;
  const int closes = frame_of_step(std::llround(bite.at_s * hz), hz, request.options.rate);
  const int after_last = early == 0 ? 0
                                    : frame_of_step(std::llround((world.scene.bites[early - 1].at_s + kSettle_s) * hz),
                                                    hz, request.options.rate);
  const int first = request.any_frame(std::max(world.context_frames, after_last), closes - kEarlyFrames);
  const int bitten = world.motion.form_at(bite.target, std::llround(bite.at_s * hz));
  for (int frame = first; frame < closes; ++frame) request.body(frame, bite.target).form = bitten;
  return first;
}

int move_before_contact(FaultRequest& request) {
  World& world = request.world;
  const auto contact = std::find_if(world.motion.events.begin(), world.motion.events.end(), [](const Event& event) {
    return event.type == "contact_begin" && event.ids[0] != 0 && event.ids[1] != 0;
  });
  if (contact == world.motion.events.end()) throw std::invalid_argument("no two bodies touch");
  int struck = -1, striker = -1;
  for (std::size_t b = 0; b < world.scene.bodies.size(); ++b) {
    const BodySpec& body = world.scene.bodies[b];
    if (body.info.id != contact->ids[0] && body.info.id != contact->ids[1]) continue;
    (norm(body.rigid.velocity) > 0 ? striker : struck) = static_cast<int>(b);
  }
  if (struck < 0 || striker < 0) throw std::invalid_argument("no body is struck at rest");
  // Just after the last frame of the context, up to a frame and a half before the contact.
  const double frame_s = request.options.rate.time_of(1);
  const double earliest = request.options.rate.time_of(world.context_frames - 1) + 0.25 * frame_s;
  const double latest = contact->time_s - 1.5 * frame_s;
  const double at_s = earliest + std::max(0.0, latest - earliest) * request.random.uniform();
  if (at_s > contact->time_s - frame_s) throw std::invalid_argument("the contact comes too soon after the context");
  const Vec3 push = request.options.severity * world.scene.bodies[static_cast<std::size_t>(striker)].rigid.velocity;
  request.simulate_again({{struck, at_s, push}});
  return world.context_frames;
}

}  // namespace bitemark::sim
