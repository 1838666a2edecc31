// Violation of expectation: a model is shown possible and impossible clips and says how surprising each frame is. One
// that knows the world is more surprised by the impossible ones; it need not be able to draw well to show it.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "suite/fault_table.h"
#include "suite/statistics.h"

namespace bitemark {

/// One clip that was shown.
struct Shown {
  std::string scenario;
  std::string against;  ///< the fault, or "quadruplet-presence", "quadruplet-color"
  int take = 0;
  bool possible = false;
  double surprise = 0;  ///< mean over the watched frames
};

/// With a 95 % interval: over scenarios, and never narrower than Wilson's for as many takes. 0.5 is chance.
struct ErrorRate {
  double value = 0, low = 0, high = 1;
};

struct SurpriseRow {
  std::string against;  ///< "all" for the sum
  int clips = 0;
  /// Share of takes whose possible clips surprise more than the impossible ones, ties half (relative error of IntPhys,
  /// Riochet et al. 2018, section 4; of a quadruplet, the sums of two).
  ErrorRate relative;
  /// 1 - AUC of all possible against all impossible clips, within a scenario (absolute error, ibid.).
  ErrorRate absolute;
  /// Share of pairs of a possible and an impossible clip of one scenario, of any takes, with the possible one more
  /// surprising; ties count as right (plausibility preference error of LikePhys, 2025). Mean over scenarios.
  ErrorRate preference;
};

/// A row for each fault and kind of quadruplet, and one over all of them.
std::vector<SurpriseRow> rate_surprise(const std::vector<Shown>& shown);

struct SurpriseOptions {
  Suite suite;
  Scenarios scenarios;
  std::vector<FaultEntry> faults;
  std::string generator;
  std::filesystem::path out;  ///< request, answers, surprise.json; the same command goes on
  int takes = 4;              ///< of each scenario
  int threads = 1;
  ProcessLimits limits{3600, 0, 0};
};

struct SurpriseOutcome {
  std::vector<SurpriseRow> rows;
  std::vector<std::string> missing;  ///< clips without an answer, with the reason
};

/// Shows the generator the suite's takes (continuations), each under every fault that applies, and quadruplets of the
/// family "permanence". Throws InputError for a generator that cannot be asked or answered nothing.
SurpriseOutcome measure_surprise(const SurpriseOptions& options);

Json to_json(const std::vector<SurpriseRow>& rows);

}  // namespace bitemark
