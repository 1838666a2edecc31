// What a generator may be asked for beside the suite's continuations: tasks, made of a clip with its caption and
// controls.
#pragma once

#include <array>
#include <string>

#include "episode/conditioning.h"

namespace bitemark {

/// continue: the first frames are given. text: none. image: the first. before: the last ones. between: both ends.
inline constexpr std::array<const char*, 5> kTasks{"continue", "text", "image", "before", "between"};

struct TaskOptions {
  std::string task = "continue";
  int given = 8;      ///< frames at the clip's begin (continue, between)
  int given_end = 2;  ///< frames at its end (before, between)
};

/// Takes the given frames out of `whole`, a clip of request.frame_count frames (its begin is enough for continue and
/// image), and says their places. Throws InputError for an unknown task, for more given frames than there are, and when
/// nothing is left to make.
void give_frames(const TaskOptions& options, const std::vector<Frame>& whole, Conditioning& request);

/// "FRAME:NAME=VALUE": from this frame on another caption (NAME = caption) or another value of a control or, where
/// somebody plays, of an action. act_on=0 takes act_u, act_v and act_phase with it. Throws InputError with what is
/// known.
void apply_change(const std::string& text, Conditioning& request);

/// "FRAME:CAPTION": there another shot begins; without a caption, under the same one. Throws InputError.
void apply_shot(const std::string& text, Conditioning& request);

}  // namespace bitemark
