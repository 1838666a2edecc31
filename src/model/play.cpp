// bitemark-model play: a checkpoint as a world that answers each frame to what is done in it.
#include <fmt/format.h>
#include <unistd.h>

#include <chrono>
#include <fstream>
#include <iostream>
#include <thread>

#include "base/error.h"
#include "base/files.h"
#include "base/interrupt.h"
#include "base/parallel.h"
#include "image/raw_image.h"
#include "model/commands.h"
#include "model/generator.h"
#include "model/keyboard.h"
#include "model/terminal.h"

namespace bitemark::model {
namespace {

using Clock = std::chrono::steady_clock;

/// Every frame with what was done before it: OUT/frames/000000.png and OUT/actions.txt, a script that replays it. They
/// begin with the first frame.
class Recording {
 public:
  explicit Recording(const fs::path& out) : frames_(out / "frames"), actions_(out / "actions.txt") {
    if (fs::exists(frames_)) throw InputError(frames_.string(), "", "is there already; choose another folder");
  }
  void add(const ActionRow& actions, const Frame& frame) {
    if (count_ == 0) begin();
    RawImage<std::uint8_t> image{frame.width, frame.height, 3, frame.rgb};
    write_file(frames_ / fmt::format("{:06}.png", count_++), encode_png(image));
    script_ << "1 " << script_of(actions) << "\n" << std::flush;
  }
  int count() const { return count_; }

 private:
  void begin() {
    make_folder(frames_);
    script_.open(actions_);
    if (!script_) throw InputError(actions_.string(), "", "cannot be written");
  }
  fs::path frames_, actions_;
  std::ofstream script_;
  int count_ = 0;
};

void play_script(Play& game, std::istream& script, int most, Recording& recording) {
  std::string line;
  for (int number = 1; std::getline(script, line); ++number) {
    const ScriptLine asked = read_script_line(line, fmt::format("standard input, line {}", number));
    for (int n = 0; n < asked.frames && recording.count() < most; ++n) {
      stop_if_interrupted();
      recording.add(asked.actions, game.next(asked.actions));
    }
  }
}

/// At the clip's own pace, or as fast as the machine is where that is slower.
void play_keys(Play& game, const Conditioning& start, int most, Recording& recording) {
  const Terminal terminal;
  Keyboard keyboard;
  const auto a_frame = std::chrono::duration<double>(1.0 / start.rate.hz());
  if (!start.context.empty()) terminal.draw(start.context.back(), "");
  auto due = Clock::now();
  while (recording.count() < most && !interrupted()) {
    keyboard.press(terminal.typed());
    if (keyboard.wants_to_stop()) return;
    const ActionRow actions = keyboard.next();
    const auto begin = Clock::now();
    const Frame frame = game.next(actions);
    const double made_s = std::chrono::duration<double>(Clock::now() - begin).count();
    recording.add(actions, frame);
    terminal.draw(frame, fmt::format("frame {}  {:.0f} ms  {}   (w a s d, space, arrows, e q, 1-9; x ends)",
                                     recording.count(), 1000 * made_s, script_of(actions)));
    due = std::max(due + std::chrono::duration_cast<Clock::duration>(a_frame), Clock::now());
    std::this_thread::sleep_until(due);
  }
}

}  // namespace

void play(const PlayOptions& options) {
  const Request request = read_request(options.request);
  if (request.takes.size() != 1)
    throw InputError((options.request / "request.json").string(), "/takes",
                     fmt::format("has {} entries, expected the one clip that is played", request.takes.size()));
  const Checkpoint checkpoint(options.checkpoint);
  RolloutConfig settings = checkpoint.rollout();
  if (options.steps > 0) settings.steps = options.steps;
  at::set_num_threads(1);  // a frame's threads are the transformer's
  const Generator generator(checkpoint, settings, options.threads > 0 ? options.threads : default_threads());
  const Conditioning start = read_conditioning(options.request, request.takes.front());
  Play game(generator, start);
  Recording recording(options.out);
  const int most = options.frames > 0 ? options.frames : 65536;
  if (Terminal::is_there()) {
    play_keys(game, start, most, recording);
  } else {
    play_script(game, std::cin, most, recording);
  }
  fmt::print("{} frames in {}\n", recording.count(), (options.out / "frames").string());
}

}  // namespace bitemark::model
