#include "suite/surprise.h"

#include <fmt/format.h>

#include "base/files.h"
#include "base/parallel.h"
#include "cli/command.h"

namespace bitemark::cli {

Action configure_surprise(CLI::App& app) {
  struct Flags {
    std::string suite = "nightly", folder, generator, out;
    int takes = 4;
    double timeout_s = 3600;
  };
  auto flags = std::make_shared<Flags>();
  app.add_option("--suite", flags->suite, "Size, rate and scenarios: a suite file or its name")->capture_default_str();
  app.add_option("--generator", flags->generator, "checkpoint:DIR or command:'WORDS'")->required();
  app.add_option("--out", flags->out, "Folder for answers and surprise.json; the same command goes on")->required();
  app.add_option("--takes", flags->takes, "Of each scenario")->capture_default_str()->check(CLI::Range(1, 1000));
  app.add_option("--generator-timeout", flags->timeout_s, "Seconds that the generator may take over all clips")
      ->capture_default_str()
      ->check(CLI::PositiveNumber);
  app.add_option("--scenario-folder", flags->folder, "Where the scenario files are");
  app.footer("Example: bitemark surprise --generator checkpoint:checkpoints/nano --out runs/surprise");
  return [flags] {
    const auto folder = scenario_folder(flags->folder);
    SurpriseOptions options{load_suite(find_suite(flags->suite, folder)),
                            {},
                            load_faults(folder / "faults.json"),
                            flags->generator,
                            flags->out,
                            flags->takes,
                            default_threads(),
                            {flags->timeout_s, 0, 0}};
    options.scenarios = load_suite_scenarios(options.suite, folder);
    const SurpriseOutcome outcome = measure_surprise(options);
    fmt::print("{:<24} {:>5}  {:<22} {:<22} {:<22}\n", "against", "clips", "relative error", "1 - AUC", "PPE");
    const auto cell = [](const ErrorRate& rate) {
      return fmt::format("{:.3f} [{:.3f}, {:.3f}]", rate.value, rate.low, rate.high);
    };
    for (const auto& row : outcome.rows)
      fmt::print("{:<24} {:>5}  {:<22} {:<22} {:<22}\n", row.against, row.clips, cell(row.relative), cell(row.absolute),
                 cell(row.preference));
    for (const auto& missing : outcome.missing) fmt::print(stderr, "no answer to {}\n", missing);
    return outcome.missing.empty() ? ExitCode::kDone : ExitCode::kIncomplete;
  };
}

}  // namespace bitemark::cli
