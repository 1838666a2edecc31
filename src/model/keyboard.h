// What a player does, in words of a line or in keys of a terminal, as rows of actions (docs/voxel-world.md).
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace bitemark::model {

using ActionRow = std::vector<float>;  ///< by Actions::names()

/// One line of a script: "[FRAMES] [NAME | NAME=VALUE]...", such as "12 forward cameraY=0.2": these actions for so many
/// frames (1 when no number is given). VALUE is -1 to 1, and 1 when it is absent.
struct ScriptLine {
  int frames = 1;
  ActionRow actions;
};
/// Throws InputError with `place` and what is known.
ScriptLine read_script_line(const std::string& line, const std::string& place);
/// The same as text, without the number of frames: what is not 0.
std::string script_of(const ActionRow& actions);

/// Keys as a terminal sends them: w a s d walk, space jumps, arrows turn, e breaks, q places, 1 to 9 choose from the
/// hotbar, x or Ctrl-C ends. A terminal tells when a key is pressed, and again while it is held, but not when it is let
/// go: each press counts for kHeldFrames frames.
class Keyboard {
 public:
  static constexpr int kHeldFrames = 3;
  Keyboard();
  /// What has been typed since the frame before.
  void press(std::string_view typed);
  /// The actions of the next frame.
  ActionRow next();
  bool wants_to_stop() const { return stop_; }

 private:
  void hold(const char* name, float value);
  ActionRow values_;
  std::vector<int> frames_left_;
  bool stop_ = false;
};

}  // namespace bitemark::model
