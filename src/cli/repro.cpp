#include "suite/repro.h"

#include <fmt/format.h>

#include "base/files.h"
#include "cli/command.h"
#include "suite/run.h"

namespace bitemark::cli {
namespace {

struct Flags {
  std::string file, out, folder, generator;
  double timeout_s = 600;
};

std::string exactness(const ReproOutcome& outcome) {
  if (outcome.truth_exact && outcome.rollout_exact) return "bit-exact: truth and rollout have the recorded digests";
  if (outcome.truth_exact) return "NOT bit-exact: the truth is the same, the rollout differs";
  return outcome.rollout_exact ? "NOT bit-exact: the truth differs, the rollout is the same"
                               : "NOT bit-exact: truth and rollout differ";
}

ExitCode repro(const Flags& flags) {
  ReproCase one = load_repro_case(flags.file);
  if (!flags.generator.empty()) one.generator = flags.generator;
  const fs::path folder = scenario_folder(flags.folder);
  const Scenarios scenarios{{one.which.scenario, load_scenario(folder / (one.which.scenario + ".json"))}};
  const fs::path out = flags.out.empty() ? fs::path("runs") / "repro" / one.which.id() : fs::path(flags.out);
  const ReproOutcome outcome = reproduce(one, scenarios, out, {flags.timeout_s, 0, 0});
  fmt::print("{} by {}\n{}\n", one.which.id(), one.generator, exactness(outcome));
  if (!(outcome.truth_exact && outcome.rollout_exact))
    for (const auto& [name, now] : environment_fingerprint()) {
      const auto then = one.environment.find(name);
      if (then != one.environment.end() && then->second != now)
        fmt::print("  {}: {} then, {} now\n", name, then->second, now);
    }
  if (outcome.first == nullptr)
    fmt::print("no violation found (recorded: {})\n", one.violation.empty() ? "none" : one.violation);
  else
    fmt::print("first wrong frame: {} ({}: {}); recorded: {}\n", outcome.first->frame, outcome.first->type,
               outcome.first->text, one.first_wrong_frame);
  for (const auto& result : outcome.take.metrics)
    for (const auto& m : result.measurements) fmt::print("  {:<28} {:>9.4f} {}\n", m.name, m.value, m.unit);
  fmt::print("{}\n{}\n", (out / "side-by-side.mp4").string(), (out / "strip.png").string());
  return outcome.truth_exact && outcome.rollout_exact ? ExitCode::kDone : ExitCode::kWorse;
}

}  // namespace

Action configure_repro(CLI::App& app) {
  auto flags = std::make_shared<Flags>();
  app.add_option("case", flags->file, "A case file, <id>.case.json")->required();
  app.add_option("--out", flags->out, "Folder for the pictures; runs/repro/<id> when not given");
  app.add_option("--generator", flags->generator, "Ask another generator the same thing");
  app.add_option("--generator-timeout", flags->timeout_s, "Seconds that the generator may take")->capture_default_str();
  app.add_option("--scenario-folder", flags->folder, "Where the scenario files are");
  app.footer(
      "Exit code 0 when every bit is as recorded, 1 when not.\n"
      "Example: bitemark repro reports/cases/cookie-without-a-mark.case.json");
  return [flags] { return repro(*flags); };
}

}  // namespace bitemark::cli
