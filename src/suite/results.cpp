#include "suite/results.h"

#include <algorithm>
#include <cmath>
#include <set>

#include "base/error.h"
#include "base/files.h"
#include "base/sha256.h"

namespace bitemark {
namespace {

constexpr double kEpsilon = 1e-8;

double measurement(const TakeResult& take, const std::string& name, bool& found) {
  for (const auto& result : take.metrics)
    for (const auto& one : result.measurements)
      if (one.name == name) {
        found = true;
        return one.value;
      }
  found = false;
  return 0;
}

/// Raw means over takes: a failed take counts as no overlap and as the error of unrelated pictures.
struct RawMeans {
  double st = 0, s = 0, ws = 0, mse = 0, ceiling_st = 0, ceiling_s = 0, ceiling_ws = 0, ceiling_mse = 0;
};

bool add_raw(const CaseResult& one, const std::string& generator, RawMeans& sum) {
  const TakeResult* take = one.of(generator);
  if (take == nullptr) return false;
  bool found = false;
  const auto get = [&](const char* name) { return measurement(*take, std::string("physics-iq.") + name, found); };
  const double st = get("st_iou");
  if (!found) return false;
  sum.st += st;
  sum.s += get("s_iou");
  sum.ws += get("ws_iou");
  sum.mse += get("mse");
  sum.ceiling_st += get("ceiling_st_iou");
  sum.ceiling_s += get("ceiling_s_iou");
  sum.ceiling_ws += get("ceiling_ws_iou");
  sum.ceiling_mse += get("ceiling_mse");
  return true;
}

/// 100 clip01( (ST/var_ST + S/var_S + WS/var_WS) / 3 - (MSE - var_MSE) ), all means over takes.
double original_score(const RawMeans& sum, double n) {
  const double ious = (sum.st / (sum.ceiling_st + kEpsilon) + sum.s / (sum.ceiling_s + kEpsilon) +
                       sum.ws / (sum.ceiling_ws + kEpsilon)) /
                      3;
  return 100 * std::clamp(ious - (sum.mse - sum.ceiling_mse) / n, 0.0, 1.0);
}

void summarise_physics_iq(RunReport& report) {
  for (const auto& generator : report.generators) {
    RawMeans sum;
    double n = 0;
    double verified = 0;
    double sim = 0;
    double judged = 0;
    for (const auto& one : report.cases) {
      if (add_raw(one, generator, sum)) n += 1;
      const TakeResult* take = one.of(generator);
      if (take == nullptr) continue;
      for (const auto& metric : take->metrics) {
        if (metric.metric != "physics-iq" || metric.status == Status::kNotApplicable) continue;
        judged += 1;  // a failed take stays in the denominator with a score of 0
        bool found = false;
        verified += measurement(*take, "physics-iq.verified", found);
        sim += measurement(*take, "physics-iq.sim", found);
      }
    }
    if (judged == 0) continue;
    report.physics_iq[generator] = {{"original", n == 0 ? 0 : original_score(sum, n) * n / judged},
                                    {"verified", verified / judged},
                                    {"sim", sim / judged}};
  }
}

double coverage_of(const RunReport& report, const std::string& capability, const std::string& generator) {
  int applicable = 0;
  int measured = 0;
  for (const auto& one : report.cases) {
    const TakeResult* take = one.of(generator);
    if (take == nullptr) continue;
    for (const auto& result : take->metrics) {
      const Metric* metric = find_metric(result.metric);
      if (metric == nullptr || metric->capability != capability || result.status == Status::kNotApplicable) continue;
      ++applicable;
      measured += result.status == Status::kMeasured ? 1 : 0;
    }
  }
  return applicable == 0 ? 0 : static_cast<double>(measured) / applicable;
}

}  // namespace

bool TakeResult::passed() const {
  return failure.empty() && std::all_of(metrics.begin(), metrics.end(), [](const auto& result) {
           return result.violations.empty() && result.status != Status::kFailed;
         });
}

const TakeResult* CaseResult::of(const std::string& generator) const {
  const auto found =
      std::find_if(takes.begin(), takes.end(), [&](const auto& take) { return take.generator == generator; });
  return found == takes.end() ? nullptr : &*found;
}

std::vector<std::string> capabilities() {
  std::vector<std::string> names;
  for (const auto& metric : all_metrics())
    if (std::find(names.begin(), names.end(), metric.capability) == names.end()) names.emplace_back(metric.capability);
  return names;
}

std::map<std::string, double> plausibility_of(const Suite& suite, const Case& which,
                                              const std::vector<MetricResult>& metrics) {
  std::map<std::string, double> plausibility;
  for (const auto& result : metrics) {
    const Metric* metric = find_metric(result.metric);
    if (metric == nullptr || result.status == Status::kNotApplicable) continue;
    const auto found = suite.calibration.measurements.find(which.situation() + "/" + metric->headline);
    if (found == suite.calibration.measurements.end()) continue;
    const auto [ceiling, floor] = found->second;
    const double value = result.status == Status::kFailed ? floor : result.measurements.front().value;
    plausibility[result.metric] = std::clamp((value - floor) / (ceiling - floor), 0.0, 1.0);
  }
  return plausibility;
}

std::vector<Value> capability_values(const RunReport& report, const std::string& capability,
                                     const std::string& generator) {
  std::vector<Value> values;
  for (const auto& one : report.cases) {
    const TakeResult* take = one.of(generator);
    if (take == nullptr) continue;
    for (const auto& [name, value] : take->plausibility)
      if (find_metric(name)->capability == capability) values.push_back({one.which.scenario, value});
  }
  return values;
}

void summarise(RunReport& report) {
  report.scores.clear();
  report.physics_iq.clear();
  for (const auto& capability : capabilities())
    for (const auto& generator : report.generators) {
      const auto values = capability_values(report, capability, generator);
      if (values.empty()) continue;
      Estimate estimate = estimate_mean(values);
      estimate.low = std::max(estimate.low, 0.0);  // plausibility ends at 0 and 1, and so does its interval
      estimate.high = std::min(estimate.high, 1.0);
      report.scores[capability][generator] = {estimate, coverage_of(report, capability, generator)};
    }
  summarise_physics_iq(report);
  Sha256 hash;
  hash.update(report.protocol);
  std::map<std::string, std::string> by_id;  // the order in which cases finished must not matter
  for (const auto& one : report.cases) by_id[one.which.id()] = to_json(one).dump();
  for (const auto& [id, text] : by_id) hash.update(text);
  for (const auto& one : report.distributions)
    hash.update(one.generator + Json(one.frechet).dump() + Json(one.mmd2).dump());
  for (const auto& one : report.agreements) hash.update(one.generator + Json(one.own.mean).dump());
  report.digest = hex(hash.finish());
}

}  // namespace bitemark
