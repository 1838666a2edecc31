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

/// Standard normal, like the clips' x.
struct UnrollNoise {
  Tensor start;    ///< what each frame is drawn from
  Tensor history;  ///< for what was made, where the rollout's history_level is below 1
};

/// Frames drawn as rollouts draw them, each after those made before it -> [B, made, C, h, w], with gradients through
/// all of them (as Lam et al. 2023 train GraphCast on up to twelve steps of its own). One frame further a wrong speed
/// is hardly seen, and the frame before is always the true one; twelve frames further it is the largest error there is.
/// `clips`: in the order of time, without cuts.
Tensor unroll(Dit& dit, const Diffusion& diffusion, const RolloutConfig& rollout, const DitInput& conditions,
              const Clips& clips, const Stretch& stretch, const UnrollNoise& noise);

/// How far that is off the clips, weighed by their motion: of each rollout the root of its mean square, lest those that
/// nobody can foretell outweigh the others; the mean of these, a scalar.
Tensor unrolled_error(const Tensor& made, const Clips& clips, const Stretch& stretch);

/// The rows of the clips that have no cut; they are in the first shot.
Clips without_cuts(const Clips& clips);

}  // namespace bitemark::model
