// bitemark-model evaluate-dit: the denoising error on takes that no training saw, as a table and as JSON.
#include <fmt/format.h>

#include <algorithm>

#include "base/error.h"
#include "base/files.h"
#include "base/parallel.h"
#include "model/checkpoint.h"
#include "model/commands.h"
#include "model/held_out.h"

namespace bitemark::model {
namespace {

ClipSource source_of(const EvaluateDitOptions& options) {
  ClipSource all({options.data}, {});
  if (options.scenario.empty()) return all;
  const auto& names = all.scenarios();
  if (std::find(names.begin(), names.end(), options.scenario) == names.end())
    throw InputError(
        (options.data / "index.json").string(), "/shards",
        fmt::format("has no scenario '{}', expected one of: {}", options.scenario, fmt::join(names, ", ")));
  std::map<std::string, double> mix;
  for (const auto& name : names) mix[name] = name == options.scenario ? 1 : 0;
  return {{options.data}, mix};
}

void print_table(const std::vector<HeldOutTake>& takes, const std::vector<std::vector<double>>& errors) {
  std::vector<std::string> order;
  std::map<std::string, std::vector<double>> by_scenario;
  std::vector<double> all;
  for (std::size_t i = 0; i < takes.size(); ++i) {
    if (!by_scenario.contains(takes[i].scenario)) order.push_back(takes[i].scenario);
    all.push_back(mean_and_error(errors[i]).mean);
    by_scenario[takes[i].scenario].push_back(all.back());
  }
  fmt::print("{:<20} {:>6} {:>10} {:>15}\n", "scenario", "takes", "MSE", "standard error");
  const auto line = [](const std::string& name, const std::vector<double>& values) {
    const MeanAndError result = mean_and_error(values);
    fmt::print("{:<20} {:>6} {:>10.6f} {:>15.6f}\n", name, values.size(), result.mean, result.error);
  };
  for (const auto& name : order) line(name, by_scenario.at(name));
  line("all", all);
  fmt::print("\n{:<20} {:>17} {:>15}\n", "level", "MSE", "standard error");
  for (std::size_t k = 0; k < held_out_levels().size(); ++k) {
    std::vector<double> values;
    for (const auto& row : errors) values.push_back(row[k]);
    const MeanAndError result = mean_and_error(values);
    fmt::print("{:<20.1f} {:>17.6f} {:>15.6f}\n", held_out_levels()[k], result.mean, result.error);
  }
}

}  // namespace

void evaluate_dit(const EvaluateDitOptions& options) {
  const int threads = options.threads > 0 ? options.threads : default_threads();
  at::set_num_threads(threads);
  const Checkpoint checkpoint(options.checkpoint);
  checkpoint.check_parts();
  const auto vae = checkpoint.vae();
  const auto text = checkpoint.text();
  const auto dit = checkpoint.dit();
  const Tokenizer tokenizer = checkpoint.tokenizer();
  const auto [mean, std] = checkpoint.control_statistics();
  const ClipSource source = source_of(options);
  const auto windows = source.last_windows(options.takes, options.window * vae->config().temporal);
  const auto takes = prepare_held_out(source, windows, options.window, {*vae, *text, tokenizer, mean, std});
  const auto errors = held_out_errors(*dit, Diffusion(checkpoint.diffusion()), takes, threads);
  print_table(takes, errors);
  if (options.out.empty()) return;
  Json rows = Json::array();
  for (std::size_t i = 0; i < takes.size(); ++i)
    rows.push_back({{"scenario", takes[i].scenario}, {"take", takes[i].name}, {"mse", errors[i]}});
  save_json(options.out, {{"checkpoint_digest", checkpoint.digest()},
                          {"window", options.window},
                          {"levels", held_out_levels()},
                          {"takes", rows}});
}

}  // namespace bitemark::model
