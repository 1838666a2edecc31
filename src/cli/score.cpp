#include <fmt/format.h>

#include "base/files.h"
#include "base/parallel.h"
#include "cli/command.h"
#include "suite/score_case.h"
#include "video/video_file.h"

namespace bitemark::cli {
namespace {

struct Flags {
  std::string video, scenario, split = "test", mode = "continuation", folder, suite = "nightly";
  int take = 0;
  bool json = false;
};

ExitCode score(const Flags& flags) {
  const fs::path folder = scenario_folder(flags.folder);
  const Suite suite = load_suite(find_suite(flags.suite, folder));
  const Case which{flags.scenario, flags.mode, flags.split, flags.take};
  const Scenarios scenarios{{flags.scenario, load_scenario(folder / (flags.scenario + ".json"))}};
  const Clip clip = read_clip(flags.video, suite.rate);
  const Truth truth =
      render_truth_and_twins(scenarios, suite, which, {clip.width(), clip.height()}, rate_of(clip, suite.rate));
  const Clip rollout = with_context(truth.episode, clip);
  const TakeResult take = judge(suite, which, truth, "score", rollout);
  if (flags.json) {
    fmt::print("{}\n", to_json(CaseResult{which,
                                          truth.episode.info.caption,
                                          truth.episode.info.context_frames,
                                          truth.episode.info.frame_count,
                                          {take}})
                           .dump(2));
    return ExitCode::kDone;
  }
  for (const auto& result : take.metrics) {
    if (result.status != Status::kMeasured) fmt::print("{:<28} {}\n", result.metric, result.reason);
    for (const auto& m : result.measurements) fmt::print("{:<28} {:>9.4f} {}\n", m.name, m.value, m.unit);
    for (const auto& v : result.violations) fmt::print("  frame {}: {} ({})\n", v.frame, v.text, v.type);
  }
  return ExitCode::kDone;
}

}  // namespace

Action configure_score(CLI::App& app) {
  auto flags = std::make_shared<Flags>();
  app.add_option("video", flags->video, "The continuation: a video, a folder of pictures or a rollout.safetensors")
      ->required();
  app.add_option("--scenario", flags->scenario, "What it continues")->required();
  app.add_option("--split", flags->split, "train, test or ood")->capture_default_str();
  app.add_option("--take", flags->take, "Number of the take")->capture_default_str();
  app.add_option("--mode", flags->mode, "continuation or text-to-video")->capture_default_str();
  app.add_option("--suite", flags->suite, "Rate, second takes and calibration")->capture_default_str();
  app.add_flag("--json", flags->json, "Print JSON");
  app.add_option("--scenario-folder", flags->folder, "Where the scenario files are");
  app.footer("Example: bitemark score rollout.mp4 --scenario bounce --take 3");
  return [flags] { return score(*flags); };
}

}  // namespace bitemark::cli
