#include "metrics/metric.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numbers>

#include "base/error.h"

namespace bitemark {

const Blob* Observation::main_blob(const Tracks& tracks, int t, std::size_t b) {
  const auto& blobs = tracks[static_cast<std::size_t>(t)][b];
  return blobs.empty() ? nullptr : &blobs.front();
}

double Observation::diameter(std::size_t b) const { return 2 * std::sqrt(bodies[b].area_px / std::numbers::pi); }

std::string Observation::name_of(std::size_t b) const {
  for (const auto& body : truth.info.bodies) {
    if (body.id != bodies[b].id) continue;
    if (body.color_name.empty() || body.shape == "sdf") return body.name;
    return body.color_name + " " + (body.shape == "sphere" ? "ball" : body.shape == "box" ? "block" : body.shape);
  }
  BITEMARK_CHECK(false, "a tracked body is a body");
}

Observation observe(const Episode& truth, const Clip& rollout, const std::vector<Clip>& second_takes) {
  if (rollout.width() != truth.info.width || rollout.height() != truth.info.height)
    throw InputError(fmt::format("the rollout is {} x {} pixels, expected {} x {}", rollout.width(), rollout.height(),
                                 truth.info.width, truth.info.height));
  if (static_cast<int>(rollout.size()) != truth.info.frame_count)
    throw InputError(
        fmt::format("the rollout has {} frames with its context, expected {}", rollout.size(), truth.info.frame_count));
  Observation observation{truth, rollout, second_takes, learn_appearances(truth), {}, {}};
  observation.truth_tracks = track(truth.clip.frames, observation.bodies);
  observation.rollout_tracks = track(rollout.frames, observation.bodies);
  return observation;
}

void MetricResult::add(std::string name, double value, std::string unit, bool higher_is_better, double coverage) {
  BITEMARK_CHECK(std::isfinite(value), name);
  measurements.push_back({metric + "." + name, value, std::move(unit), higher_is_better, coverage});
  status = Status::kMeasured;
}

const std::vector<Metric>& all_metrics() {
  static const std::vector<Metric> kMetrics{
      {"motion", "motion", "motion.error", false, 100, measure_motion},
      {"continuity", "continuity", "continuity.score", true, 0, measure_continuity},
      {"physics-iq", "physics-iq", "physics-iq.sim", true, 0, measure_physics_iq},
      {"geometry", "3d-consistency", "geometry.consistency", true, 0, measure_geometry},
      {"permanence", "permanence", "permanence.score", true, 0, measure_permanence},
      {"bite", "causality", "bite.score", true, 0, measure_bite},
      {"launch", "causality", "launch.score", true, 0, measure_launch},
      {"left-right", "left-right", "left-right.order", true, 0, measure_left_right},
  };
  return kMetrics;
}

const Metric* find_metric(const std::string& name) {
  for (const auto& metric : all_metrics())
    if (name == metric.name) return &metric;
  return nullptr;
}

std::vector<MetricResult> measure_all(const Observation& observation) {
  std::vector<MetricResult> results;
  for (const auto& name : observation.truth.info.metrics) {
    const Metric* metric = find_metric(name);
    if (metric == nullptr) throw InputError("the scenario names the unknown metric \"" + name + "\"");
    try {
      results.push_back(metric->measure(observation));
    } catch (const std::exception& error) {
      MetricResult failed;
      failed.metric = name;
      failed.status = Status::kFailed;
      failed.reason = error.what();
      results.push_back(failed);
    }
  }
  return results;
}

std::vector<MetricResult> all_failed(const EpisodeInfo& truth, const std::string& reason) {
  std::vector<MetricResult> results;
  for (const auto& name : truth.metrics) {
    MetricResult failed;
    failed.metric = name;
    failed.status = Status::kFailed;
    failed.reason = reason;
    results.push_back(failed);
  }
  return results;
}

const Violation* first_violation(const std::vector<MetricResult>& results) {
  const Violation* first = nullptr;
  for (const auto& result : results)
    for (const auto& violation : result.violations)
      if (first == nullptr || violation.frame < first->frame) first = &violation;
  return first;
}

MetricResult not_applicable(std::string metric, std::string reason) {
  MetricResult result;
  result.metric = std::move(metric);
  result.reason = std::move(reason);
  return result;
}

}  // namespace bitemark
