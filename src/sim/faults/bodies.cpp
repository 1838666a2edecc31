// Faults of whole bodies: vanished, doubled, exchanged, wobbling.
#include <algorithm>
#include <cmath>
#include <stdexcept>

#include "sim/faults/fault.h"
#include "sim/vec.h"

namespace bitemark::sim {
namespace {

constexpr double kWobble = 0.07;  // radii, of each of three waves

/// The first frame in which `body` is seen again after having been hidden for `least` frames; -1 if it never is.
int reappearance(const std::vector<LabelImage>& labels, int body, int after, int least) {
  int hidden = 0;
  for (int frame = 0; frame < static_cast<int>(labels.size()); ++frame) {
    const bool seen = labels[static_cast<std::size_t>(frame)].visible[static_cast<std::size_t>(body)] > 0;
    if (seen && hidden >= least && frame >= after) return frame;
    hidden = seen ? 0 : hidden + 1;
  }
  return -1;
}

std::vector<LabelImage> all_labels(const FaultRequest& request) {
  std::vector<LabelImage> labels;
  for (int frame = 0; frame < request.frame_count(); ++frame) labels.push_back(request.labels(frame));
  return labels;
}

/// The copy stands beside the original, in the picture, and covers nothing that is tracked.
bool is_clear(const FaultRequest& request, const LabelImage& before, int frame, int copy) {
  const LabelImage labels = request.labels(frame);
  const auto c = static_cast<std::size_t>(copy);
  if (labels.full[c] < 12 || labels.visible[c] < 0.95 * labels.full[c]) return false;
  for (const int body : request.tracked()) {
    const auto b = static_cast<std::size_t>(body);
    if (body != copy && labels.visible[b] < before.visible[b]) return false;
  }
  for (int i = 0; i < labels.width; ++i) {
    if (labels.owner[static_cast<std::size_t>(i * labels.width)] == copy) return false;
    if (labels.owner[static_cast<std::size_t>(i * labels.width + labels.width - 1)] == copy) return false;
  }
  return true;
}

/// A place aside of the original, level with it.
Vec3 random_offset(Pcg32& random, double radius) {
  const double turn = random.uniform(0, 2 * M_PI), distance = random.uniform(1.6, 4.5) * radius;
  return {distance * std::cos(turn), distance * std::sin(turn), 0};
}

/// Tries to let the copy appear at `offset` from the original in frame `first` and stay with it.
bool place_copy(FaultRequest& request, int original, int copy, int first, const Vec3& offset) {
  World& world = request.world;
  const LabelImage before = request.labels(first);
  if (before.visible[static_cast<std::size_t>(original)] <= 12) return false;
  const auto put = [&](FrameWorld& frame, bool alive) {
    BodyFrame& body = frame.bodies[static_cast<std::size_t>(copy)];
    body.alive = alive;
    body.X_WB.position = frame.bodies[static_cast<std::size_t>(original)].X_WB.position + offset;
  };
  put(world.timeline[static_cast<std::size_t>(first)], true);
  if (!is_clear(request, before, first, copy)) {
    put(world.timeline[static_cast<std::size_t>(first)], false);
    return false;
  }
  for (int frame = first; frame < request.frame_count(); ++frame) {
    put(world.timeline[static_cast<std::size_t>(frame)], true);
  }
  return true;
}

}  // namespace

int vanish_while_hidden(FaultRequest& request) {
  const std::vector<LabelImage> labels = all_labels(request);
  std::vector<std::pair<int, int>> places;  // (body, frame)
  for (const int body : request.tracked()) {
    const int frame = reappearance(labels, body, request.world.context_frames, 2);
    if (frame >= 0) places.emplace_back(body, frame);
  }
  if (places.empty()) throw std::invalid_argument("nothing is hidden and seen again");
  const auto [body, first] = places[request.random.below(static_cast<std::uint32_t>(places.size()))];
  for (int frame = first; frame < request.frame_count(); ++frame) {
    request.world.timeline[static_cast<std::size_t>(frame)].bodies[static_cast<std::size_t>(body)].alive = false;
  }
  return first;
}

int duplicate(FaultRequest& request) {
  const std::vector<int> tracked = request.tracked();
  const int original = tracked[request.random.below(static_cast<std::uint32_t>(tracked.size()))];
  const int copy = request.add_body_like(original, "_copy");
  const double radius = request.world.scene.bodies[static_cast<std::size_t>(original)].info.radius_m;
  for (int attempt = 0; attempt < 400; ++attempt) {
    const int first = request.any_onset();
    const Vec3 offset = random_offset(request.random, radius);
    if (place_copy(request, original, copy, first, offset)) return first;
  }
  throw std::invalid_argument("no free place is in view");
}

int swap_identities(FaultRequest& request) {
  World& world = request.world;
  const std::vector<int> tracked = request.tracked();
  if (tracked.size() < 2) throw std::invalid_argument("fewer than two bodies are tracked");
  const auto pick = request.random.below(static_cast<std::uint32_t>(tracked.size()));
  const auto a = static_cast<std::size_t>(tracked[pick]);
  const auto b = static_cast<std::size_t>(tracked[(pick + 1) % tracked.size()]);
  const int first = request.any_onset();
  for (int frame = first; frame < request.frame_count(); ++frame) {
    auto& bodies = world.timeline[static_cast<std::size_t>(frame)].bodies;
    std::swap(bodies[a].X_WB.position, bodies[b].X_WB.position);
    std::swap(bodies[a].velocity, bodies[b].velocity);
  }
  return first;
}

int wobble_geometry(FaultRequest& request) {
  World& world = request.world;
  const int first = request.any_onset();
  for (int frame = first; frame < request.frame_count(); ++frame) {
    for (BodyFrame& body : world.timeline[static_cast<std::size_t>(frame)].bodies) {
      body.wobble = kWobble * request.options.severity;
    }
  }
  return first;
}

}  // namespace bitemark::sim
