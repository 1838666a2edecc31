// What a training run tells while it goes on: a line on the terminal, a line of JSON a step, TensorBoard's events.
#pragma once

#include <fstream>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/progress.h"
#include "model/held_out.h"
#include "model/recipe.h"
#include "model/run_folder.h"
#include "model/tensorboard.h"

namespace bitemark::model {

struct StepRecord {
  std::int64_t step = 0;
  double loss = 0;
  std::vector<std::pair<std::string, double>> parts;  ///< of the loss
  double gradient = 0, rate = 0;
  double seconds = 0;  ///< of this step
  double waited = 0;   ///< of these, without data to work on
  double seconds_in_all = 0;
  std::optional<MeanAndError> held_out;
};

class TrainLog {
 public:
  /// Goes on at `first_step`. `flop`: of a step; `peak`: GFLOP/s of the machine or machines.
  TrainLog(const RunFolder& folder, const Recipe& recipe, std::int64_t first_step, double flop, double peak);
  void step(const StepRecord& record);
  void picture(std::int64_t step, int width, int height, const std::string& png);
  void flush();

 private:
  std::string note(double loss) const;
  Progress progress_;
  std::ofstream lines_;
  TensorBoard board_;
  double samples_, flop_, peak_;           ///< of a step; GFLOP/s
  double recent_s_ = 0, recent_wait_ = 0;  ///< running means a step
};

}  // namespace bitemark::model
