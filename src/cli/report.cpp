#include "report/report.h"

#include <fmt/format.h>

#include "base/files.h"
#include "cli/command.h"

namespace bitemark::cli {

Action configure_report(CLI::App& app) {
  struct Flags {
    std::string run, folder;
    double media_mb = 20;
  };
  auto flags = std::make_shared<Flags>();
  app.add_option("run", flags->run, "Folder of a finished run")->required();
  app.add_option("--media-mb", flags->media_mb, "Film strips, worst takes first, up to this size")
      ->capture_default_str();
  app.footer("Example: bitemark report runs/nano --media-mb 4");
  return [flags] {
    const RunReport report = load_report(flags->run);
    RunOptions options;
    options.suite = load_suite(report.suite_file);
    options.out = flags->run;
    ReportOptions pages;
    pages.media_bytes = static_cast<std::size_t>(flags->media_mb * 1e6);
    const fs::path faults = options.out / "fault-table.json";
    if (fs::exists(faults))
      pages.faults =
          fault_rows_from_json(json_member<Json>(load_json(faults), "rows", faults.string()), faults.string());
    write_reports(options, report, pages);
    fmt::print("{}\n", (options.out / "index.html").string());
    return ExitCode::kDone;
  };
}

}  // namespace bitemark::cli
