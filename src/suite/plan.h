// What is to be done: a suite file names scenarios, takes, size and rate; the plan lists the takes one by one.
#pragma once

#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/json.h"
#include "episode/clip.h"
#include "sim/scenario.h"

namespace bitemark {

/// One take in one mode. The id names its folders: "bounce-test-3", "left-right-t2v-test-0".
struct Case {
  std::string scenario;
  std::string mode;   ///< continuation | text-to-video
  std::string split;  ///< train | test | ood
  int take = 0;
  std::string id() const;
  /// "<scenario>/<mode>": what constants are kept for.
  std::string situation() const { return scenario + "/" + mode; }
  /// The generator's noise: the same for every checkpoint, so that two are compared on common random numbers.
  std::uint64_t seed() const;
};

struct SuiteEntry {
  std::string scenario, mode, split;
  int first = 0;
  int takes = 0;
};

/// Ceiling and floor of one measurement on one scenario (and mode), written by `bitemark calibrate`.
struct Calibration {
  double ceiling = 0;  ///< median of the second takes: plausibility 1
  double floor = 0;    ///< the best floor row's median: plausibility 0
};

/// How often a violation was called on second takes, which have none.
struct FalseAlarms {
  int alarms = 0, second_takes = 0;
  /// At most 1 % is allowed; beyond it the violation is not called on that scenario.
  bool too_many() const { return alarms > 0.01 * second_takes; }
};

/// What `bitemark calibrate` measures.
struct Constants {
  /// "<scenario>/<mode>/<measurement>": absent where the metric cannot tell true from false there.
  std::map<std::string, Calibration> measurements;
  /// "<scenario>/<mode>/<violation>": those that rang at all.
  std::map<std::string, FalseAlarms> false_alarms;
};

struct Suite {
  std::string name;
  std::string file;
  FrameSize size;
  Rate rate;
  int second_takes = 8;            ///< perturbed twins that tell the ceiling
  std::filesystem::path features;  ///< checkpoint folder (FVD-sim) or TorchScript file (FVD); empty = none
  std::vector<SuiteEntry> entries;
  Constants calibration;
  std::string calibration_version;  ///< digest of the calibration file; empty = none
};

/// Reads a suite and <name>.calibration.json beside it, if there and wanted. Throws InputError naming the JSON pointer.
Suite load_suite(const std::filesystem::path& path, bool with_calibration = true);
/// The member "size" of a suite, a case or a report: 64 for a square, "96x64" for anything else. Throws InputError for
/// a side that is not between 32 and 1024.
FrameSize size_member(const Json& json, const std::string& file);
Json to_json(const FrameSize& size);
/// A path, or the name of a file in <scenarios>/suites.
std::filesystem::path find_suite(const std::string& name, const std::filesystem::path& scenarios);
void save_calibration(const Suite& suite, const Constants& constants);

/// Which part of a plan is wanted. Empty lists select everything.
struct Selection {
  std::vector<std::string> scenarios;
  std::vector<std::string> ids;
  std::optional<int> limit;  ///< takes an entry
};

/// In the order of the suite. Throws InputError for unknown scenarios.
std::vector<Case> plan_cases(const Suite& suite, const Selection& selection = {});

/// Everything that a score depends on but the generator: scenarios, suite, calibration, metrics' version.
std::string protocol_fingerprint(const Suite& suite, const std::map<std::string, Scenario>& scenarios);

}  // namespace bitemark
