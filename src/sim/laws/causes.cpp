// Laws of cause and effect: marks last and have causes, lights have switches, events keep their order.
#include <algorithm>
#include <cmath>
#include <map>
#include <set>

#include "sim/laws/measures.h"
#include "sim/laws/shown.h"
#include "sim/voxel/world.h"

namespace bitemark::sim {
namespace {

constexpr double kNotable = 0.002;  // share of a body's mass: less is no bite

/// Length of a trail as a frame shows it [m].
double shown_length(const World& world, std::size_t trail, const FrameWorld& frame) {
  const Trail& points = world.motion.trails[trail];
  const double step = (frame.time_s - frame.marks_lag_s) * world.motion.step_hz;
  double length = 0;
  for (std::size_t i = 1; i < points.size(); ++i) {
    if (!points[i].joined) continue;
    const auto from = static_cast<double>(points[i - 1].step), to = static_cast<double>(points[i].step);
    const double part = to > from ? std::clamp((step - from) / (to - from), 0.0, 1.0) : (step >= to ? 1.0 : 0.0);
    length += part * std::hypot(points[i].x - points[i - 1].x, points[i].y - points[i - 1].y);
  }
  return length;
}

/// Greatest return to what was before, over time, as a share of `whole`; `values` fall in a true world.
double greatest_return(const std::vector<double>& values, double whole) {
  double least = values.front(), most = 0;
  for (const double value : values) {
    most = std::max(most, value - least);
    least = std::min(least, value);
  }
  return whole > 0 ? most / whole : 0;
}

std::set<int> frames_of(const World& world, const std::string& type) {
  std::set<int> frames;
  const double frame_s = world.timeline[1].time_s - world.timeline[0].time_s;
  for (const Event& event : world.motion.events) {
    if (event.type == type) frames.insert(static_cast<int>(std::ceil(event.time_s / frame_s - 1e-9)));
  }
  return frames;
}

/// Number of blocks that are there again though nobody placed one.
int returned_blocks(const World& world) {
  const auto ground = static_cast<std::size_t>(world.scene.voxels->ground);
  const auto& versions = world.motion.voxels->versions;
  const std::set<int> placed = frames_of(world, "block_placed");
  const ShownWorld shown(world);
  int returned = 0;
  for (int frame = 1; frame < shown.frames(); ++frame) {
    const auto was = static_cast<std::size_t>(shown.at(frame - 1).bodies[ground].form);
    const auto is = static_cast<std::size_t>(shown.at(frame).bodies[ground].form);
    if (was == is || placed.contains(frame)) continue;
    std::set<Cell> cells;
    for (const VoxelVersion& version : versions) cells.insert(version.edited);
    for (const Cell& cell : cells) {
      returned += !versions[was].grid.solid(cell) && versions[is].grid.solid(cell) ? 1 : 0;
    }
  }
  return returned;
}

/// In the order of the clip, the mass of each body that is bitten.
std::map<std::size_t, std::vector<double>> masses_of_bitten(const ShownWorld& shown) {
  std::map<std::size_t, std::vector<double>> masses;
  for (const BiteSpec& bite : shown.world().scene.bites) {
    const auto body = static_cast<std::size_t>(bite.target);
    std::vector<double>& list = masses[body];
    list.clear();
    for (int frame = 0; frame < shown.frames(); ++frame) {
      const auto form = static_cast<std::size_t>(shown.at(frame).bodies[body].form);
      list.push_back(shown.world().motion.forms[body][form].mass);
    }
  }
  return masses;
}

/// By body: the step at which it first touches anything in the continuation.
std::map<std::uint16_t, std::int64_t> first_touches(const World& world) {
  std::map<std::uint16_t, std::int64_t> first;
  std::set<std::uint16_t> tracked;
  for (const BodySpec& body : world.scene.bodies) {
    if (body.info.tracked) tracked.insert(body.info.id);
  }
  const double start_s = world.timeline[static_cast<std::size_t>(world.context_frames)].time_s;
  for (const Event& event : world.motion.events) {
    if (event.type != "contact_begin" || event.time_s < start_s) continue;
    for (const std::uint16_t id : event.ids) {
      if (tracked.contains(id)) first.try_emplace(id, event.step);
    }
  }
  return first;
}

}  // namespace

/// The greatest part of a mark that is gone again: of a bitten body's mass, of a trail's length; for blocks, the number
/// of those that return.
Residual depart_from_lasting_marks(const World& world, const World& truth) {
  if (world.scene.voxels) return returned_blocks(world);
  if (world.scene.bites.empty() && world.scene.trails.empty()) return std::nullopt;
  const ShownWorld shown(world);
  double most = 0;
  for (const auto& [body, masses] : masses_of_bitten(shown)) most = std::max(most, greatest_return(masses, masses[0]));
  for (std::size_t k = 0; k < world.scene.trails.size(); ++k) {
    std::vector<double> unmarked;
    for (int frame = 0; frame < shown.frames(); ++frame) unmarked.push_back(-shown_length(world, k, shown.at(frame)));
    most = std::max(most, greatest_return(unmarked, shown_length(truth, k, truth.timeline.back())));
  }
  return most;
}

/// Number of marks without a cause and of causes without a mark: a body loses mass where no jaws close, or none where
/// they do; a trail is longer or shorter by a tenth than the way of what draws it.
Residual depart_from_caused_marks(const World& world, const World& truth) {
  if (world.scene.bites.empty() && world.scene.trails.empty()) return std::nullopt;
  const ShownWorld shown(world);
  const double hz = 1 / shown.frame_s();
  int wrong = 0;
  for (const auto& [body, masses] : masses_of_bitten(shown)) {
    std::set<int> closings;
    for (const BiteSpec& bite : world.scene.bites) {
      const double time = std::round(bite.at_s * world.motion.step_hz) / world.motion.step_hz;
      if (bite.target == static_cast<int>(body)) closings.insert(static_cast<int>(std::ceil(time * hz - 1e-9)));
    }
    for (int frame = 1; frame < shown.frames(); ++frame) {
      const auto f = static_cast<std::size_t>(frame);
      const bool lost = masses[f - 1] - masses[f] > kNotable * masses[0];
      wrong += lost != closings.contains(frame) ? 1 : 0;
    }
  }
  for (std::size_t k = 0; k < world.scene.trails.size(); ++k) {
    // Marks that are there no longer are another law's; here counts what was drawn in all.
    double drawn = 0;
    for (int frame = 0; frame < shown.frames(); ++frame)
      drawn = std::max(drawn, shown_length(world, k, shown.at(frame)));
    const double way = shown_length(truth, k, truth.timeline.back());
    wrong += std::abs(drawn - way) > 0.1 * way ? 1 : 0;
  }
  return wrong;
}

/// Number of lights that change though nothing switches them, and of switches that change no light.
Residual depart_from_caused_light(const World& world, const World& /*truth*/) {
  const ShownWorld shown(world);
  const std::set<int> switched = frames_of(world, "switch");
  if (world.scene.switches.empty()) return std::nullopt;
  int wrong = 0;
  for (int frame = 1; frame < shown.frames(); ++frame) {
    const FrameWorld &was = shown.at(frame - 1), &is = shown.at(frame);
    bool changes = was.brightness != is.brightness;
    for (std::size_t b = 0; b < std::min(was.bodies.size(), is.bodies.size()); ++b) {
      changes = changes || was.bodies[b].glow != is.bodies[b].glow;
    }
    wrong += changes != switched.contains(frame) ? 1 : 0;
  }
  return wrong;
}

/// Number of pairs of tracked bodies that first touch something in the wrong order.
Residual depart_from_order(const World& world, const World& truth) {
  const auto now = first_touches(world), should = first_touches(truth);
  int pairs = 0, wrong = 0;
  for (const auto& [a, a_step] : should) {
    for (const auto& [b, b_step] : should) {
      if (a >= b || a_step == b_step || !now.contains(a) || !now.contains(b)) continue;
      ++pairs;
      wrong += (a_step < b_step) != (now.at(a) < now.at(b)) ? 1 : 0;
    }
  }
  return pairs == 0 ? Residual() : Residual(wrong);
}

}  // namespace bitemark::sim
