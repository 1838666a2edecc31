#include <fmt/format.h>

#include "cli/command.h"
#include "sim/contact_sheet.h"
#include "sim/quadruplet.h"
#include "sim/simulate.h"
#include "video/episode_folder.h"
#include "video/png.h"

namespace bitemark::cli {
namespace {

struct RenderFlags {
  std::string scenario, split = "test", out, fault, folder, fps = "12", size = "256", mode, quadruplet;
  int take = 0, second_take = 0, samples = 4;
  double severity = 1, duration = 0;
  bool sheet = false, no_truth = false, pair = false;
};

constexpr int kSheetFrames = 8;  // on the contact sheet, evenly spread; and where a fault begins, two more

/// Writes the episode folder and keeps the few frames that the contact sheet shows.
class RenderSink : public EpisodeSink {
 public:
  explicit RenderSink(const fs::path& folder) : writer_(folder) {}
  void begin(const EpisodeInfo& info) override {
    stride_ = std::max(1, (info.frame_count + kSheetFrames - 1) / kSheetFrames);
    fault_ = info.fault_first_frame;
    writer_.begin(info);
  }
  void frame(int index, Frame&& frame, FrameTruth&& truth) override {
    if (index % stride_ == 0 || (fault_ >= 0 && (index == fault_ || index == fault_ - 1))) {
      kept.clip.frames.push_back(frame);
      if (!truth.depth.empty()) kept.truth.push_back(truth);
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
  int stride_ = 1, fault_ = -1;
};

RenderOptions options_from(const RenderFlags& flags) {
  RenderOptions options = render_options(flags.size, flags.fps);
  options.samples = flags.samples;
  if (flags.duration > 0) options.duration_s = flags.duration;
  options.truth = !flags.no_truth;
  options.fault = flags.fault;
  options.severity = flags.severity;
  options.mode = flags.mode;
  options.second_take = flags.second_take;
  return options;
}

void render_one(const Scenario& scenario, const RenderFlags& flags, const RenderOptions& options, const fs::path& out) {
  RenderSink sink(out);
  render_episode(scenario, flags.split, flags.take, options, sink);
  if (flags.sheet) write_png(out / "contact-sheet.png", contact_sheet(sink.kept, 1));
  const EpisodeInfo& info = sink.kept.info;
  fmt::print("{}: {} frames of {}x{}, \"{}\"\n", out.string(), info.frame_count, info.width, info.height, info.caption);
  for (const Json& answer : info.answers) {
    fmt::print("{} {}\n", answer["question"].get<std::string>(), answer["value"].dump());
  }
  if (!info.fault.empty()) fmt::print("the first wrong frame is {}\n", info.fault_first_frame);
  if (info.pair.is_null()) return;
  if (const int first = info.pair["first_frame"]; first < 0) {
    fmt::print("{}: the two futures never differ\n", options.variant);
  } else {
    fmt::print("{}: the two futures differ from frame {} on\n", options.variant, first);
  }
}

/// Two possible clips and two impossible ones, each in a folder of its own.
void render_four(const Scenario& scenario, const RenderFlags& flags, const RenderOptions& options) {
  std::vector<std::unique_ptr<RenderSink>> sinks;
  render_quadruplet(scenario, flags.split, flags.take, options, flags.quadruplet,
                    [&](const std::string& member) -> EpisodeSink& {
                      sinks.push_back(std::make_unique<RenderSink>(fs::path(flags.out) / member));
                      return *sinks.back();
                    });
  for (const auto& sink : sinks) {
    const Json& member = sink->kept.info.quadruplet;
    const fs::path folder = fs::path(flags.out) / member["member"].get<std::string>();
    if (flags.sheet) write_png(folder / "contact-sheet.png", contact_sheet(sink->kept, 1));
    fmt::print("{}: {}; frame {} is the first after the splice, where the {} is hidden\n", folder.string(),
               member["possible"].get<bool>() ? "possible" : "impossible", member["splice_frame"].dump(),
               member["body"].get<std::string>());
  }
}

ExitCode render(const RenderFlags& flags) {
  const Scenario scenario = load_scenario(scenario_file(flags.scenario, scenario_folder(flags.folder)));
  RenderOptions options = options_from(flags);
  log_rejections([](const std::string& name, const std::string& split, int take, int attempt, const std::string& why) {
    fmt::print(stderr, "{} {} {}: draw {} rejected: {}\n", name, split, take, attempt, why);
  });
  if (!flags.quadruplet.empty()) {
    if (flags.pair) throw InputError("--pair and --quadruplet exclude each other");
    render_four(scenario, flags, options);
    return ExitCode::kDone;
  }
  if (!flags.pair) {
    render_one(scenario, flags, options, flags.out);
    return ExitCode::kDone;
  }
  if (!flags.fault.empty()) throw InputError("--pair and --fault exclude each other");
  for (const char* variant : {"with", "without", "null"}) {
    options.variant = variant;
    render_one(scenario, flags, options, fs::path(flags.out) / variant);
  }
  return ExitCode::kDone;
}

}  // namespace

Action configure_render(CLI::App& app) {
  auto flags = std::make_shared<RenderFlags>();
  app.add_option("scenario", flags->scenario, "Its name (bitemark list) or its file")->required();
  app.add_option("--split", flags->split, "train, test or ood")->capture_default_str();
  app.add_option("--take", flags->take, "Number of the take")->capture_default_str();
  app.add_option("--second-take", flags->second_take, "The k-th perturbed twin of the take")->capture_default_str();
  app.add_option("--out", flags->out, "Folder for the episode")->required();
  app.add_option("--size", flags->size, "Width and height [px], e.g. 96x64; one number for a square")
      ->capture_default_str();
  app.add_option("--samples", flags->samples, "Of colour a pixel: 4, or 1 for speed")->capture_default_str();
  app.add_option("--duration", flags->duration, "Seconds, where it is not the scenario's")->check(CLI::PositiveNumber);
  app.add_option("--fps", flags->fps, "Frames a second, e.g. 12 or 30000/1001")->capture_default_str();
  app.add_option("--mode", flags->mode, "continuation or text-to-video");
  app.add_option("--fault", flags->fault, "Put a fault into the world");
  app.add_option("--severity", flags->severity, "Size of the fault")->capture_default_str();
  app.add_flag("--contact-sheet", flags->sheet,
               "One PNG of eight frames with their labels, and of those where a fault begins");
  app.add_flag("--no-truth", flags->no_truth, "Colour and states alone");
  app.add_flag("--pair", flags->pair, "The take with its cause, without it, and with a change that has no effect");
  app.add_option("--quadruplet", flags->quadruplet,
                 "Two possible and two impossible clips, spliced while what differs is hidden: presence or color");
  app.add_option("--scenario-folder", flags->folder, "Where the scenario files are");
  return [flags] { return render(*flags); };
}

}  // namespace bitemark::cli
