#include "suite/compare.h"

#include <fmt/format.h>

#include "cli/command.h"

namespace bitemark::cli {

Action configure_compare(CLI::App& app) {
  struct Flags {
    std::string a, b;
    bool json = false, gate = false;
    GateMargins margins;
  };
  auto flags = std::make_shared<Flags>();
  app.add_option("a", flags->a, "The older report (report.json or its folder)")->required();
  app.add_option("b", flags->b, "The newer one")->required();
  app.add_flag("--json", flags->json, "Print JSON");
  app.add_flag("--gate", flags->gate, "Exit code 1 when B is worse than A, 7 when it lacks takes of A");
  app.add_option("--margin", flags->margins.margin, "PASS allows a loss below this, in plausibility")
      ->capture_default_str();
  app.footer("Example: bitemark compare runs/yesterday runs/today");
  return [flags] {
    const Comparison comparison = compare(load_report(flags->a), load_report(flags->b), flags->margins);
    fmt::print("{}", flags->json ? to_json(comparison).dump(2) + "\n" : describe(comparison));
    if (!flags->gate) return ExitCode::kDone;
    if (comparison.verdict == Verdict::kRegression) return ExitCode::kWorse;
    return comparison.missing.empty() ? ExitCode::kDone : ExitCode::kIncomplete;
  };
}

}  // namespace bitemark::cli
