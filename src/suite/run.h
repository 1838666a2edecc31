// A run of a suite: plan, ask the generators, judge every take, summarise. What is done is kept under `out`; the same
// command goes on where it was stopped, and gives the same result digest as if it had not been.
//
//   out/run.json           which suite and generators: a folder that holds another run is refused
//   out/answers/<name>/    foreign rollouts
//   out/cases/<id>.json    finished takes, each with the key under which it is valid
//   out/clips/<name>/      rollouts as tensors, for the feature network and the report
//   out/report.json        everything
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "suite/score_case.h"

namespace bitemark {

struct RunOptions {
  Suite suite;
  Scenarios scenarios;
  Selection selection;
  std::vector<std::string> generators;  ///< beside the baselines; the last one is the subject
  std::filesystem::path out;
  std::filesystem::path features;  ///< network to use instead of the suite's; empty = the suite's
  std::filesystem::path judge;     ///< checkpoint that says how well captions fit; empty = that of the features
  int threads = 1;
  ProcessLimits generator_limits{600, 0, 0};  ///< of one generator over all takes
};

struct RunOutcome {
  RunReport report;
  int reused = 0;  ///< takes that were finished before
};

/// Throws InputError (nothing selected is an empty report), InterruptedError (resumable).
RunOutcome run_suite(const RunOptions& options);

/// SHA-256 of this program's file, 16 digits: results of another build are made again.
std::string program_fingerprint();
/// What may change bits without changing the protocol: compiler, libraries, processor.
std::map<std::string, std::string> environment_fingerprint();

}  // namespace bitemark
