// Faults of the clip: the world goes on as it should, the pictures do not.
#include <numeric>

#include "sim/faults/fault.h"

namespace bitemark::sim {
namespace {

std::vector<int> in_order(int count) {
  std::vector<int> frames(static_cast<std::size_t>(count));
  std::iota(frames.begin(), frames.end(), 0);
  return frames;
}

}  // namespace

int mirror_clip(FaultRequest& request) {
  request.world.mirrored_from = request.any_onset();
  return request.world.mirrored_from;
}

int freeze_clip(FaultRequest& request) {
  // In the first third of the continuation, so that there is motion to be missed.
  const int start = request.world.context_frames;
  const int first = request.any_frame(start, start + (request.frame_count() - start + 2) / 3);
  request.world.shown = in_order(request.frame_count());
  for (int frame = first; frame < request.frame_count(); ++frame) {
    request.world.shown[static_cast<std::size_t>(frame)] = std::max(first - 1, 0);
  }
  return first;
}

int reverse_clip(FaultRequest& request) {
  // There must be a past to play backwards: not before the context has been shown.
  const int first = request.any_onset();
  request.world.shown = in_order(request.frame_count());
  for (int frame = first; frame < request.frame_count(); ++frame) {
    request.world.shown[static_cast<std::size_t>(frame)] = std::max(2 * first - 2 - frame, 0);
  }
  return first;
}

int shuffle_clip(FaultRequest& request) {
  request.world.shown = in_order(request.frame_count());
  const int first = request.world.context_frames;
  for (int frame = request.frame_count() - 1; frame > first; --frame) {  // Fisher-Yates
    const int other = request.any_frame(first, frame + 1);
    std::swap(request.world.shown[static_cast<std::size_t>(frame)],
              request.world.shown[static_cast<std::size_t>(other)]);
  }
  return first;
}

}  // namespace bitemark::sim
