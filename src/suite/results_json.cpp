// The file form of results: report.json, and one file a case while a run is under way.
#include "base/error.h"
#include "base/files.h"
#include "suite/results.h"

namespace bitemark {
namespace {

const char* text_of(Status status) {
  return status == Status::kMeasured ? "measured" : status == Status::kFailed ? "failed" : "not-applicable";
}

Status status_from(const std::string& text, const std::string& file) {
  for (const Status status : {Status::kMeasured, Status::kFailed, Status::kNotApplicable})
    if (text == text_of(status)) return status;
  throw InputError(file, "", "holds the unknown status \"" + text + "\"");
}

Json metric_json(const MetricResult& result) {
  Json measurements = Json::array();
  for (const auto& one : result.measurements)
    measurements.push_back({{"name", one.name},
                            {"value", one.value},
                            {"unit", one.unit},
                            {"higher_is_better", one.higher_is_better},
                            {"coverage", one.coverage}});
  Json violations = Json::array();
  for (const auto& one : result.violations)
    violations.push_back({{"type", one.type}, {"frame", one.frame}, {"text", one.text}});
  return {{"metric", result.metric},
          {"status", text_of(result.status)},
          {"reason", result.reason},
          {"measurements", measurements},
          {"violations", violations}};
}

MetricResult metric_from(const Json& json, const std::string& file) {
  MetricResult result;
  result.metric = json_member<std::string>(json, "metric", file);
  result.status = status_from(json_member<std::string>(json, "status", file), file);
  result.reason = json_member<std::string>(json, "reason", file);
  for (const auto& one : json_member<Json>(json, "measurements", file))
    result.measurements.push_back({json_member<std::string>(one, "name", file), json_member<double>(one, "value", file),
                                   json_member<std::string>(one, "unit", file),
                                   json_member<bool>(one, "higher_is_better", file),
                                   json_member<double>(one, "coverage", file)});
  for (const auto& one : json_member<Json>(json, "violations", file))
    result.violations.push_back({json_member<std::string>(one, "type", file), json_member<int>(one, "frame", file),
                                 json_member<std::string>(one, "text", file)});
  if (result.status == Status::kMeasured && result.measurements.empty())
    throw InputError(file, result.metric, "is measured but holds no measurement");
  return result;
}

Json take_json(const TakeResult& take) {
  Json metrics = Json::array();
  for (const auto& result : take.metrics) metrics.push_back(metric_json(result));
  return {{"generator", take.generator},           {"passed", take.passed()},           {"failure", take.failure},
          {"rollout_digest", take.rollout_digest}, {"plausibility", take.plausibility}, {"metrics", metrics}};
}

TakeResult take_from(const Json& json, const std::string& file) {
  TakeResult take;
  take.generator = json_member<std::string>(json, "generator", file);
  take.failure = json_member<std::string>(json, "failure", file);
  take.rollout_digest = json_member<std::string>(json, "rollout_digest", file);
  take.plausibility = json_member<std::map<std::string, double>>(json, "plausibility", file);
  for (const auto& [name, value] : take.plausibility)
    if (find_metric(name) == nullptr)
      throw InputError(file, "/plausibility", "names the unknown metric \"" + name + "\"");
  for (const auto& result : json_member<Json>(json, "metrics", file)) take.metrics.push_back(metric_from(result, file));
  return take;
}

Json score_json(const Score& score) {
  const auto& e = score.estimate;
  return {{"mean", e.mean},
          {"low", e.low},
          {"high", e.high},
          {"standard_error", e.standard_error},
          {"takes", e.count},
          {"scenarios", e.clusters},
          {"coverage", score.coverage},
          {"minimum_detectable_effect", minimum_detectable_effect(e)}};
}

}  // namespace

Json to_json(const CaseResult& result) {
  Json takes = Json::array();
  for (const auto& take : result.takes) takes.push_back(take_json(take));
  return {{"id", result.which.id()},
          {"scenario", result.which.scenario},
          {"mode", result.which.mode},
          {"split", result.which.split},
          {"take", result.which.take},
          {"caption", result.caption},
          {"context_frames", result.context_frames},
          {"frame_count", result.frame_count},
          {"takes", takes}};
}

CaseResult case_result_from_json(const Json& json, const std::string& file) {
  CaseResult result;
  result.which = {json_member<std::string>(json, "scenario", file), json_member<std::string>(json, "mode", file),
                  json_member<std::string>(json, "split", file), json_member<int>(json, "take", file)};
  result.caption = json_member<std::string>(json, "caption", file);
  result.context_frames = json_member<int>(json, "context_frames", file);
  result.frame_count = json_member<int>(json, "frame_count", file);
  for (const auto& take : json_member<Json>(json, "takes", file)) result.takes.push_back(take_from(take, file));
  return result;
}

Json to_json(const std::vector<DistributionResult>& distributions) {
  Json rows = Json::array();
  for (const auto& one : distributions)
    rows.push_back({{"generator", one.generator},
                    {"frechet", one.frechet},
                    {"half_width", one.half_width},
                    {"mmd2", one.mmd2},
                    {"windows", one.windows},
                    {"clips", one.clips},
                    {"dimensions", one.dimensions},
                    {"small_sample", one.small_sample}});
  return rows;
}

std::vector<DistributionResult> distributions_from_json(const Json& json, const std::string& file) {
  std::vector<DistributionResult> rows;
  for (const auto& one : json)
    rows.push_back({json_member<std::string>(one, "generator", file), json_member<double>(one, "frechet", file),
                    json_member<double>(one, "half_width", file), json_member<double>(one, "mmd2", file),
                    json_member<int>(one, "windows", file), json_member<int>(one, "clips", file),
                    json_member<int>(one, "dimensions", file), json_member<bool>(one, "small_sample", file)});
  return rows;
}

Json to_json(const std::vector<AgreementResult>& agreements) {
  Json rows = Json::array();
  for (const auto& one : agreements)
    rows.push_back({{"generator", one.generator},
                    {"own", one.own.mean},
                    {"low", one.own.low},
                    {"high", one.own.high},
                    {"other", one.other},
                    {"preferred", one.preferred},
                    {"score", one.score},
                    {"takes", one.takes}});
  return rows;
}

std::vector<AgreementResult> agreements_from_json(const Json& json, const std::string& file) {
  std::vector<AgreementResult> rows;
  for (const auto& one : json) {
    AgreementResult row;
    row.generator = json_member<std::string>(one, "generator", file);
    row.own.mean = json_member<double>(one, "own", file);
    row.own.low = json_member<double>(one, "low", file);
    row.own.high = json_member<double>(one, "high", file);
    row.other = json_member<double>(one, "other", file);
    row.preferred = json_member<double>(one, "preferred", file);
    row.score = json_member<double>(one, "score", file);
    row.takes = json_member<std::map<std::string, double>>(one, "takes", file);
    rows.push_back(row);
  }
  return rows;
}

Json to_json(const RunReport& report) {
  Json json;
  json["schema"] = 1;
  json["suite"] = report.suite;
  json["suite_file"] = report.suite_file;
  json["size"] = to_json(report.size);
  json["fps"] = to_text(report.rate);
  json["digest"] = report.digest;
  json["fingerprints"] = {
      {"protocol", report.protocol}, {"environment", report.environment}, {"models", report.models}};
  json["subject"] = report.subject;
  json["generators"] = report.generators;
  Json scores = Json::object();
  for (const auto& [capability, row] : report.scores)
    for (const auto& [generator, score] : row) scores[capability][generator] = score_json(score);
  json["scores"] = scores;
  json["physics_iq"] = report.physics_iq;
  json["features"] = {{"space", report.features}, {"digest", report.features_digest}};
  json["distributions"] = to_json(report.distributions);
  if (!report.judge.empty())
    json["agreement"] = {
        {"judge", report.judge}, {"digest", report.judge_digest}, {"generators", to_json(report.agreements)}};
  Json cases = Json::array();
  for (const auto& one : report.cases) cases.push_back(to_json(one));
  json["cases"] = cases;
  return json;
}

RunReport load_report(const std::filesystem::path& path) {
  const fs::path file_path = fs::is_directory(path) ? path / "report.json" : path;
  const std::string file = file_path.string();
  const Json json = load_json(file_path);
  RunReport report;
  report.suite = json_member<std::string>(json, "suite", file);
  report.suite_file = json_member<std::string>(json, "suite_file", file);
  report.size = size_member(json, file);
  report.rate = parse_rate(json_member<std::string>(json, "fps", file));
  const auto prints = json_member<Json>(json, "fingerprints", file);
  report.protocol = json_member<std::string>(prints, "protocol", file, "/fingerprints");
  report.environment = json_member<std::map<std::string, std::string>>(prints, "environment", file, "/fingerprints");
  report.models = json_member<std::map<std::string, std::string>>(prints, "models", file, "/fingerprints");
  report.subject = json_member<std::string>(json, "subject", file);
  report.generators = json_member<std::vector<std::string>>(json, "generators", file);
  const auto features = json_member<Json>(json, "features", file);
  report.features = json_member<std::string>(features, "space", file, "/features");
  report.features_digest = json_member<std::string>(features, "digest", file, "/features");
  report.distributions = distributions_from_json(json_member<Json>(json, "distributions", file), file);
  if (json.contains("agreement")) {
    const auto agreement = json_member<Json>(json, "agreement", file);
    report.judge = json_member<std::string>(agreement, "judge", file, "/agreement");
    report.judge_digest = json_member<std::string>(agreement, "digest", file, "/agreement");
    report.agreements = agreements_from_json(json_member<Json>(agreement, "generators", file, "/agreement"), file);
  }
  for (const auto& one : json_member<Json>(json, "cases", file))
    report.cases.push_back(case_result_from_json(one, file));
  summarise(report);
  return report;
}

}  // namespace bitemark
