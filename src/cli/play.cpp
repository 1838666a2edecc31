// What is given to a player, then bitemark-model takes over this process, with its terminal.
#include <fmt/format.h>
#include <unistd.h>

#include "base/files.h"
#include "base/json.h"
#include "base/subprocess.h"
#include "cli/command.h"
#include "episode/conditioning.h"
#include "sim/simulate.h"

namespace bitemark::cli {
namespace {

struct Flags {
  std::string generator, out, scenario = "voxel-walk", split = "test", folder, fps = "12", size = "64", caption;
  int take = 0, frames = 0, steps = 0;
  std::uint64_t seed = 0;
};

std::string checkpoint_in(const std::string& generator) {
  const std::string kind = "checkpoint:";
  if (!generator.starts_with(kind))
    throw InputError("only checkpoint:DIR can be played, since the generator protocol knows whole clips; found \"" +
                     generator + "\"");
  const fs::path folder = generator.substr(kind.size());
  if (!fs::exists(folder / "config.json"))
    throw InputError(folder.string(), "", "is not a checkpoint: it holds no config.json");
  const std::string file = (folder / "config.json").string();
  if (json_member_or(json_member<Json>(load_json(file), "dit", file), "actions", 0, file, "/dit") == 0)
    throw InputError(file, "/dit/actions", "is 0 or missing: the checkpoint was trained without actions");
  return fs::absolute(folder).string();
}

Conditioning start_of(const Flags& flags) {
  const Scenario scenario = load_scenario(scenario_file(flags.scenario, scenario_folder(flags.folder)));
  RenderOptions render = render_options(flags.size, flags.fps);
  render.truth = false;
  Conditioning start = condition_on(render_episode(scenario, flags.split, flags.take, render), "clip", flags.seed);
  if (start.actions.values.empty())
    throw InputError(flags.scenario, "", "has no player; the scenarios named voxel-... have one");
  if (!flags.caption.empty()) start.caption = flags.caption;
  return start;
}

ExitCode play(const Flags& flags) {
  const std::string checkpoint = checkpoint_in(flags.generator);
  const fs::path out = flags.out, request = out / "request";
  if (fs::exists(out / "frames"))
    throw InputError((out / "frames").string(), "", "is there already; choose another folder");
  const Conditioning start = start_of(flags);
  make_folder(request);
  write_request(request, {start});
  std::vector<std::string> words{find_program("bitemark-model").string(),
                                 "play",
                                 "--checkpoint",
                                 checkpoint,
                                 request.string(),
                                 out.string(),
                                 "--frames",
                                 std::to_string(flags.frames)};
  if (flags.steps > 0) words.insert(words.end(), {"--steps", std::to_string(flags.steps)});
  std::vector<char*> argv;
  for (auto& word : words) argv.push_back(word.data());
  argv.push_back(nullptr);
  ::execv(argv[0], argv.data());
  throw InputError(argv[0], "", "cannot be started");
}

}  // namespace

Action configure_play(CLI::App& app) {
  auto flags = std::make_shared<Flags>();
  app.add_option("--generator", flags->generator, "checkpoint:DIR, trained with actions")->required();
  app.add_option("--out", flags->out, "Folder: frames as PNG, what was given, and the actions as a script")->required();
  app.add_option("--scenario", flags->scenario, "The take that is played on from its first frames")
      ->capture_default_str();
  app.add_option("--take", flags->take, "Number of the take")->capture_default_str();
  app.add_option("--split", flags->split, "train, test or ood")->capture_default_str();
  app.add_option("--frames", flags->frames, "At most; 0 = until the script or the player ends")
      ->capture_default_str()
      ->check(CLI::Range(0, 65536));
  app.add_option("--size", flags->size, "Width and height [px], e.g. 96x64; one number for a square")
      ->capture_default_str();
  app.add_option("--fps", flags->fps, "Frames a second")->capture_default_str();
  app.add_option("--caption", flags->caption, "Instead of the scenario's");
  app.add_option("--steps", flags->steps, "Sampling steps a frame")->check(CLI::Range(1, 1000));
  app.add_option("--seed", flags->seed, "Of the generator's noise")->capture_default_str();
  app.add_option("--scenario-folder", flags->folder, "Where the scenario files are");
  app.footer(
      "In a terminal: w a s d walk, space jumps, arrows turn, e breaks, q places, 1 to 9 choose, x ends.\n"
      "Else standard input is a script of lines \"[FRAMES] [NAME | NAME=VALUE]...\"; the actions.txt of a game is "
      "one.\n"
      "Examples:\n"
      "  bitemark play --generator checkpoint:checkpoints/voxel --out runs/game\n"
      "  printf '12 forward\\n6 cameraY=0.4\\n' | bitemark play --generator checkpoint:checkpoints/voxel --out "
      "runs/turn");
  return [flags] { return play(*flags); };
}

}  // namespace bitemark::cli
