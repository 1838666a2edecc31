// What a run found, take by take, and its file form (report.json).
#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "base/json.h"
#include "metrics/metric.h"
#include "suite/plan.h"
#include "suite/statistics.h"

namespace bitemark {

/// One generator's answer to one case.
struct TakeResult {
  std::string generator;
  std::string failure;         ///< why there is no rollout; empty when there is one
  std::string rollout_digest;  ///< of the decoded frames
  std::vector<MetricResult> metrics;
  std::map<std::string, double> plausibility;  ///< by metric; 1 = as a second take, 0 = as the best floor row

  /// No failure, no violation, no failed metric.
  bool passed() const;
};

struct CaseResult {
  Case which;
  std::string caption;
  int context_frames = 0;
  int frame_count = 0;
  std::vector<TakeResult> takes;  ///< in the order of the generators

  const TakeResult* of(const std::string& generator) const;
};

/// Frechet distance of one generator's rollouts to the truth's in the feature network's space.
struct DistributionResult {
  std::string generator;
  double frechet = 0;
  double half_width = 0;  ///< of the 95 % interval, windows of one rollout counted once
  double mmd2 = 0;
  int windows = 0;  ///< of each side
  int clips = 0;
  int dimensions = 0;
  bool small_sample = false;  ///< fewer than 10 windows a dimension
};

/// How well one generator's rollouts fit their captions, by the cosines of a judge.
struct AgreementResult {
  std::string generator;
  Estimate own;          ///< with the own caption
  double other = 0;      ///< mean with the run's other captions
  double preferred = 0;  ///< share of the other captions that fit less well than the own one; 0.5 is chance
  double score = 0;      ///< `own`, where 1 is the truth with its captions and 0 the truth with the others
  std::map<std::string, double> takes;  ///< `own` by case, of those with a rollout
};

/// Mean plausibility of one generator in one capability.
struct Score {
  Estimate estimate;
  double coverage = 0;  ///< measured takes / applicable takes
};

struct RunReport {
  std::string suite, suite_file;
  std::string protocol;                            ///< fingerprint: must match to compare
  std::map<std::string, std::string> environment;  ///< shown when it differs
  std::map<std::string, std::string> models;       ///< generator -> fingerprint
  std::vector<std::string> generators;             ///< rows, baselines first
  std::string subject;                             ///< the generator under test; empty for baselines alone
  FrameSize size;
  Rate rate;
  std::vector<CaseResult> cases;
  std::vector<DistributionResult> distributions;
  std::string features;         ///< name of the feature space: "FVD-sim" or "FVD"
  std::string features_digest;  ///< of the network's file
  std::vector<AgreementResult> agreements;
  std::string judge, judge_digest;                                  ///< checkpoint whose image tower said so
  std::map<std::string, std::map<std::string, Score>> scores;       ///< capability -> generator -> score
  std::map<std::string, std::map<std::string, double>> physics_iq;  ///< generator -> {original, verified, sim}
  std::string digest;  ///< of everything that was found: equal for equal results
};

/// Capabilities in the order of the report.
std::vector<std::string> capabilities();

/// Fills scores, physics_iq and digest from the cases.
void summarise(RunReport& report);

/// Plausibility of each metric of a take under the suite's calibration; metrics without one are left out.
std::map<std::string, double> plausibility_of(const Suite& suite, const Case& which,
                                              const std::vector<MetricResult>& metrics);

/// Values for the interval of one capability: one a take and metric that applies.
std::vector<Value> capability_values(const RunReport& report, const std::string& capability,
                                     const std::string& generator);

Json to_json(const CaseResult& result);
CaseResult case_result_from_json(const Json& json, const std::string& file);
Json to_json(const std::vector<DistributionResult>& distributions);
std::vector<DistributionResult> distributions_from_json(const Json& json, const std::string& file);
Json to_json(const std::vector<AgreementResult>& agreements);
std::vector<AgreementResult> agreements_from_json(const Json& json, const std::string& file);
Json to_json(const RunReport& report);
/// A report.json, or a folder that holds one. Throws InputError.
RunReport load_report(const std::filesystem::path& path);

}  // namespace bitemark
