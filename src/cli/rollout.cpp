// One clip from a generator, for whatever a user wants to see: the tasks beside the suite's.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cstdlib>
#include <optional>

#include "base/files.h"
#include "cli/command.h"
#include "sim/simulate.h"
#include "suite/generator.h"
#include "suite/task.h"
#include "video/video_file.h"

namespace bitemark::cli {
namespace {

constexpr int kMostFrames = 65536;

struct Flags {
  std::string generator, out, scenario, split = "test", mode, folder, given_file, fps = "12", size = "64";
  std::optional<std::string> caption;
  std::string label;
  std::vector<std::string> changes, shots;
  TaskOptions task;
  int take = 0, frames = 0;
  std::uint64_t seed = 0;
  double timeout_s = 3600;
  bool fork = false, given_set = false;
};

/// The take that a scenario stages: caption, controls, and frames to give from.
Conditioning from_scenario(const Flags& flags, std::vector<Frame>& whole) {
  const Scenario scenario = load_scenario(scenario_file(flags.scenario, scenario_folder(flags.folder)));
  RenderOptions render = render_options(flags.size, flags.fps);
  render.truth = false;
  render.mode = flags.mode;
  if (flags.frames > 0) render.duration_s = flags.frames / render.rate.hz();
  Episode episode = render_episode(scenario, flags.split, flags.take, render);
  Conditioning request = condition_on(episode, "clip", flags.seed);
  whole = std::move(episode.clip.frames);
  return request;
}

/// Frames of the user's own, and a camera that stands still.
Conditioning from_file(const Flags& flags, std::vector<Frame>& whole) {
  Conditioning request;
  request.id = "clip";
  request.rate = parse_rate(flags.fps);
  const FrameSize size = parse_size(flags.size);
  request.width = size.width;
  request.height = size.height;
  request.frame_count = flags.frames;
  request.seed = flags.seed;
  if (!flags.given_file.empty()) {
    const Clip clip = read_clip(flags.given_file, request.rate);
    request.width = clip.width();
    request.height = clip.height();
    whole = clip.frames;
  }
  if (request.frame_count == 0) throw InputError("without --scenario, --frames says how long the clip is to be");
  request.controls.values.assign(static_cast<std::size_t>(request.frame_count) * Controls::width(), 0.0F);
  return request;
}

/// Request and answer, beside the clip; gone when it is written or cannot be.
struct WorkFolder {
  explicit WorkFolder(const fs::path& out) {
    if (out.has_parent_path()) make_folder(out.parent_path());
    std::string name = out.string() + ".XXXXXX";
    if (::mkdtemp(name.data()) == nullptr) throw InputError(out.string(), "", "cannot be written");
    path = name;
  }
  ~WorkFolder() {
    std::error_code ignored;
    fs::remove_all(path, ignored);
  }
  WorkFolder(const WorkFolder&) = delete;
  WorkFolder& operator=(const WorkFolder&) = delete;
  fs::path path;
};

Codec codec_of(const fs::path& out) {
  if (out.extension() == ".mkv") return Codec::kFfv1;
  if (out.extension() == ".mp4") return Codec::kH264;
  throw InputError(out.string(), "", "ends in neither .mkv (lossless) nor .mp4 (H.264)");
}

/// Given and made frames in the order of time; memory does not grow with the length. Frames beyond the asked length are
/// cut. Throws InputError for an answer that is too short, or of another size.
void write_whole(const Conditioning& request, const fs::path& answer, const fs::path& out) {
  VideoWriter video(out, codec_of(out), request.width, request.height, request.rate);
  std::size_t given = 0;
  int time = 0;
  const auto place = [&](std::size_t i) { return request.places.empty() ? static_cast<int>(i) : request.places[i]; };
  const auto write_given = [&] {
    for (; given < request.context.size() && place(given) == time; ++given, ++time) video.write(request.context[given]);
  };
  const int asked = request.frame_count - static_cast<int>(request.context.size());
  int made = 0;
  ReadLimits limits;
  limits.max_frames = kMostFrames;
  read_frames(answer, request.rate, limits, [&](Frame&& frame, double) {
    if (made == asked) return;
    if (frame.width != request.width || frame.height != request.height)
      throw InputError(answer.string(), "",
                       fmt::format("has frames of {} x {}, expected {} x {}", frame.width, frame.height, request.width,
                                   request.height));
    write_given();
    video.write(frame);
    ++time;
    ++made;
  });
  if (made < asked)
    throw InputError(answer.string(), "", fmt::format("has {} frames, expected the {} asked for", made, asked));
  write_given();
  video.finish();
}

fs::path unchanged_name(const fs::path& out) {
  return out.parent_path() / (out.stem().string() + "-unchanged" + out.extension().string());
}

/// Both futures, from the same noise.
std::vector<Conditioning> requests_of(const Flags& flags) {
  std::vector<Frame> whole;
  Conditioning request = flags.scenario.empty() ? from_file(flags, whole) : from_scenario(flags, whole);
  if (flags.caption) request.caption = *flags.caption;
  TaskOptions task = flags.task;
  if (!flags.given_set && !request.context.empty()) task.given = static_cast<int>(request.context.size());
  request.context.clear();
  give_frames(task, whole, request);
  request.label = flags.label;
  for (const auto& shot : flags.shots) apply_shot(shot, request);
  Conditioning changed = request;
  for (const auto& change : flags.changes) apply_change(change, changed);
  if (!flags.fork) return {changed};
  if (flags.changes.empty()) throw InputError("--fork shows what --change changes, and there is no --change");
  request.id = "unchanged";
  return {changed, request};
}

/// A wish that the generator says it does not look at would be lost in silence.
void tell_what_is_not_used(const std::string& generator, const fs::path& answers, const Conditioning& clip) {
  const fs::path file = answers / "answer.json";
  if (!fs::exists(file)) return;
  const Json json = load_json(file);
  if (!json.contains("uses")) return;
  const auto uses = json_member<std::vector<std::string>>(json, "uses", file.string());
  for (const auto& [wished, what] : {std::pair{!clip.actions.values.empty(), "actions"}, {!clip.cuts.empty(), "cuts"}})
    if (wished && std::find(uses.begin(), uses.end(), what) == uses.end())
      fmt::print(stderr, "bitemark: {} does not look at {}: they change nothing\n", generator, what);
}

ExitCode rollout(const Flags& flags) {
  const fs::path out = flags.out;
  codec_of(out);
  if (fs::is_directory(out)) throw InputError(out.string(), "", "cannot be written: it is a folder");
  const GeneratorSpec spec = parse_generator(flags.generator);
  if (spec.kind != GeneratorSpec::Kind::kCommand)
    throw InputError("a rollout needs checkpoint:DIR or command:'WORDS', found \"" + flags.generator + "\"");
  const auto requests = requests_of(flags);
  const Conditioning& clip = requests.front();
  if (clip.width % 2 != 0 || clip.height % 2 != 0)
    throw InputError(out.string(), "",
                     fmt::format("cannot be {} x {}: the sides of a video are even", clip.width, clip.height));
  const WorkFolder folder(out);
  const fs::path& work = folder.path;
  const std::string wrong = ask_generator(spec, requests, work, work / "answers", {flags.timeout_s, 0, 0});
  for (const auto& request : requests)
    if (!has_answer(work / "answers", request.id))
      throw InputError(flags.generator, "", wrong.empty() ? "answered without a rollout" : wrong);
  tell_what_is_not_used(flags.generator, work / "answers", clip);
  for (const auto& request : requests) {
    const fs::path file = request.id == "clip" ? out : unchanged_name(out);
    write_whole(request, find_answer(work / "answers", request.id), file);
    fmt::print("{}: {} frames, {} of them given, \"{}\"\n", file.string(), request.frame_count, request.context.size(),
               request.caption);
  }
  return ExitCode::kDone;
}

}  // namespace

Action configure_rollout(CLI::App& app) {
  auto flags = std::make_shared<Flags>();
  app.add_option("--generator", flags->generator, "checkpoint:DIR or command:'WORDS'")->required();
  app.add_option("--out", flags->out, "The whole clip, given frames included: .mkv or .mp4")->required();
  app.add_option("--task", flags->task.task,
                 "continue: first frames are given; text: none; image: the first; before: the last ones; between: both")
      ->capture_default_str();
  auto* scenario =
      app.add_option("--scenario", flags->scenario, "Caption, controls and frames of this scenario's take");
  app.add_option("--take", flags->take, "Number of the take")->capture_default_str();
  app.add_option("--split", flags->split, "train, test or ood")->capture_default_str();
  app.add_option("--frames-from", flags->given_file, "Instead: frames of a video, picture or folder of pictures")
      ->excludes(scenario);
  auto* given = app.add_option("--given", flags->task.given, "Frames given at the begin; else the scenario's, or 8")
                    ->check(CLI::Range(1, 4096));
  app.add_option("--given-end", flags->task.given_end, "Frames given at the end (before, between)")
      ->capture_default_str()
      ->check(CLI::Range(1, 4096));
  app.add_option("--frames", flags->frames, "Of the whole clip, where it is not the scenario's")
      ->check(CLI::Range(1, kMostFrames));
  app.add_option("--size", flags->size, "Width and height [px], e.g. 96x64; one number for a square")
      ->capture_default_str();
  app.add_option("--fps", flags->fps, "Frames a second")->capture_default_str();
  app.add_option("--caption", flags->caption, "Instead of the scenario's");
  app.add_option("--change", flags->changes,
                 "FRAME:caption=TEXT or FRAME:NAME=VALUE (a control or action): what is so from that frame on; may be "
                 "repeated");
  app.add_option("--shot", flags->shots, "FRAME:CAPTION: another shot begins; may be repeated");
  app.add_option("--label", flags->label, "A class of clips that the checkpoint was trained with");
  app.add_flag("--fork", flags->fork, "Also roll out without the changes, from the same noise: OUT-unchanged");
  app.add_option("--seed", flags->seed, "Of the generator's noise")->capture_default_str();
  app.add_option("--timeout", flags->timeout_s, "Seconds that the generator may take")
      ->capture_default_str()
      ->check(CLI::PositiveNumber);
  app.add_option("--scenario-folder", flags->folder, "Where the scenario files are");
  app.footer(
      "Examples:\n"
      "  bitemark rollout --generator checkpoint:checkpoints/nano --scenario bounce --take 3 --out bounce.mp4\n"
      "  bitemark rollout --generator checkpoint:checkpoints/nano --task text --frames 36 --out cookie.mp4 \\\n"
      "      --caption \"a cookie is bitten twice, first on the left, then on the right\"\n"
      "  bitemark rollout --generator checkpoint:checkpoints/nano --task between --scenario launch --out between.mp4\n"
      "  bitemark rollout --generator checkpoint:checkpoints/nano --scenario cookie-bite --change 14:act_on=0 --fork "
      "\\\n"
      "      --out unbitten.mkv");
  return [flags, given] {
    flags->given_set = given->count() > 0;
    return rollout(*flags);
  };
}

}  // namespace bitemark::cli
