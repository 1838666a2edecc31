#include "suite/calibrate.h"

#include <fmt/format.h>

#include "base/parallel.h"
#include "cli/command.h"

namespace bitemark::cli {

Action configure_calibrate(CLI::App& app) {
  struct Flags {
    std::string suite = "nightly", folder;
    int takes = 12;
  };
  auto flags = std::make_shared<Flags>();
  app.add_option("--suite", flags->suite, "A suite file or its name")->capture_default_str();
  app.add_option("--takes", flags->takes, "Takes a scenario, none of them the suite's own")
      ->capture_default_str()
      ->check(CLI::Range(3, 1000));
  app.add_option("--scenario-folder", flags->folder, "Where the scenario files are");
  return [flags] {
    const auto folder = scenario_folder(flags->folder);
    const Suite suite = load_suite(find_suite(flags->suite, folder), false);
    const auto constants = calibrate(suite, load_suite_scenarios(suite, folder), flags->takes, default_threads());
    save_calibration(suite, constants);
    for (const auto& [key, one] : constants.measurements)
      fmt::print("{:<60} 1 at {:.4f}, 0 at {:.4f}\n", key, one.ceiling, one.floor);
    for (const auto& [key, one] : constants.false_alarms)
      fmt::print("{:<60} called on {} of {} second takes{}\n", key, one.alarms, one.second_takes,
                 one.too_many() ? ": not used there" : "");
    return ExitCode::kDone;
  };
}

}  // namespace bitemark::cli
