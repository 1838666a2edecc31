#include "sim/take.h"

#include <algorithm>
#include <cmath>
#include <mutex>

#include "base/error.h"
#include "sim/pair.h"
#include "sim/rejection.h"

namespace bitemark {
namespace sim {
namespace {

RejectionLog& rejection_log() {
  static RejectionLog log;
  return log;
}
std::mutex rejection_mutex;

void check_options(const Scenario& scenario, const std::string& split, int take, const RenderOptions& options) {
  const auto refuse = [&](const std::string& what) { throw InputError(scenario.name, "", what); };
  if (split != "train" && split != "test" && split != "ood") {
    refuse("unknown split '" + split + "', expected train, test or ood");
  }
  if (take < 0) refuse("take " + std::to_string(take) + ", expected 0 or more");
  if (options.second_take < 0) refuse("second take " + std::to_string(options.second_take) + ", expected 0 or more");
  for (const int side : {options.width, options.height}) {
    if (side < 16 || side > 4096) refuse("an image side of " + std::to_string(side) + " px, expected 16 to 4096");
  }
  if (options.samples != 1 && options.samples != 4)
    refuse(std::to_string(options.samples) + " samples a pixel, expected 1 or 4");
  if (options.duration_s && !(*options.duration_s > 0 && *options.duration_s <= 60)) {
    refuse("a duration of " + std::to_string(*options.duration_s) + " s, expected 0 to 60");
  }
  const auto& modes = scenario.modes;
  if (!options.mode.empty() && std::find(modes.begin(), modes.end(), options.mode) == modes.end()) {
    refuse("has no mode '" + options.mode + "'");
  }
}

/// For as long as the clip, and as another take would have it.
void simulate_as_asked(const Scenario& scenario, const std::string& split, int take, const RenderOptions& options,
                       World& world) {
  const double duration = options.duration_s.value_or(scenario.duration_s);
  if (options.second_take == 0 && duration <= world.scene.duration_s && !world.motion.steps.empty()) return;
  world.scene.duration_s = std::max(duration, world.scene.duration_s);
  if (options.second_take > 0) {
    perturb(world.scene, scenario.name + "|" + split + "|" + std::to_string(take), options.second_take);
  }
  world.motion = simulate(world.scene);
}

/// Draws and simulates until a take shows what it is for. `accepted` is the attempt that does.
World make_world(const Scenario& scenario, const std::string& split, int take, const RenderOptions& options,
                 int& accepted) {
  std::string reason;
  for (int attempt = 0; attempt < kMaxDraws; ++attempt) {
    World world;
    world.scene = resolve(scenario, split, take, attempt);
    world.motion = simulate(world.scene);
    reason = find_rejection(scenario, world.scene, world.motion);
    if (!reason.empty()) {
      const std::scoped_lock lock(rejection_mutex);
      if (rejection_log()) rejection_log()(scenario.name, split, take, attempt, reason);
      continue;
    }
    simulate_as_asked(scenario, split, take, options, world);
    accepted = attempt;
    return world;
  }
  throw InputError(scenario.file, "/require",
                   split + " take " + std::to_string(take) + ": " + std::to_string(kMaxDraws) +
                       " draws in a row were rejected, the last: " + reason);
}

/// The same draw with other values of the parameters in which the variant differs.
World make_variant(const Scenario& scenario, const std::string& split, int take, const RenderOptions& options,
                   int attempt, const std::string& variant) {
  World world;
  world.scene = resolve(scenario, split, take, attempt, overrides_of(scenario, variant));
  simulate_as_asked(scenario, split, take, options, world);
  return world;
}

}  // namespace

int context_frames(const Scenario& scenario, Rate rate) {
  return static_cast<int>(std::llround(scenario.context_s * rate.hz()));
}

World make_take(const Scenario& scenario, const std::string& split, int take, const RenderOptions& options) {
  check_options(scenario, split, take, options);
  int attempt = 0;
  World world = make_world(scenario, split, take, options, attempt);
  if (!options.variant.empty() && options.variant != "with") {
    world = make_variant(scenario, split, take, options, attempt, options.variant);
  }
  const double duration = options.duration_s.value_or(scenario.duration_s);
  const int count = std::max(1, static_cast<int>(std::floor(duration * options.rate.hz() + 1e-9)));
  world.timeline = make_timeline(world.scene, world.motion, options.rate, count, options.width, options.height);
  world.context_frames = context_frames(scenario, options.rate);
  return world;
}

}  // namespace sim

void log_rejections(RejectionLog log) { sim::rejection_log() = std::move(log); }

}  // namespace bitemark
