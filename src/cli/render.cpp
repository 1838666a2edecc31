#include <fmt/format.h>

#include "base/parallel.h"
#include "cli/command.h"
#include "sim/contact_sheet.h"
#include "sim/simulate.h"
#include "video/episode_folder.h"
#include "video/png.h"

namespace bitemark::cli {
namespace {

struct RenderFlags {
  std::string scenario, split = "test", out, fault, folder, fps = "12", mode;
  int take = 0, second_take = 0, size = 256;
  double severity = 1;
  bool sheet = false;
};

constexpr int kSheetStride = 10;  // every tenth frame is on the contact sheet

/// Writes the episode folder and keeps the few frames that the contact sheet shows.
class RenderSink : public EpisodeSink {
 public:
  explicit RenderSink(const fs::path& folder) : writer_(folder) {}
  void begin(const EpisodeInfo& info) override { writer_.begin(info); }
  void frame(int index, Frame&& frame, FrameTruth&& truth) override {
    if (index % kSheetStride == 0) {
      kept.clip.frames.push_back(frame);
      kept.truth.push_back(truth);
    }
    writer_.frame(index, std::move(frame), std::move(truth));
  }
  void end(const EpisodeInfo& info) override {
    kept.info = info;
    writer_.end(info);
  }
  Episode kept;

 private:
  EpisodeFolderWriter writer_;
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
  RenderSink sink(flags.out);
  render_episode(scenario, flags.split, flags.take, options, sink);
  if (flags.sheet) write_png(fs::path(flags.out) / "contact-sheet.png", contact_sheet(sink.kept, 1));
  const EpisodeInfo& info = sink.kept.info;
  fmt::print("{}: {} frames of {}x{}, \"{}\"\n", flags.out, info.frame_count, info.width, info.height, info.caption);
  if (!info.fault.empty()) fmt::print("the first wrong frame is {}\n", info.fault_first_frame);
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
