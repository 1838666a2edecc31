#include "export/export.h"

#include <fmt/format.h>

#include "cli/command.h"

namespace bitemark::cli {

Action configure_export(CLI::App& app) {
  struct Flags {
    std::string episode, layout, out;
  };
  auto flags = std::make_shared<Flags>();
  std::string layouts;
  for (const ExportLayout& layout : export_layouts()) layouts += fmt::format("{}: {}; ", layout.name, layout.summary);
  app.add_option("episode", flags->episode, "A folder that bitemark render wrote")->required();
  app.add_option("--layout", flags->layout, layouts.substr(0, layouts.size() - 2))->required();
  app.add_option("--out", flags->out, "Folder for the export; an earlier export there is replaced")->required();
  app.footer("Example: bitemark export /tmp/bounce --layout kubric --out /tmp/bounce-kubric");
  return [flags] {
    export_episode(flags->episode, flags->layout, flags->out);
    fmt::print("{}: {} as {}\n", flags->out, flags->episode, flags->layout);
    return ExitCode::kDone;
  };
}

}  // namespace bitemark::cli
