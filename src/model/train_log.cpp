#include "model/train_log.h"

#include <fmt/format.h>

#include <cmath>

namespace bitemark::model {
namespace {

constexpr double kMemory = 0.95;  // of the running means: some twenty steps

double rounded(double value, double unit) { return std::round(value / unit) * unit; }

}  // namespace

TrainLog::TrainLog(const RunFolder& folder, const Recipe& recipe, std::int64_t first_step, double flop, double peak)
    : progress_("train " + recipe.stage, recipe.steps, first_step),
      lines_(folder.log(), std::ios::app),
      board_(folder.tensorboard(), first_step),
      samples_(static_cast<double>(recipe.batch)),
      flop_(flop),
      peak_(peak) {}

std::string TrainLog::note(double loss) const {
  return fmt::format("loss {:.4f}  {:.1f} samples/s  {:.0f} % of peak  {:.1f} % waiting for data", loss,
                     samples_ / recent_s_, 100e-9 * flop_ / recent_s_ / peak_, 100 * recent_wait_ / recent_s_);
}

void TrainLog::step(const StepRecord& record) {
  const double keep = recent_s_ > 0 ? kMemory : 0;
  recent_s_ = keep * recent_s_ + (1 - keep) * record.seconds;
  recent_wait_ = keep * recent_wait_ + (1 - keep) * record.waited;
  std::vector<std::pair<std::string, double>> values{{"loss", record.loss}};
  values.insert(values.end(), record.parts.begin(), record.parts.end());
  values.insert(values.end(), {{"gradient", record.gradient}, {"rate", record.rate}});
  if (record.held_out)
    values.insert(values.end(), {{"held_out", record.held_out->mean}, {"held_out_error", record.held_out->error}});
  values.insert(values.end(), {{"samples_per_s", rounded(samples_ / record.seconds, 0.01)},
                               {"waiting", rounded(record.waited / record.seconds, 0.0001)}});
  board_.scalars(record.step, values);
  Json line = {{"step", record.step}};
  for (const auto& [name, value] : values) line[name] = value;
  line["seconds"] = rounded(record.seconds_in_all, 0.01);
  lines_ << line.dump() << '\n';
  progress_.advance(1, note(record.loss));
}

void TrainLog::picture(std::int64_t step, int width, int height, const std::string& png) {
  board_.picture(step, "rollouts", width, height, png);
}

void TrainLog::flush() {
  lines_.flush();
  board_.flush();
}

}  // namespace bitemark::model
