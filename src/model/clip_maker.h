// From what the data hold to the clips that a transformer is trained on, and what it is told of them.
#pragma once

#include <cstdint>
#include <memory>

#include "model/clip_towers.h"
#include "model/dit.h"
#include "model/dit_clips.h"
#include "model/dit_settings.h"
#include "model/stage.h"
#include "model/tokenizer.h"

namespace bitemark::model {

/// Thread-safe: everything that is drawn comes from the caller's stream.
class ClipMaker {
 public:
  /// `temporal`: frames that one latent stands for; mean and std of controls: [channels], in their own units.
  ClipMaker(const DitTrainingSettings& settings, const DitConfig& network, std::int64_t temporal, Tensor control_mean,
            Tensor control_std, std::shared_ptr<TextTower> text, Tokenizer tokenizer);
  /// `forwards`: in the order of time and with a history, whatever the settings say.
  Clips clips_of(StepData& data, bool forwards) const;
  /// What holds for each clip as a whole; some of it is withheld, by the settings' chances.
  DitInput conditions_of(const Clips& clips, Pcg32& random) const;

 private:
  DitTrainingSettings settings_;
  DitConfig network_;
  std::int64_t temporal_;
  Tensor control_mean_, control_std_;
  std::shared_ptr<TextTower> text_;
  Tokenizer tokenizer_;
};

}  // namespace bitemark::model
