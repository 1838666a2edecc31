#include "suite/run.h"

#include <fmt/format.h>

#include "base/files.h"
#include "base/parallel.h"
#include "cli/command.h"
#include "report/report.h"
#include "suite/compare.h"

namespace bitemark::cli {
namespace {

struct RunFlags {
  std::string suite = "nightly", out, baseline, folder, features, judge;
  std::vector<std::string> generators, scenarios, cases;
  int limit = 0;
  double timeout_s = 600;
  double media_mb = 20;
  int fault_takes = 20;
  bool inconclusive_fails = false;
};

RunOptions options_of(const RunFlags& flags) {
  RunOptions options;
  const fs::path scenarios = scenario_folder(flags.folder);
  options.suite = load_suite(find_suite(flags.suite, scenarios));
  options.scenarios = load_suite_scenarios(options.suite, scenarios);
  options.selection.scenarios = flags.scenarios;
  options.selection.ids = flags.cases;
  if (flags.limit > 0) options.selection.limit = flags.limit;
  options.generators = flags.generators;
  options.out = flags.out;
  options.features = flags.features;
  options.judge = flags.judge;
  options.threads = default_threads();
  options.generator_limits.wall_s = flags.timeout_s;
  return options;
}

/// The gate: worse than the named baseline is exit code 1, and nothing else is.
ExitCode gate(const RunFlags& flags, const RunReport& report, std::optional<Comparison>& comparison) {
  if (flags.baseline.empty()) return ExitCode::kDone;
  comparison = compare(load_report(flags.baseline), report);
  fmt::print("\n{}", describe(*comparison));
  if (comparison->verdict == Verdict::kRegression) return ExitCode::kWorse;
  if (comparison->verdict == Verdict::kInconclusive && flags.inconclusive_fails) return ExitCode::kInconclusive;
  return ExitCode::kDone;
}

/// The metrics' self-test: kept beside the run under a key of program and protocol, so that it is made once.
std::vector<FaultRow> fault_table_of(const RunFlags& flags, const RunOptions& options) {
  if (flags.fault_takes == 0) return {};
  const fs::path file = options.out / "fault-table.json";
  const std::string key = fmt::format("{}|{}|{}", program_fingerprint(),
                                      protocol_fingerprint(options.suite, options.scenarios), flags.fault_takes);
  if (fs::exists(file)) {
    const Json json = load_json(file);
    if (json.value("key", "") == key)
      return fault_rows_from_json(json_member<Json>(json, "rows", file.string()), file.string());
  }
  const fs::path folder = scenario_folder(flags.folder);
  const auto rows = measure_fault_table(options.suite, load_scenarios_by_name(folder),
                                        load_faults(folder / "faults.json"), flags.fault_takes, options.threads);
  save_json(file, {{"key", key}, {"rows", to_json(rows)}});
  return rows;
}

ExitCode run(const RunFlags& flags) {
  const RunOptions options = options_of(flags);
  if (!flags.baseline.empty()) load_report(flags.baseline);  // a bad baseline is told before hours of work
  const RunOutcome outcome = run_suite(options);
  if (outcome.report.cases.empty()) {
    fmt::print(stderr, "bitemark: the selection is empty\n");
    return ExitCode::kNothing;
  }
  std::optional<Comparison> comparison;
  const ExitCode code = gate(flags, outcome.report, comparison);
  ReportOptions report;
  report.media_bytes = static_cast<std::size_t>(flags.media_mb * 1e6);
  report.comparison = comparison;
  report.faults = fault_table_of(flags, options);
  write_reports(options, outcome.report, report);
  fmt::print("{}", text_summary(outcome.report));
  fmt::print("\n{} takes ({} of them from before), result digest {}\nreport: {}\n", outcome.report.cases.size(),
             outcome.reused, outcome.report.digest.substr(0, 16), (options.out / "index.html").string());
  return code;
}

}  // namespace

Action configure_run(CLI::App& app) {
  auto flags = std::make_shared<RunFlags>();
  app.add_option("--suite", flags->suite, "A suite file or its name")->capture_default_str();
  app.add_option(
      "--generator", flags->generators,
      "checkpoint:DIR, command:'WORDS', folder:DIR or fault:NAME; may be given several times, the last one is judged");
  app.add_option("--out", flags->out, "Folder of the run; the same command goes on where it stopped")->required();
  app.add_option("--baseline", flags->baseline, "An earlier report: exit code 1 if this run is worse");
  app.add_option("--scenario", flags->scenarios, "Only these scenarios");
  app.add_option("--case", flags->cases, "Only these takes, by id");
  app.add_option("--limit", flags->limit, "At most so many takes an entry of the suite")->check(CLI::PositiveNumber);
  app.add_option("--generator-timeout", flags->timeout_s, "Seconds that a generator may take over all its takes")
      ->capture_default_str()
      ->check(CLI::PositiveNumber);
  app.add_option("--media-mb", flags->media_mb, "Film strips in the report, worst takes first, up to this size")
      ->capture_default_str();
  app.add_option("--fault-takes", flags->fault_takes, "Takes a fault in the metrics' self-test; 0 leaves it out")
      ->capture_default_str();
  app.add_option(
         "--features", flags->features,
         "Feature network: a checkpoint folder (FVD-sim) or a TorchScript file of I3D (FVD); run only files that "
         "you trust")
      ->check(CLI::ExistingPath);
  app.add_option(
         "--judge", flags->judge,
         "Checkpoint with an image tower that says how well captions fit; else the feature network's, if it has one")
      ->check(CLI::ExistingDirectory);
  app.add_flag("--inconclusive-fails", flags->inconclusive_fails,
               "Exit code 6 when the baseline comparison is inconclusive");
  app.add_option("--scenario-folder", flags->folder, "Where the scenario files are");
  app.footer(
      "Examples:\n"
      "  bitemark run --generator checkpoint:checkpoints/nano --out runs/nano\n"
      "  bitemark run --generator \"command:python3 my_model.py\" --scenario bounce --out runs/mine\n"
      "  bitemark run --generator folder:videos --baseline runs/nano/report.json --out runs/videos");
  return [flags] { return run(*flags); };
}

Scenarios load_suite_scenarios(const Suite& suite, const fs::path& folder) {
  Scenarios scenarios;
  for (const auto& entry : suite.entries)
    if (!scenarios.contains(entry.scenario))
      scenarios.emplace(entry.scenario, load_scenario(folder / (entry.scenario + ".json")));
  return scenarios;
}

Scenarios load_scenarios_by_name(const fs::path& folder) {
  Scenarios scenarios;
  for (auto& scenario : load_scenarios(folder)) scenarios.emplace(scenario.name, scenario);
  return scenarios;
}

}  // namespace bitemark::cli
