#include "suite/calibrate.h"

#include <algorithm>
#include <cmath>
#include <mutex>
#include <set>

#include "base/interrupt.h"
#include "base/parallel.h"
#include "base/progress.h"
#include "suite/baselines.h"

namespace bitemark {
namespace {

constexpr int kFirstTake = 10000;
constexpr double kMinSeparation = 0.1;

std::vector<Case> calibration_cases(const Suite& suite, int takes) {
  std::set<std::pair<std::string, std::string>> seen;
  std::vector<Case> cases;
  for (const auto& entry : suite.entries) {
    if (!seen.insert({entry.scenario, entry.mode}).second) continue;
    for (int k = 0; k < takes; ++k) cases.push_back({entry.scenario, entry.mode, "test", kFirstTake + k});
  }
  return cases;
}

/// key -> generator -> headline values; a failed metric counts as its worst value.
using Samples = std::map<std::string, std::map<std::string, std::vector<double>>>;

void collect(const CaseResult& result, Samples& samples) {
  for (const auto& take : result.takes)
    for (const auto& one : take.metrics) {
      const Metric* metric = find_metric(one.metric);
      if (one.status == Status::kNotApplicable) continue;
      const double value = one.status == Status::kFailed ? metric->worst : one.measurements.front().value;
      samples[result.which.scenario + "/" + result.which.mode + "/" + metric->headline][take.generator].push_back(
          value);
    }
}

bool higher_is_better(const std::string& key) {
  const std::string headline = key.substr(key.rfind('/') + 1);
  for (const auto& metric : all_metrics())
    if (headline == metric.headline) return metric.higher_is_better;
  return true;
}

}  // namespace

std::map<std::string, Calibration> calibrate(const Suite& suite, const Scenarios& scenarios, int takes, int threads) {
  const auto cases = calibration_cases(suite, takes);
  Judged judged;
  for (const auto& name : baseline_names())
    if (name == "second-take" || is_floor(name)) judged.generators.push_back(parse_generator(name));
  std::vector<CaseResult> results(cases.size());
  Progress progress("calibrating", static_cast<std::int64_t>(cases.size()));
  parallel_for(cases.size(), threads, [&](std::size_t i) {
    stop_if_interrupted();
    results[i] = score_case(scenarios, suite, cases[i], judged);
    progress.advance(1, cases[i].id());
  });
  Samples samples;
  for (const auto& result : results) collect(result, samples);

  std::map<std::string, Calibration> calibration;
  for (const auto& [key, rows] : samples) {
    if (!rows.contains("second-take")) continue;
    const bool higher = higher_is_better(key);
    const double ceiling = median(rows.at("second-take"));
    bool any = false;
    double floor = 0;
    for (const auto& [generator, values] : rows) {
      if (!is_floor(generator)) continue;
      const double value = median(values);
      if (!any || (higher ? value > floor : value < floor)) floor = value;
      any = true;
    }
    const double separation = higher ? ceiling - floor : floor - ceiling;
    const double scale = std::max({std::abs(ceiling), std::abs(floor), 1e-9});
    if (any && separation > kMinSeparation * scale) calibration[key] = {ceiling, floor};
  }
  return calibration;
}

}  // namespace bitemark
