// Faults of identity and place: a body that is not what it was, or not where it was.
#include <algorithm>
#include <cmath>
#include <stdexcept>

#include "sim/faults/fault.h"
#include "sim/palette.h"
#include "sim/vec.h"

namespace bitemark::sim {
namespace {

constexpr double kUnlike = 0.1;     // cosine of two hues: 84 degrees apart
constexpr double kSwimSpeed = 0.5;  // of the texture over the surface [m/s]

/// Saturated colours that no tracked body of the scene has.
std::vector<Rgb8> free_colors(const World& world) {
  std::vector<Rgb8> free;
  for (const char* name : {"red", "yellow", "green", "cyan", "blue", "purple"}) {
    const Rgb8 color = *find_color(name);
    const bool taken = std::any_of(world.scene.bodies.begin(), world.scene.bodies.end(),
                                   [&](const BodySpec& body) { return body.info.color == color; });
    if (!taken) free.push_back(color);
  }
  return free;
}

double hue_of(const Rgb8& c) { return std::atan2(std::sqrt(3.0) * (c[1] - c[2]), 2.0 * c[0] - c[1] - c[2]); }

/// One that nobody would take for `other`.
Rgb8 any_free_color(FaultRequest& request, const Rgb8& other) {
  std::vector<Rgb8> far;
  for (const Rgb8& color : free_colors(request.world)) {
    if (std::cos(hue_of(color) - hue_of(other)) < kUnlike) far.push_back(color);
  }
  if (far.empty()) throw std::invalid_argument("no colour is left");
  return far[request.random.below(static_cast<std::uint32_t>(far.size()))];
}

/// A body that takes the place of `original`, alive from no frame yet. Its id is new, its parent the original.
int add_successor(World& world, int original, double scale) {
  BodySpec spec = world.scene.bodies[static_cast<std::size_t>(original)];
  spec.info.parent = spec.info.id;
  for (const BodySpec& body : world.scene.bodies) {
    spec.info.id = std::max(spec.info.id, static_cast<std::uint16_t>(body.info.id + 1));
  }
  spec.info.name += "_changed";
  spec.info.radius_m *= scale;
  spec.size = scale * spec.size;
  world.scene.bodies.push_back(spec);
  world.motion.forms.push_back(world.motion.forms[static_cast<std::size_t>(original)]);
  for (FrameWorld& frame : world.timeline) {
    frame.bodies.push_back(frame.bodies[static_cast<std::size_t>(original)]);
    frame.bodies.back().alive = false;
  }
  return static_cast<int>(world.scene.bodies.size()) - 1;
}

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
  const int successor = add_successor(request.world, body, scale);
  for (int frame = first; frame < request.frame_count(); ++frame) {
    request.body(frame, body).alive = false;
    request.body(frame, successor).alive = true;
  }
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
