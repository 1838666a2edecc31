#include "sim/scenario.h"

#include <algorithm>

#include "base/error.h"

namespace bitemark {

Scenario load_scenario(const std::filesystem::path& path) {
  Scenario scenario;
  scenario.file = path.string();
  scenario.document = load_json(path);
  const Json& json = scenario.document;
  scenario.name = json_member<std::string>(json, "name", scenario.file);
  scenario.family = json_member<std::string>(json, "family", scenario.file);
  scenario.summary = json_member<std::string>(json, "summary", scenario.file);
  scenario.duration_s = json_member<double>(json, "duration_s", scenario.file);
  scenario.context_s = json_member<double>(json, "context_s", scenario.file);
  scenario.modes = json_member<std::vector<std::string>>(json, "modes", scenario.file);
  scenario.metrics = json_member<std::vector<std::string>>(json, "metrics", scenario.file);
  return scenario;
}

std::vector<Scenario> load_scenarios(const std::filesystem::path& folder) {
  std::vector<Scenario> scenarios;
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(folder, error)) {
    if (entry.path().extension() != ".json") continue;
    if (!load_json(entry.path()).contains("bodies")) continue;  // faults.json, the schema
    scenarios.push_back(load_scenario(entry.path()));
  }
  if (scenarios.empty()) throw InputError(folder.string(), "", "holds no scenario files");
  std::sort(scenarios.begin(), scenarios.end(), [](const Scenario& a, const Scenario& b) { return a.name < b.name; });
  return scenarios;
}

}  // namespace bitemark
