#include <fmt/format.h>

#include "base/files.h"
#include "base/parallel.h"
#include "cli/command.h"
#include "sim/contact_sheet.h"
#include "sim/simulate.h"
#include "video/png.h"

namespace bitemark::cli {
namespace {

struct RenderFlags {
  std::string scenario, split = "test", out, fault, folder, fps = "12", mode;
  int take = 0, second_take = 0, size = 256;
  double severity = 1;
  bool sheet = false;
};

ExitCode render(const RenderFlags& flags) {
  const Scenario scenario = load_scenario(scenario_folder(flags.folder) / (flags.scenario + ".json"));
  RenderOptions options;
  options.width = options.height = flags.size;
  options.rate = parse_rate(flags.fps);
  options.fault = flags.fault;
  options.severity = flags.severity;
  options.mode = flags.mode;
  options.second_take = flags.second_take;
  options.threads = default_threads();
  log_rejections([](const std::string& name, const std::string& split, int take, int attempt, const std::string& why) {
    fmt::print(stderr, "{} {} {}: draw {} rejected: {}\n", name, split, take, attempt, why);
  });
  const Episode episode = render_episode(scenario, flags.split, flags.take, options);
  make_folder(flags.out);
  write_png(fs::path(flags.out) / "contact-sheet.png", contact_sheet(episode, flags.sheet ? 3 : 10));
  fmt::print("{}\n", episode.info.caption);
  return ExitCode::kDone;
}

}  // namespace

Action configure_render(CLI::App& app) {
  auto flags = std::make_shared<RenderFlags>();
  app.add_option("scenario", flags->scenario, "Its name, see bitemark list")->required();
  app.add_option("--split", flags->split, "train, test or ood")->capture_default_str();
  app.add_option("--take", flags->take, "Number of the take")->capture_default_str();
  app.add_option("--second-take", flags->second_take, "The k-th perturbed twin of the take")->capture_default_str();
  app.add_option("--out", flags->out, "Folder for the episode")->required();
  app.add_option("--size", flags->size, "Width and height [px]")->capture_default_str();
  app.add_option("--fps", flags->fps, "Frames a second, e.g. 12 or 30000/1001")->capture_default_str();
  app.add_option("--mode", flags->mode, "continuation or text-to-video");
  app.add_option("--fault", flags->fault, "Put a fault into the world");
  app.add_option("--severity", flags->severity, "Size of the fault")->capture_default_str();
  app.add_flag("--contact-sheet", flags->sheet, "One PNG of every tenth frame with its labels");
  app.add_option("--scenario-folder", flags->folder, "Where the scenario files are");
  return [flags] { return render(*flags); };
}

}  // namespace bitemark::cli
