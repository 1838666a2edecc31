#include "sim/marks.h"

#include <algorithm>
#include <cmath>

#include "sim/vec.h"

namespace bitemark::sim {
namespace {

constexpr double kTolerance_m = 0.001;

/// Distance of p from the line through a and b, in the plane.
double distance_from_line(const TrailPoint& p, const TrailPoint& a, const TrailPoint& b) {
  const double dx = b.x - a.x, dy = b.y - a.y, length = std::hypot(dx, dy);
  if (length < 1e-12) return std::hypot(p.x - a.x, p.y - a.y);
  return std::abs(dx * (p.y - a.y) - dy * (p.x - a.x)) / length;
}

/// Adds points to a trail and leaves out those between which it is straight and evenly passed.
class TrailWriter {
 public:
  explicit TrailWriter(Trail& trail) : trail_(trail) {}

  void add(const TrailPoint& point) {
    if (!point.joined) {
      flush();
      trail_.push_back(point);
      pending_.clear();
      return;
    }
    const TrailPoint& last = trail_.back();
    const bool straight = std::all_of(pending_.begin(), pending_.end(), [&](const TrailPoint& between) {
      const double part = static_cast<double>(between.step - last.step) / static_cast<double>(point.step - last.step);
      const double off =
          std::hypot(last.x + part * (point.x - last.x) - between.x, last.y + part * (point.y - last.y) - between.y);
      return distance_from_line(between, last, point) <= kTolerance_m && off <= 5 * kTolerance_m;
    });
    if (!straight) flush();
    pending_.push_back(point);
  }
  void flush() {
    if (pending_.empty()) return;
    trail_.push_back(pending_.back());
    pending_.clear();
  }

 private:
  Trail& trail_;
  std::vector<TrailPoint> pending_;
};

Trail follow(const SceneSpec& scene, const Motion& motion, const TrailSpec& spec) {
  Trail trail;
  TrailWriter writer(trail);
  const BodySpec& marked = scene.bodies[static_cast<std::size_t>(spec.on)];
  const double top = marked.info.shape == "box" ? marked.size[2] / 2 : 0;
  const std::int64_t every = std::max(1, motion.step_hz / 120);
  bool down = false;
  for (std::int64_t step = 0; step < static_cast<std::int64_t>(motion.steps.size()); step += every) {
    const auto& bodies = motion.steps[static_cast<std::size_t>(step)];
    const Vec3 tip = bodies[static_cast<std::size_t>(spec.by)].X_WB.position + spec.tip;
    const Vec3 p = transform(inverse(bodies[static_cast<std::size_t>(spec.on)].X_WB), tip);
    const bool touches = std::abs(p[2] - top) <= spec.reach;
    if (touches) writer.add({step, p[0], p[1], down});
    down = touches;
  }
  writer.flush();
  return trail;
}

}  // namespace

std::vector<Trail> follow_trails(const SceneSpec& scene, const Motion& motion) {
  std::vector<Trail> trails;
  for (const TrailSpec& spec : scene.trails) trails.push_back(follow(scene, motion, spec));
  return trails;
}

std::vector<Event> stroke_events(const SceneSpec& scene, const Motion& motion) {
  std::vector<Event> events;
  for (std::size_t k = 0; k < scene.trails.size(); ++k) {
    const TrailSpec& spec = scene.trails[k];
    const Trail& trail = motion.trails[k];
    for (std::size_t i = 0; i < trail.size(); ++i) {
      if (!trail[i].joined) {
        Event event;
        event.type = "stroke";
        event.step = trail[i].step;
        event.time_s = static_cast<double>(event.step) / motion.step_hz;
        event.ids = {scene.bodies[static_cast<std::size_t>(spec.by)].info.id,
                     scene.bodies[static_cast<std::size_t>(spec.on)].info.id};
        event.position =
            motion.steps[static_cast<std::size_t>(event.step)][static_cast<std::size_t>(spec.by)].X_WB.position +
            spec.tip;
        event.more = {{"width_m", spec.width}, {"kind", spec.dent ? "dent" : "paint"}, {"length_m", 0.0}};
        events.push_back(event);
        continue;
      }
      Json& more = events.back().more;
      const double length = std::hypot(trail[i].x - trail[i - 1].x, trail[i].y - trail[i - 1].y);
      more["length_m"] = more["length_m"].get<double>() + length;
      more["until_s"] = static_cast<double>(trail[i].step) / motion.step_hz;
    }
  }
  return events;
}

}  // namespace bitemark::sim
