#include <fmt/format.h>

#include <algorithm>

#include "base/files.h"
#include "base/parallel.h"
#include "cli/command.h"
#include "suite/fault_table.h"

namespace bitemark::cli {

Action configure_faults(CLI::App& app) {
  struct Flags {
    std::string suite = "nightly", folder, out;
    int takes = 20;
  };
  auto flags = std::make_shared<Flags>();
  app.add_option("--suite", flags->suite, "Size, rate and scenarios: a suite file or its name")->capture_default_str();
  app.add_option("--takes", flags->takes, "Takes a fault")->capture_default_str()->check(CLI::Range(2, 1000));
  app.add_option("--out", flags->out, "Also write the table as JSON");
  app.add_option("--scenario-folder", flags->folder, "Where the scenario files are");
  app.footer("Exit code 1 when a metric misses a fault that it must see, or sees one that it must not.");
  return [flags] {
    const auto folder = scenario_folder(flags->folder);
    const Suite suite = load_suite(find_suite(flags->suite, folder));
    const auto rows = measure_fault_table(suite, load_scenarios_by_name(folder), load_faults(folder / "faults.json"),
                                          flags->takes, default_threads());
    for (const auto& row : rows)
      fmt::print("{:<22} {:<12} AUROC {:.3f} [{:.3f}, {:.3f}]  {:<8} {}\n", row.fault, row.metric, row.auroc.value,
                 row.auroc.low, row.auroc.high, text_of(row.expectation), row.holds() ? "" : "BROKEN");
    if (!flags->out.empty()) save_json(flags->out, to_json(rows));
    const bool all = std::all_of(rows.begin(), rows.end(), [](const auto& row) { return row.holds(); });
    return all ? ExitCode::kDone : ExitCode::kWorse;
  };
}

}  // namespace bitemark::cli
