#include <fmt/format.h>
#include <fmt/ranges.h>

#include "cli/command.h"
#include "sim/scenario.h"

namespace bitemark::cli {

Action configure_list(CLI::App& app) {
  auto folder = std::make_shared<std::string>();
  app.add_option("--scenario-folder", *folder, "Where the scenario files are");
  return [folder] {
    for (const Scenario& scenario : load_scenarios(scenario_folder(*folder))) {
      fmt::print("{:<24} {:>4} s  {}  [{}]\n", scenario.name, scenario.duration_s, scenario.summary,
                 fmt::join(scenario.modes, ", "));
    }
    return ExitCode::kDone;
  };
}

}  // namespace bitemark::cli
