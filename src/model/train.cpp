// The loop that all stages share: schedule, averages, log, pictures, and states that resume to the bit, on one process
// or on several that share out the parts of each step.
#include <fmt/format.h>

#include <charconv>
#include <chrono>
#include <cmath>
#include <optional>

#include "base/error.h"
#include "base/files.h"
#include "base/interrupt.h"
#include "base/parallel.h"
#include "model/checkpoint.h"
#include "model/commands.h"
#include "model/gradient.h"
#include "model/loss_chart.h"
#include "model/optimiser.h"
#include "model/prefetch.h"
#include "model/process_group.h"
#include "model/rollout_watch.h"
#include "model/run_folder.h"
#include "model/stage.h"
#include "model/train_log.h"

namespace bitemark::model {
namespace {

using Clock = std::chrono::steady_clock;
double seconds_since(Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); }

/// What can be known before anything is written.
void check(const Recipe& recipe, const ClipSource& source, const ProcessGroup& group) {
  if (group.size() > recipe.parts)
    throw InputError(recipe.file, "/parts",
                     fmt::format("is {}, expected at least one part a process: {}", recipe.parts, group.size()));
  for (const auto window : recipe.windows)
    if (recipe.stage != "features" && window > source.longest())
      throw InputError(
          recipe.file, "/windows",
          fmt::format("has {} frames, expected at most those of the longest take: {}", window, source.longest()));
}

/// Where a run stands; everything but the weights.
struct Cursor {
  std::int64_t step = 0;  ///< the next one
  double seconds = 0;     ///< spent in all
};

class Run {
 public:
  Run(const TrainOptions& options, const Recipe& recipe, const ClipSource& source, const ProcessGroup& group,
      int threads)
      : options_(options),
        group_(group),
        threads_(threads),
        folder_(options, recipe, group.leads()),
        input_{recipe, source, folder_.checkpoint(), folder_.latents()} {
    try {
      set_up();
    } catch (const InputError&) {
      folder_.undo();
      throw;
    }
  }

  void train() {
    const Recipe& recipe = input_.recipe;
    if (group_.leads()) open_log();
    Prefetcher prefetcher(*stage_, own_parts(), recipe.steps);
    Clock::time_point saved = Clock::now();
    while (cursor_.step < recipe.steps) {
      const bool stop = one_step_or_save(prefetcher);
      if (group_.leads() && (stop || seconds_since(saved) > recipe.save_every_s)) {
        save();
        saved = Clock::now();
      }
      if (stop && cursor_.step < recipe.steps)
        throw InterruptedError(fmt::format("stopped after step {} of {}; run the same command again to go on",
                                           cursor_.step, recipe.steps));
    }
    if (group_.leads()) save();
  }

 private:
  void set_up() {
    if (!group_.leads()) agree(Json::parse(group_.await("ready")));
    stage_ = make_stage(input_);
    const Recipe& r = input_.recipe;
    optimiser_.emplace(stage_->network(), OptimiserSettings{r.rate, r.matrix_rate, r.weight_decay, r.ema});
    if (group_.leads()) {
      if (r.stage == "dit" && r.picture_every > 0) watch_.emplace(input_.source, r, input_.checkpoint, threads_);
      resume();
      group_.announce(
          "ready",
          Json{{"recipe", r.digest}, {"steps", r.steps}, {"step", cursor_.step}, {"seconds", cursor_.seconds}}.dump());
    }
    std::vector<Tensor> state;
    for (const auto& named : optimiser_->state()) state.push_back(named.value);
    group_.broadcast(state);
  }

  /// Processes that do different things must not wait for each other.
  void agree(const Json& leader) {
    const Recipe& recipe = input_.recipe;
    if (leader.at("recipe") != recipe.digest || leader.at("steps") != recipe.steps)
      throw InputError(recipe.file, "", "is not the recipe (or --steps is not the number) of process 0");
    cursor_ = {leader.at("step"), leader.at("seconds")};
  }

  void resume() {
    if (!fs::exists(folder_.state())) return;
    const SafetensorsFile state(folder_.state());
    optimiser_->restore(state);
    const auto number = [&](const char* key) {
      const auto found = state.metadata().find(key);
      if (found == state.metadata().end())
        throw InputError(folder_.state().string(), std::string("__metadata__/") + key, "is missing");
      constexpr double kMost = 1e15;  // counted exactly by a double
      double value = 0;
      const char* end = found->second.data() + found->second.size();
      const auto read = std::from_chars(found->second.data(), end, value);
      if (read.ec != std::errc() || read.ptr != end || !(value >= 0 && value <= kMost))
        throw InputError(folder_.state().string(), std::string("__metadata__/") + key,
                         fmt::format("is '{}', expected a number", found->second));
      return value;
    };
    cursor_.step = static_cast<std::int64_t>(number("step"));
    cursor_.seconds = number("seconds");
    folder_.cut_log(cursor_.step);
  }

  void open_log() {
    const double peak = folder_.matrix_rate(threads_) * group_.size();
    log_.emplace(folder_, input_.recipe, cursor_.step, stage_->flop_per_step(), peak);
  }

  /// Part p of every step belongs to process p mod size.
  std::vector<std::int64_t> own_parts() const {
    std::vector<std::int64_t> parts;
    for (std::int64_t part = group_.rank(); part < input_.recipe.parts; part += group_.size()) parts.push_back(part);
    return parts;
  }

  /// When another process is lost, the weights are still those of the step before.
  bool one_step_or_save(Prefetcher& prefetcher) {
    try {
      return one_step(prefetcher);
    } catch (const InterruptedError&) {
      if (group_.leads()) save();
      throw;
    }
  }

  /// Whether any process wants to stop.
  bool one_step(Prefetcher& prefetcher) {
    const auto begin = Clock::now();
    const Recipe& recipe = input_.recipe;
    std::vector<StepData> data = prefetcher.take(cursor_.step);
    optimiser_->zero_grad();
    std::vector<StepPart> parts;
    for (const auto part : own_parts()) parts.push_back({cursor_.step, part});
    const auto divisor = static_cast<double>(recipe.parts);
    const std::vector<Tensor> weights = optimiser_->weights();
    const auto losses = add_gradients(*stage_, parts, data, weights, divisor, threads_, recipe.precision == "bfloat16");
    sum_gradients(weights, group_);
    const std::vector<double> sums = summed(losses);
    StepRecord record;
    record.step = cursor_.step;
    record.loss = sums[1] / divisor;
    for (std::size_t i = 0; i < losses.front().parts.size(); ++i)
      record.parts.emplace_back(losses.front().parts[i].first, sums[2 + i] / divisor);
    record.gradient = optimiser_->clip(recipe.clip);
    if (!std::isfinite(record.loss) || !std::isfinite(record.gradient))
      throw InputError(recipe.file, "/rate",
                       fmt::format("is {}, at which the loss is not finite at step {}; expected a lower one",
                                   recipe.rate, cursor_.step));
    const double schedule = recipe.schedule_at(cursor_.step);
    optimiser_->step(schedule, cursor_.step, threads_);
    record.rate = schedule * recipe.rate;
    record.seconds = seconds_since(begin);
    record.waited = prefetcher.waited_s();
    cursor_.seconds += record.seconds;
    record.seconds_in_all = cursor_.seconds;
    ++cursor_.step;
    if (group_.leads()) tell(record);
    return sums[0] > 0;
  }

  /// Over all parts of all processes: wishes to stop, total loss, its parts.
  std::vector<double> summed(const std::vector<StepLoss>& losses) const {
    std::vector<double> sums(2 + losses.front().parts.size(), 0.0);
    sums[0] = interrupted() || out_of_time() ? 1 : 0;
    for (const auto& loss : losses) {
      sums[1] += loss.total.item<double>();
      for (std::size_t i = 0; i < loss.parts.size(); ++i) sums[2 + i] += loss.parts[i].second.item<double>();
    }
    return group_.sum(sums);
  }

  void tell(StepRecord& record) {
    if (watch_ && (cursor_.step % input_.recipe.picture_every == 0 || cursor_.step == input_.recipe.steps)) {
      export_average();
      const RolloutWatch::Sight sight = watch_->look();
      make_folder(folder_.picture(cursor_.step).parent_path());
      write_file(folder_.picture(cursor_.step), sight.png);
      log_->picture(record.step, sight.width, sight.height, sight.png);
      record.held_out = sight.held_out;
    }
    log_->step(record);
  }

  bool out_of_time() const {
    return options_.time_limit_min > 0 && seconds_since(start_) > 60 * options_.time_limit_min;
  }

  void export_average() {
    optimiser_->swap_average();
    stage_->export_to(input_.checkpoint);
    optimiser_->swap_average();
  }

  void save() {
    log_->flush();
    save_tensors(folder_.state(), optimiser_->state(),
                 {{"step", std::to_string(cursor_.step)}, {"seconds", fmt::format("{:.3f}", cursor_.seconds)}});
    export_average();
    write_file(folder_.path() / "loss.svg", loss_chart(read_file(folder_.log()), input_.recipe.stage));
    save_json(folder_.path() / "progress.json",
              {{"step", cursor_.step},
               {"steps", input_.recipe.steps},
               {"seconds", cursor_.seconds},
               {"parameters", parameter_count(stage_->network())},
               {"flop", stage_->flop_per_step() * static_cast<double>(cursor_.step)}});
  }

  const TrainOptions& options_;
  const ProcessGroup& group_;
  int threads_;
  RunFolder folder_;
  StageInput input_;
  std::unique_ptr<Stage> stage_;
  std::optional<Optimiser> optimiser_;
  std::optional<TrainLog> log_;
  std::optional<RolloutWatch> watch_;
  Cursor cursor_;
  Clock::time_point start_ = Clock::now();
};

}  // namespace

void train(const TrainOptions& options) {
  Recipe recipe = load_recipe(options.recipe);
  if (options.steps > 0) recipe.steps = options.steps;
  const Launch launch = launch_from_environment();
  use_accelerator(launch.local_rank);
  const int threads = options.threads > 0 ? options.threads : std::max(1, default_threads() / launch.local_size);
  at::set_num_threads(threads);
  const ProcessGroup group(launch, options.peer_timeout_s);
  const ClipSource source(options.data, recipe.mix, recipe.held_out);
  check(recipe, source, group);
  Run(options, recipe, source, group, threads).train();
}

}  // namespace bitemark::model
