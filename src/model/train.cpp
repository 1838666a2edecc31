// The loop that all stages share: schedule, log, picture, averages, and states that resume to the bit.
#include <fmt/format.h>

#include <chrono>
#include <cmath>
#include <fstream>
#include <optional>
#include <sstream>

#include "base/error.h"
#include "base/files.h"
#include "base/interrupt.h"
#include "base/parallel.h"
#include "base/progress.h"
#include "model/checkpoint.h"
#include "model/commands.h"
#include "model/loss_chart.h"
#include "model/optimiser.h"
#include "model/stage.h"

namespace bitemark::model {
namespace {

using Clock = std::chrono::steady_clock;
double seconds_since(Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); }

/// Where a run stands; everything but the weights.
struct Cursor {
  std::int64_t step = 0;  ///< the next one
  double seconds = 0;     ///< spent in all
};

class Run {
 public:
  Run(const TrainOptions& options, const Recipe& recipe)
      : options_(options),
        out_(options.out),
        threads_(options.threads > 0 ? options.threads : default_threads()),
        input_{recipe, ClipSource(options.data, recipe.mix), options.out / "checkpoint", options.out / "latents"} {
    claim();
    gather_parts();
    stage_ = make_stage(input_);
    const Recipe& r = input_.recipe;
    optimiser_.emplace(stage_->network(), OptimiserSettings{r.rate, r.matrix_rate, r.weight_decay, r.ema});
    resume();
  }

  void train() {
    const Recipe& recipe = input_.recipe;
    Progress progress("train " + recipe.stage, recipe.steps);
    progress.advance(cursor_.step);
    log_.open(out_ / "log.jsonl", std::ios::app);
    Clock::time_point saved = Clock::now();
    while (cursor_.step < recipe.steps) {
      const double loss = one_step();
      progress.advance(1, fmt::format("loss {:.4f}", loss));
      const bool stop = interrupted() || out_of_time();
      if (stop || seconds_since(saved) > recipe.save_every_s) {
        save();
        saved = Clock::now();
      }
      if (stop && cursor_.step < recipe.steps)
        throw InterruptedError(fmt::format("stopped after step {} of {}; run the same command again to go on",
                                           cursor_.step, recipe.steps));
    }
    save();
  }

 private:
  /// A folder belongs to one recipe.
  void claim() {
    make_folder(out_);
    const fs::path file = out_ / "run.json";
    if (fs::exists(file)) {
      if (json_member<std::string>(load_json(file), "recipe_digest", file.string()) != input_.recipe.digest)
        throw InputError(out_.string(), "", "holds a run of another recipe; choose another --out");
    } else {
      if (!fs::is_empty(out_))
        throw InputError(out_.string(), "", "is not empty and holds no run; choose another --out");
      save_json(file, {{"stage", input_.recipe.stage},
                       {"recipe", load_json(options_.recipe)},
                       {"recipe_digest", input_.recipe.digest},
                       {"threads", at::get_num_threads()}});
    }
  }

  /// The run's checkpoint starts from the parts of earlier stages.
  void gather_parts() {
    make_folder(input_.checkpoint);
    if (fs::exists(input_.checkpoint / "config.json")) return;
    Json config = {{"format", 1}};
    for (const auto& from : options_.from) {
      const Json parts = Checkpoint(from).config();
      for (const auto& [key, value] : parts.items()) config[key] = value;
      for (const char* file :
           {"vae.safetensors", "text.safetensors", "tokenizer.json", "dit.safetensors", "features.safetensors"})
        if (fs::exists(from / file))
          fs::copy_file(from / file, input_.checkpoint / file, fs::copy_options::overwrite_existing);
    }
    write_config(input_.checkpoint, config);
  }

  void resume() {
    const fs::path file = out_ / "state.safetensors";
    if (!fs::exists(file)) return;
    const SafetensorsFile state(file);
    optimiser_->restore(state);
    const auto number = [&](const char* key) {
      const auto found = state.metadata().find(key);
      if (found == state.metadata().end())
        throw InputError(file.string(), std::string("__metadata__/") + key, "is missing");
      return std::stod(found->second);
    };
    cursor_.step = static_cast<std::int64_t>(number("step"));
    cursor_.seconds = number("seconds");
    cut_log();
  }

  /// Steps after the saved state are done again; their lines go.
  void cut_log() const {
    std::istringstream lines(fs::exists(out_ / "log.jsonl") ? read_file(out_ / "log.jsonl") : "");
    std::string kept, line;
    while (std::getline(lines, line)) {
      const auto json = Json::parse(line, nullptr, false);
      if (!json.is_discarded() && json.value("step", cursor_.step) < cursor_.step) kept += line + "\n";
    }
    write_file(out_ / "log.jsonl", kept);
  }

  /// The mean gradient of all parts. Two threads may add to it in either order: a sum of two is the same. More parts
  /// than two are added one after another.
  std::vector<StepLoss> backward_all_parts() {
    const auto parts = static_cast<std::size_t>(input_.recipe.parts);
    std::vector<StepLoss> losses(parts);
    const bool together = parts == 2 && options_.threads != 1 && default_device().is_cpu();
    parallel_for(parts, together ? 2 : 1, [&](std::size_t part) {
      at::set_num_threads(1);
      losses[part] = stage_->loss({cursor_.step, static_cast<std::int64_t>(part)});
      (losses[part].total / static_cast<double>(parts)).backward();
    });
    return losses;
  }

  double one_step() {
    const auto begin = Clock::now();
    optimiser_->zero_grad();
    const std::vector<StepLoss> losses = backward_all_parts();
    const auto mean = [&](const auto& value_of) {
      double sum = 0;
      for (const auto& loss : losses) sum += value_of(loss).template item<double>();
      return sum / static_cast<double>(losses.size());
    };
    const double total = mean([](const StepLoss& loss) { return loss.total; });
    const double norm = optimiser_->clip(input_.recipe.clip);
    if (!std::isfinite(total) || !std::isfinite(norm))
      throw std::runtime_error(
          fmt::format("the loss is not finite at step {}; lower the rate and resume", cursor_.step));
    const double schedule = input_.recipe.schedule_at(cursor_.step);
    optimiser_->step(schedule, cursor_.step, threads_);
    cursor_.seconds += seconds_since(begin);
    Json line = {{"step", cursor_.step}, {"loss", total}};
    for (std::size_t i = 0; i < losses.front().parts.size(); ++i)
      line[losses.front().parts[i].first] = mean([i](const StepLoss& loss) { return loss.parts[i].second; });
    line["gradient"] = norm;
    line["rate"] = schedule * input_.recipe.rate;
    line["seconds"] = std::round(cursor_.seconds * 100) / 100;
    log_ << line.dump() << '\n';
    ++cursor_.step;
    return total;
  }

  bool out_of_time() const {
    return options_.time_limit_min > 0 && seconds_since(start_) > 60 * options_.time_limit_min;
  }

  void save() {
    log_.flush();
    save_tensors(out_ / "state.safetensors", optimiser_->state(),
                 {{"step", std::to_string(cursor_.step)}, {"seconds", fmt::format("{:.3f}", cursor_.seconds)}});
    optimiser_->swap_average();
    stage_->export_to(input_.checkpoint);
    optimiser_->swap_average();
    write_file(out_ / "loss.svg", loss_chart(read_file(out_ / "log.jsonl"), input_.recipe.stage));
    save_json(out_ / "progress.json", {{"step", cursor_.step},
                                       {"steps", input_.recipe.steps},
                                       {"seconds", cursor_.seconds},
                                       {"parameters", parameter_count(stage_->network())},
                                       {"flop", stage_->flop_per_step() * static_cast<double>(cursor_.step)}});
  }

  const TrainOptions& options_;
  fs::path out_;
  int threads_;
  StageInput input_;
  std::unique_ptr<Stage> stage_;
  std::optional<Optimiser> optimiser_;
  std::ofstream log_;
  Cursor cursor_;
  Clock::time_point start_ = Clock::now();
};

}  // namespace

void train(const TrainOptions& options) {
  at::set_num_threads(options.threads > 0 ? options.threads : default_threads());
  Recipe recipe = load_recipe(options.recipe);
  if (options.steps > 0) recipe.steps = options.steps;
  Run(options, recipe).train();
}

}  // namespace bitemark::model
