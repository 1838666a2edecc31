#include "suite/fault_table.h"

#include <mutex>

#include "base/error.h"
#include "base/interrupt.h"
#include "base/parallel.h"
#include "base/progress.h"

namespace bitemark {
namespace {

constexpr int kFirstTake = 20000;  // neither the suite's takes nor the calibration's
constexpr double kMust = 0.95;
constexpr double kMustNot = 0.65;
constexpr int kTwins = 2;  // physics-iq needs a ceiling; the faults need no exact one

struct Job {
  std::size_t fault;
  Case which;
};

/// Headline values of one take, true twin and fault, oriented so that higher is worse.
struct Outcome {
  std::map<std::string, double> twin, fault;
};

std::map<std::string, double> badness(const TakeResult& take) {
  std::map<std::string, double> values;
  for (const auto& result : take.metrics) {
    const Metric* metric = find_metric(result.metric);
    if (result.status == Status::kNotApplicable) continue;
    const double value = result.status == Status::kFailed ? metric->worst : result.measurements.front().value;
    values[result.metric] = metric->higher_is_better ? -value : value;
  }
  return values;
}

Outcome judge_job(const Suite& suite, const Scenarios& scenarios, const std::string& fault, const Case& which) {
  const Truth truth = render_truth_and_twins(scenarios, suite, which, suite.size, suite.rate);
  const auto broken = render_fault(scenarios, suite, which, fault);
  if (!broken)
    throw InputError("the fault \"" + fault + "\" does not apply to " + which.scenario + ", though the table says so");
  return {badness(judge(suite, which, truth, "second-take", truth.other)),
          badness(judge(suite, which, truth, fault, *broken))};
}

}  // namespace

bool FaultRow::holds() const {
  return expectation == Expectation::kMay ||
         (expectation == Expectation::kMust ? auroc.value >= kMust : auroc.value <= kMustNot);
}

std::vector<FaultEntry> load_faults(const std::filesystem::path& path) {
  const std::string file = path.string();
  const Json json = load_json(path);
  std::vector<FaultEntry> faults;
  const auto entries = json_member<Json>(json, "faults", file);
  for (const auto& [name, entry] : entries.items()) {
    FaultEntry fault;
    fault.name = name;
    const std::string where = "/faults/" + name;
    fault.scenarios = json_member<std::vector<std::string>>(entry, "scenarios", file, where);
    for (const auto& [key, expectation] :
         {std::pair{"must", Expectation::kMust}, std::pair{"must_not", Expectation::kMustNot}}) {
      if (!entry.contains(key)) continue;
      for (const auto& metric : json_member<std::vector<std::string>>(entry, key, file, where)) {
        if (find_metric(metric) == nullptr)
          throw InputError(file, where + "/" + key, "names the unknown metric \"" + metric + "\"");
        fault.expectations[metric] = expectation;
      }
    }
    faults.push_back(fault);
  }
  return faults;
}

std::vector<FaultRow> measure_fault_table(const Suite& base_suite, const Scenarios& scenarios,
                                          const std::vector<FaultEntry>& faults, int takes, int threads) {
  Suite suite = base_suite;
  suite.second_takes = kTwins;
  std::vector<Job> jobs;
  for (std::size_t f = 0; f < faults.size(); ++f)
    for (int k = 0; k < takes; ++k) {
      const auto& names = faults[f].scenarios;
      const auto n = static_cast<int>(names.size());
      jobs.push_back({f, {names[static_cast<std::size_t>(k % n)], "continuation", "test", kFirstTake + k / n}});
    }
  std::vector<Outcome> outcomes(jobs.size());
  {
    Progress progress("faults", static_cast<std::int64_t>(jobs.size()));
    parallel_for(jobs.size(), threads, [&](std::size_t i) {
      stop_if_interrupted();
      outcomes[i] = judge_job(suite, scenarios, faults[jobs[i].fault].name, jobs[i].which);
      progress.advance(1, faults[jobs[i].fault].name);
    });
  }
  std::vector<FaultRow> rows;
  for (std::size_t f = 0; f < faults.size(); ++f)
    for (const auto& metric : all_metrics()) {
      std::vector<Value> twins;
      std::vector<Value> broken;
      for (std::size_t i = 0; i < jobs.size(); ++i) {
        if (jobs[i].fault != f) continue;
        const auto twin = outcomes[i].twin.find(metric.name);
        const auto fault = outcomes[i].fault.find(metric.name);
        if (twin == outcomes[i].twin.end() || fault == outcomes[i].fault.end()) continue;
        twins.push_back({jobs[i].which.scenario, twin->second});
        broken.push_back({jobs[i].which.scenario, fault->second});
      }
      if (twins.empty()) continue;
      const auto found = faults[f].expectations.find(metric.name);
      rows.push_back({faults[f].name, metric.name,
                      found == faults[f].expectations.end() ? Expectation::kMay : found->second, auroc(twins, broken),
                      static_cast<int>(twins.size())});
    }
  return rows;
}

const char* text_of(Expectation expectation) {
  return expectation == Expectation::kMust ? "must" : expectation == Expectation::kMustNot ? "must not" : "may";
}

Json to_json(const std::vector<FaultRow>& rows) {
  Json json = Json::array();
  for (const auto& row : rows)
    json.push_back({{"fault", row.fault},
                    {"metric", row.metric},
                    {"expectation", text_of(row.expectation)},
                    {"auroc", row.auroc.value},
                    {"low", row.auroc.low},
                    {"high", row.auroc.high},
                    {"takes", row.takes},
                    {"holds", row.holds()}});
  return json;
}

std::vector<FaultRow> fault_rows_from_json(const Json& json, const std::string& file) {
  std::vector<FaultRow> rows;
  for (const auto& one : json) {
    FaultRow row;
    row.fault = json_member<std::string>(one, "fault", file);
    row.metric = json_member<std::string>(one, "metric", file);
    const auto text = json_member<std::string>(one, "expectation", file);
    for (const auto expectation : {Expectation::kMust, Expectation::kMay, Expectation::kMustNot})
      if (text == text_of(expectation)) row.expectation = expectation;
    row.auroc = {json_member<double>(one, "auroc", file), json_member<double>(one, "low", file),
                 json_member<double>(one, "high", file)};
    row.takes = json_member<int>(one, "takes", file);
    rows.push_back(row);
  }
  return rows;
}

}  // namespace bitemark
