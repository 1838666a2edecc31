// A scenario file: a situation with random parameters. Format: scenarios/scenario.schema.json, docs/scenarios.md.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "base/json.h"

namespace bitemark {

struct Scenario {
  std::string name, family, summary;
  std::string file;                  ///< where it was read, for messages
  double duration_s = 0;             ///< of the clip unless the caller asks for another
  double context_s = 0;              ///< of the frames that a generator is given
  std::vector<std::string> modes;    ///< continuation | text-to-video; the first is the default
  std::vector<std::string> metrics;  ///< that apply
  std::vector<std::string> tags;     ///< what a reader may look for
  Json document;                     ///< the whole file, valid against the schema
};

/// What is wrong with a scenario file, and where.
struct ScenarioFault {
  std::string pointer;  ///< JSON pointer
  int line = 1;         ///< of the file, from 1
  std::string problem;  ///< found and expected
};

/// Everything that can be told without drawing more than one take; empty for a good file. Throws InputError when the
/// file cannot be read or is larger than 1 MiB.
std::vector<ScenarioFault> check_scenario(const std::filesystem::path& path);
/// The same for a text; `file` is its name in messages, and says beside which schema it would stand.
std::vector<ScenarioFault> check_scenario_text(const std::string& text, const std::filesystem::path& file);

/// Throws InputError that lists all faults of the file, each with its line and JSON pointer.
Scenario load_scenario(const std::filesystem::path& path);
/// All scenarios of a folder (*.json with a "bodies" or "voxels" member), by name. Throws InputError when there is
/// none.
std::vector<Scenario> load_scenarios(const std::filesystem::path& folder);

}  // namespace bitemark
