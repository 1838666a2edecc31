// What a recipe says of the transformer's training and of nothing else: its member "more".
#pragma once

#include "model/recipe.h"

namespace bitemark::model {

struct DitTrainingSettings {
  double plain = 0.1;          ///< share of steps with one causal sequence instead of history and targets
  double clean_history = 0.5;  ///< share of clips whose history is exact
  double free_history = 0.15;  ///< share with an independent level a frame
  double history_noise = 0.3;  ///< the rest: 1 - tau, up to this
  double worn_history = 0;     ///< share of clips whose history looks as though it had been rolled out for long
  double motion_weight = 3;
  double first_weight = 1;  ///< of the error of a sequence's first frame, which nothing is given before
  double state_weight = 0.1;
  double drop = 0.1;                  ///< captions and controls, each
  double backwards = 0;               ///< share of steps whose clips are made from their end
  double between = 0;                 ///< share whose clips have their last frames given
  double shortcut = 0;                ///< share that teaches long steps
  double label_drop = 0.5;            ///< labels
  double own_history = 0;             ///< share of the last steps: history is the network's own from some frame on
  double own_from = 0.9;              ///< of all steps: where the last ones begin
  std::int64_t own_rounds = 1;        ///< each frame of it is made from up to so many frames in a row of its own making
  double unrolled = 0;                ///< share of steps that roll out, and learn from what that leads to
  std::int64_t unrolled_frames = 12;  ///< at most
  double unrolled_weight = 1;         ///< of their error beside that of denoising
};

/// Throws InputError for an unknown member, and for one that is not a number or out of range.
DitTrainingSettings dit_training_settings(const Recipe& recipe);

}  // namespace bitemark::model
