// Do the metrics see what they are for? Every fault against second takes of the same takes, every metric: AUROC.
#pragma once

#include "suite/score_case.h"

namespace bitemark {

enum class Expectation { kMust, kMay, kMustNot };

struct FaultRow {
  std::string fault;
  std::string metric;
  Expectation expectation = Expectation::kMay;
  Auroc auroc;  ///< chance that the metric finds the fault worse than a second take
  int takes = 0;
  bool holds() const;  ///< must: at least 0.95; must not: at most 0.65
};

/// One fault: where it applies and what each metric must make of it (scenarios/faults.json).
struct FaultEntry {
  std::string name;
  std::vector<std::string> scenarios;
  std::map<std::string, Expectation> expectations;
};
std::vector<FaultEntry> load_faults(const std::filesystem::path& file);

/// `takes` takes a fault, dealt over the scenarios that it applies to.
std::vector<FaultRow> measure_fault_table(const Suite& suite, const Scenarios& scenarios,
                                          const std::vector<FaultEntry>& faults, int takes, int threads);

const char* text_of(Expectation expectation);
Json to_json(const std::vector<FaultRow>& rows);
std::vector<FaultRow> fault_rows_from_json(const Json& json, const std::string& file);

}  // namespace bitemark
