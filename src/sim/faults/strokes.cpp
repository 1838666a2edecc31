// Faults of trails: what is drawn leaves nothing, or does not stay.
#include <algorithm>
#include <stdexcept>

#include "sim/faults/fault.h"

namespace bitemark::sim {
namespace {

constexpr int kLeast = 3;  // frames in which something is drawn, or seen to be gone

}  // namespace

int leave_no_stroke(FaultRequest& request) {
  World& world = request.world;
  std::vector<int> drawn;  // frames after the context in which a trail grows
  for (int frame = world.context_frames; frame + 1 < request.frame_count(); ++frame) {
    const auto step = static_cast<std::int64_t>(world.timeline[static_cast<std::size_t>(frame)].time_s *
                                                static_cast<double>(world.motion.step_hz));
    const bool grows = std::any_of(world.motion.trails.begin(), world.motion.trails.end(), [&](const Trail& trail) {
      return !trail.empty() && trail.front().step <= step && trail.back().step > step;
    });
    if (grows) drawn.push_back(frame);
  }
  if (static_cast<int>(drawn.size()) < kLeast) throw std::invalid_argument("nothing is drawn after the context");
  const int first = drawn.front();
  // Drawing goes on, and time stands still for what is drawn.
  const double until = world.timeline[static_cast<std::size_t>(std::max(first - 1, 0))].time_s;
  for (int frame = first; frame < request.frame_count(); ++frame) {
    FrameWorld& at = world.timeline[static_cast<std::size_t>(frame)];
    at.marks_lag_s = at.time_s - until;
  }
  return first;
}

int fade_stroke(FaultRequest& request) {
  World& world = request.world;
  std::int64_t begun = -1;
  for (const Trail& trail : world.motion.trails) {
    if (!trail.empty()) begun = std::max(begun, trail.back().step);
  }
  if (begun < 0) throw std::invalid_argument("nothing is drawn");
  const int done = frame_of_step(begun, world.motion.step_hz, request.options.rate);
  const int earliest = std::max(world.context_frames, std::min(done + 1, request.frame_count() * 3 / 4));
  const int first = request.any_frame(earliest, request.frame_count() - kLeast);
  for (int frame = first; frame < request.frame_count(); ++frame) {
    FrameWorld& at = world.timeline[static_cast<std::size_t>(frame)];
    at.marks_lag_s = at.time_s + 1;  // as before anything was drawn
  }
  return first;
}

}  // namespace bitemark::sim
