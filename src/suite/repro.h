// One case again, from its file alone: render, roll out, judge, and say whether every bit is the same.
#pragma once

#include <filesystem>
#include <string>

#include "suite/score_case.h"

namespace bitemark {

/// A case file, "<id>.case.json": what was asked of whom, and what came out.
struct ReproCase {
  Case which;
  std::string generator;    ///< as the user wrote it: "checkpoint:checkpoints/nano", "fault:missing-mark"
  std::string fingerprint;  ///< of that generator
  FrameSize size;
  Rate rate;
  int second_takes = 8;
  std::string truth_digest;    ///< of the true clip's decoded frames
  std::string rollout_digest;  ///< of the rollout's
  int first_wrong_frame = -1;  ///< -1: none
  std::string violation;       ///< what is wrong there
  std::map<std::string, std::string> environment;
};

ReproCase load_repro_case(const std::filesystem::path& file);
void save_repro_case(const std::filesystem::path& file, const ReproCase& one);

struct ReproOutcome {
  std::string truth_digest, rollout_digest;
  TakeResult take;
  const Violation* first = nullptr;  ///< points into `take`
  bool truth_exact = false;
  bool rollout_exact = false;
};

/// Writes side-by-side.mp4 and strip.png (truth above, rollout below, the first wrong frame framed in red) and
/// case.json into `out`. Relative generator paths are taken from the current folder. Throws InputError.
ReproOutcome reproduce(const ReproCase& one, const Scenarios& scenarios, const std::filesystem::path& out,
                       const ProcessLimits& limits);

}  // namespace bitemark
