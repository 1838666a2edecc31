#include "suite/calibrate.h"

#include <algorithm>
#include <cmath>
#include <mutex>
#include <set>

#include "base/interrupt.h"
#include "base/parallel.h"
#include "base/progress.h"
#include "metrics/metric.h"
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

/// One case under the floor rows, one second take as a row of its own, and the alarms on all the others.
struct CaseSample {
  CaseResult result;
  std::vector<TakeResult> second_takes;
};

CaseSample sample(const Scenarios& scenarios, const Suite& suite, const Case& which) {
  const Truth truth = render_truth_and_twins(scenarios, suite, which, suite.size, suite.rate);
  CaseSample sample{{which, "", 0, 0, {}}, {}};
  for (const auto& name : baseline_names()) {
    if (name != "second-take" && !is_floor(name)) continue;
    if (const auto rollout = baseline_rollout(name, truth.episode, truth.other))
      sample.result.takes.push_back(judge(suite, which, truth, name, *rollout));
  }
  for (const auto& twin : truth.second_takes)
    sample.second_takes.push_back(judge(suite, which, truth, "second-take", twin));
  return sample;
}

void collect(const CaseResult& result, Samples& samples) {
  for (const auto& take : result.takes)
    for (const auto& one : take.metrics) {
      const Metric* metric = find_metric(one.metric);
      if (one.status == Status::kNotApplicable) continue;
      const double value = one.status == Status::kFailed ? metric->worst : one.measurements.front().value;
      samples[result.which.situation() + "/" + metric->headline][take.generator].push_back(value);
    }
}

std::map<std::string, FalseAlarms> count_alarms(const std::vector<CaseSample>& samples) {
  std::map<std::string, int> second_takes;
  for (const auto& one : samples)
    second_takes[one.result.which.situation()] += static_cast<int>(one.second_takes.size());
  std::map<std::string, FalseAlarms> alarms;
  for (const auto& one : samples)
    for (const auto& take : one.second_takes) {
      std::set<std::string> rang;
      for (const auto& metric : take.metrics)
        for (const auto& violation : metric.violations) rang.insert(violation.type);
      const std::string where = one.result.which.situation();
      for (const auto& type : rang) {
        FalseAlarms& entry = alarms[where + "/" + type];
        entry.second_takes = second_takes[where];
        ++entry.alarms;
      }
    }
  return alarms;
}

bool higher_is_better(const std::string& key) {
  const std::string headline = key.substr(key.rfind('/') + 1);
  for (const auto& metric : all_metrics())
    if (headline == metric.headline) return metric.higher_is_better;
  return true;
}

std::map<std::string, Calibration> ceilings_and_floors(const Samples& samples) {
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

}  // namespace

Constants calibrate(const Suite& suite, const Scenarios& scenarios, int takes, int threads) {
  const auto cases = calibration_cases(suite, takes);
  std::vector<CaseSample> results(cases.size());
  Progress progress("calibrating", static_cast<std::int64_t>(cases.size()));
  parallel_for(cases.size(), threads, [&](std::size_t i) {
    stop_if_interrupted();
    results[i] = sample(scenarios, suite, cases[i]);
    progress.advance(1, cases[i].id());
  });
  Samples samples;
  for (const auto& one : results) collect(one.result, samples);
  return {ceilings_and_floors(samples), count_alarms(results)};
}

}  // namespace bitemark
