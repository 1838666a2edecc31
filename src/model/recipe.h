// A training run as a file: stage, network, schedule, mix of scenarios.
#pragma once

#include <filesystem>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "base/json.h"

namespace bitemark::model {

struct Recipe {
  std::string file;
  std::string stage;  ///< vae | text | image | dit | features
  std::uint64_t seed = 0;
  std::int64_t steps = 1000;
  std::int64_t batch = 8;                 ///< clips a step, at the longest window
  std::int64_t parts = 2;                 ///< of the batch, one thread each; must divide it
  std::vector<std::int64_t> windows{16};  ///< frames; a step draws one of them, shorter ones in larger batches
  double rate = 1e-3;                     ///< AdamW's learning rate, at its highest
  double matrix_rate = 0;                 ///< above 0: Muon's, for the matrices inside transformer blocks
  std::int64_t warmup = 100;
  std::int64_t decay = 100;  ///< last steps
  double weight_decay = 0.01;
  std::string precision = "float32";  ///< of matrix products: float32 | bfloat16
  double clip = 1.0;                  ///< largest norm of all gradients together
  double ema = 0.999;
  double save_every_s = 120;
  std::int64_t picture_every =
      500;                    ///< steps between pictures of rollouts (stage dit); 0 = none, not at the end either
  std::int64_t held_out = 0;  ///< last takes of each scenario that are never drawn
  std::map<std::string, double> mix;  ///< weight of a scenario; 1 where not named
  Json model = Json::object();        ///< the network's config
  Json more = Json::object();         ///< what only this stage has
  std::string
      digest;  ///< SHA-256 of the file without what may change on the way: steps, decay, save_every_s, picture_every

  /// The share of the learning rates at this step: linear warm-up, constant, linear decay to 0.
  double schedule_at(std::int64_t step) const;
};

/// Throws InputError where "more" has a member that is none of `known`.
void check_more(const Recipe& recipe, const std::set<std::string>& known);

/// Throws InputError for an unknown member, a missing stage or a number out of range.
Recipe load_recipe(const std::filesystem::path& path);

}  // namespace bitemark::model
