// A rollout with its gradients: what a network's own frames lead to is charged to it.
#pragma once

#include "model/diffusion.h"
#include "model/dit.h"
#include "model/dit_clips.h"

namespace bitemark::model {

/// Which frames of the clips an unrolled step makes.
struct Stretch {
  std::int64_t given = 0;  ///< exact frames before
  std::int64_t made = 0;
};

/// At least one frame is given and at most half of them, and at most `longest` are made.
Stretch draw_stretch(std::int64_t window, std::int64_t longest, Pcg32& random);

/// Frames drawn as rollouts draw them, each after those made before it -> [B, made, C, h, w], with gradients through
/// all of them (as Lam et al. 2023 train GraphCast on up to twelve steps of its own). One frame further a wrong speed
/// is hardly seen, and the frame before is always the true one; twelve frames further it is the largest error there is.
/// `clips`: in the order of time, without cuts. `noise`: like clips.x. What was made is seen as it is and told to be at
/// the rollout's history_level; below 1 a rollout adds noise to it, which this does not.
Tensor unroll(Dit& dit, const Diffusion& diffusion, const RolloutConfig& rollout, const DitInput& conditions,
              const Clips& clips, const Stretch& stretch, const Tensor& noise);

/// The rows of the clips that have no cut; they are in the first shot.
Clips without_cuts(const Clips& clips);

}  // namespace bitemark::model
