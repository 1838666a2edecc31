// Noise and its removal: a schedule, what the network predicts, and what its errors weigh. Every frame may have its own
// level.
#pragma once

#include "base/random.h"
#include "model/config.h"
#include "model/schedule.h"
#include "model/torch_compat.h"

namespace bitemark::model {

/// What a network's output means: the clean latents, and where in the range of possible variances it sees the next
/// ancestral step (undefined when it does not say).
struct Denoised {
  Tensor clean;
  Tensor variance_share;  ///< 0 = posterior variance, 1 = forward variance (Nichol and Dhariwal 2021, equation 15)
};

/// The ancestral step from a level to a cleaner one, of the forward chain conditioned on x: mean = keep z + pull x,
/// variance = posterior; `forward` is the variance of the noise added on the way from clean to noisy. Any shape.
struct AncestralStep {
  Tensor keep, pull, posterior, forward;
};

class Diffusion {
 public:
  explicit Diffusion(const DiffusionConfig& config);

  const DiffusionConfig& config() const { return config_; }
  const NoiseSchedule& schedule() const { return schedule_; }
  Tensor alpha(const Tensor& level) const { return schedule_.alpha(level); }
  Tensor sigma(const Tensor& level) const { return schedule_.sigma(level); }

  /// x, eps: [B, T, C, ...]; level: [B, T] (or any prefix of x's shape).
  Tensor noised(const Tensor& x, const Tensor& eps, const Tensor& level) const;
  /// What the network is trained to answer: x, eps, or v = alpha eps - sigma x (Salimans and Ho 2022).
  Tensor target(const Tensor& x, const Tensor& eps, const Tensor& level) const;
  /// `output`: [B, T, C, ...], or [B, T, 2 C, ...] with learned variances.
  Denoised denoised(const Tensor& output, const Tensor& z, const Tensor& level) const;
  /// The part of `output` that `target` is compared with.
  Tensor prediction(const Tensor& output) const;
  /// Weight of the squared error of the prediction. unit: 1. ramp: (1 - floor) tau + floor (Dreamer 4). min-snr:
  /// min(snr, cap) on the scale of x (Hang et al. 2023, "Efficient diffusion training via min-SNR weighting").
  Tensor weight(const Tensor& level) const;

  AncestralStep ancestral(const Tensor& from, const Tensor& to) const;
  /// exp(share log(forward) + (1 - share) log(posterior)), the posterior floored where it vanishes.
  Tensor ancestral_log_variance(const AncestralStep& step, const Tensor& share) const;
  /// Terms of the variational bound in bits a latent, [B, T]: KL of the true ancestral step of the discrete chain from
  /// the predicted one. Gradients reach the variance alone, as in Nichol and Dhariwal 2021, section 3.1.
  Tensor variational_bound(const Tensor& x, const Tensor& z, const Tensor& output, const Tensor& level) const;

 private:
  DiffusionConfig config_;
  NoiseSchedule schedule_;
};

/// Levels of a training batch, [count]: logit-normal (0, 1) for 60 %, uniform for 20 %, exactly 0 for 20 % (the level
/// that a rollout starts from).
Tensor training_levels(std::int64_t count, Pcg32& random);

/// [B, T] -> [B, T, 1, ...] beside `like`.
Tensor beside(const Tensor& level, const Tensor& like);

}  // namespace bitemark::model
