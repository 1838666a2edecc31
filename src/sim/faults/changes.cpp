// Faults of identity and place: a body that is not what it was, or not where it was.
#include <algorithm>
#include <cmath>
#include <stdexcept>

#include "sim/faults/fault.h"
#include "sim/palette.h"
#include "sim/vec.h"

namespace bitemark::sim {
namespace {

constexpr double kSwimSpeed = 0.5;  // of the texture over the surface [m/s]

/// One that no body has and that nobody would take for `other`.
Rgb8 any_free_color(FaultRequest& request, const Rgb8& other) {
  std::vector<Rgb8> taken;
  for (const BodySpec& body : request.world.scene.bodies) taken.push_back(body.info.color);
  const std::vector<Rgb8> far = colors_apart(taken, other);
  if (far.empty()) throw std::invalid_argument("no colour is left");
  return far[request.random.below(static_cast<std::uint32_t>(far.size()))];
}

/// A body that takes the place of `original`, alive from no frame yet. Its parent is the original.
int add_successor(FaultRequest& request, int original) {
  const int successor = request.add_body_like(original, "_changed");
  auto& bodies = request.world.scene.bodies;
  bodies[static_cast<std::size_t>(successor)].info.parent = bodies[static_cast<std::size_t>(original)].info.id;
  return successor;
}

/// From frame `first` on the successor is there in place of the original.
void replace_from(FaultRequest& request, int original, int successor, int first) {
  for (int frame = first; frame < request.frame_count(); ++frame) {
    request.body(frame, original).alive = false;
    request.body(frame, successor).alive = true;
  }
}

/// The figure of a later shot, for bodies whose parts make them one.
bool is_figure(const BodySpec& body) { return body.info.tracked && !body.parts.empty(); }

}  // namespace

int vanish_in_view(FaultRequest& request) {
  const auto [body, first] = request.any_body_in_view();
  for (int frame = first; frame < request.frame_count(); ++frame) request.body(frame, body).alive = false;
  return first;
}

int appear(FaultRequest& request) {
  const int first = duplicate(request);  // at a free place in view
  const Rgb8 color = any_free_color(request, request.world.scene.bodies.back().info.color);
  for (FrameWorld& frame : request.world.timeline) frame.bodies.back().color = color;
  request.world.scene.bodies.back().info.color = color;
  return first;
}

int teleport(FaultRequest& request) {
  for (int attempt = 0; attempt < 40; ++attempt) {
    const auto [body, first] = request.any_body_in_view();
    const double diameter = 2 * request.world.scene.bodies[static_cast<std::size_t>(body)].info.radius_m;
    const double turn = request.random.uniform(0, 2 * M_PI), distance = request.random.uniform(1.8, 3.0) * diameter;
    const Vec3 offset{distance * std::cos(turn), distance * std::sin(turn), 0};
    const auto move = [&, body = body, first = first](double sign) {
      for (int frame = first; frame < request.frame_count(); ++frame) {
        Vec3& position = request.body(frame, body).X_WB.position;
        position = position + sign * offset;
      }
    };
    const auto b = static_cast<std::size_t>(body);
    const int before = request.labels(first).full[b];
    move(1);
    const LabelImage seen = request.labels(first);
    if (seen.full[b] >= 0.95 * before && seen.visible[b] >= 0.9 * seen.full[b]) return first;
    move(-1);
  }
  throw std::invalid_argument("no place in view is far enough away");
}

int change_color(FaultRequest& request) {
  const auto [body, first] = request.any_body_in_view();
  const Rgb8 color = any_free_color(request, request.world.scene.bodies[static_cast<std::size_t>(body)].info.color);
  for (int frame = first; frame < request.frame_count(); ++frame) request.body(frame, body).color = color;
  return first;
}

int change_size(FaultRequest& request) {
  const auto [body, first] = request.any_body_in_view();
  const double scale =
      request.random.uniform() < 0.5 ? 1 + 0.5 * request.options.severity : 1 / (1 + 0.6 * request.options.severity);
  const int successor = add_successor(request, body);
  BodySpec& spec = request.world.scene.bodies[static_cast<std::size_t>(successor)];
  spec.info.radius_m *= scale;
  spec.size = scale * spec.size;
  replace_from(request, body, successor, first);
  return first;
}

int change_shape(FaultRequest& request) {
  const auto [body, first] = request.any_body_in_view();
  const int successor = add_successor(request, body);
  BodySpec& spec = request.world.scene.bodies[static_cast<std::size_t>(successor)];
  if (spec.info.shape == "sphere") {  // a cube of the same volume
    const double side = std::cbrt(4.0 / 3 * M_PI) * spec.size[0];
    spec.info.shape = "box";
    spec.size = {side, side, side};
    spec.info.radius_m = std::sqrt(3.0) / 2 * side;
  } else if (spec.info.shape == "box") {  // a ball
    const double radius = std::cbrt(3 / (4 * M_PI) * spec.size[0] * spec.size[1] * spec.size[2]);
    spec.info.shape = "sphere";
    spec.size = {radius, radius, radius};
    spec.info.radius_m = radius;
  } else {
    throw std::invalid_argument("the body is neither a ball nor a box");
  }
  replace_from(request, body, successor, first);
  return first;
}

int change_character(FaultRequest& request) {
  const std::vector<FrameWorld>& timeline = request.world.timeline;
  std::vector<int> cuts;
  for (std::size_t frame = 1; frame < timeline.size(); ++frame) {
    const bool cut = timeline[frame].camera.shot != timeline[frame - 1].camera.shot;
    if (cut && static_cast<int>(frame) >= request.world.context_frames) cuts.push_back(static_cast<int>(frame));
  }
  const std::vector<int> tracked = request.tracked();
  if (cuts.empty() || tracked.empty()) throw std::invalid_argument("no cut comes after the context");
  const int first = cuts[request.random.below(static_cast<std::uint32_t>(cuts.size()))];
  int body = tracked[request.random.below(static_cast<std::uint32_t>(tracked.size()))];
  for (const int other : tracked) {
    if (is_figure(request.world.scene.bodies[static_cast<std::size_t>(other)])) body = other;
  }
  const Rgb8 was = request.world.scene.bodies[static_cast<std::size_t>(body)].info.color;
  const Rgb8 color = any_free_color(request, was);
  const int successor = add_successor(request, body);
  BodySpec& spec = request.world.scene.bodies[static_cast<std::size_t>(successor)];
  spec.info.color = color;
  spec.info.color_name.clear();
  for (PartSpec& part : spec.parts) {
    if (part.color == was) part.color = color;  // sleeves go with the coat
  }
  for (FrameWorld& frame : request.world.timeline) frame.bodies.back().color = color;
  replace_from(request, body, successor, first);
  return first;
}

int swim_texture(FaultRequest& request) {
  const int first = request.any_onset();
  const double start = request.world.timeline[static_cast<std::size_t>(first)].time_s;
  for (int frame = first; frame < request.frame_count(); ++frame) {
    FrameWorld& world = request.world.timeline[static_cast<std::size_t>(frame)];
    const double slid = kSwimSpeed * request.options.severity * (world.time_s - start);
    for (BodyFrame& body : world.bodies) body.swim = slid;
  }
  return first;
}

}  // namespace bitemark::sim
