// How well a transformer removes noise from takes that it was not trained on, with noise that is the same for every
// network: the number that runs of different size, length and patch are compared by.
#pragma once

#include <string>
#include <vector>

#include "model/clip_source.h"
#include "model/clip_towers.h"
#include "model/diffusion.h"
#include "model/dit.h"
#include "model/tokenizer.h"
#include "model/vae.h"

namespace bitemark::model {

/// The networks and numbers around a transformer; all of them outlive their user.
struct DitSurroundings {
  Vae& vae;
  TextTower& text;
  const Tokenizer& tokenizer;
  Tensor control_mean, control_std;  ///< [channels]
};

/// A window of one take as the transformer is given it.
struct HeldOutTake {
  std::string scenario, name;  ///< name: shard, row and first frame; keys the noise
  Tensor frames;               ///< u8 [T, H, W, 3]
  Tensor latents;              ///< [1, L, C, h, w]
  Tensor controls;             ///< [1, L, channels], normalised
  Tensor actions;              ///< [1, L, actions]; undefined where nobody plays
  Tensor shots;                ///< int64 [1, L]
  TextInput text;
};

/// `windows` of `latents` latents each.
std::vector<HeldOutTake> prepare_held_out(const ClipSource& source, const std::vector<ClipWindow>& windows,
                                          std::int64_t latents, const DitSurroundings& around);

/// Noise levels tau at which takes are denoised: 0.1, 0.2, ..., 0.9.
const std::vector<double>& held_out_levels();

/// Mean squared error of the clean latents (unit variance a channel) that `dit` answers, by level: every frame but the
/// first, each with the exact frames before it as its history.
std::vector<double> denoising_error(Dit& dit, const Diffusion& diffusion, const HeldOutTake& take);

/// A mean over takes, and its standard error from their spread (0 with a single take).
struct MeanAndError {
  double mean = 0, error = 0;
};
MeanAndError mean_and_error(const std::vector<double>& values);

/// denoising_error of each take, [takes][levels]; one thread a take, so that bits do not depend on `threads`.
std::vector<std::vector<double>> held_out_errors(Dit& dit, const Diffusion& diffusion,
                                                 const std::vector<HeldOutTake>& takes, int threads);

}  // namespace bitemark::model
