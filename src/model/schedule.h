// How much signal and how much noise there is at a level. One convention of time: level tau in [0, 1], 0 = noise,
// 1 = clean; z = alpha(tau) x + sigma(tau) eps.
#pragma once

#include "model/config.h"
#include "model/torch_compat.h"

namespace bitemark::model {

/// flow     alpha = tau, sigma = 1 - tau (Lipman et al. 2022).
/// cosine   alpha = sin(pi tau / 2), sigma = cos(pi tau / 2): zero signal at tau = 0.
/// linear   DDPM's betas, 1e-4 to 0.02 over 1,000 steps and in proportion otherwise (Ho et al. 2020, section 4).
/// sigmoid  Jabri et al. 2022, start -3, end 3, temperature 1; betas up to 0.999.
/// The last two are tables over `noise_steps` indices k = 0 (almost clean) .. T - 1. Index k stands at level
/// 1 - (k + 1) / T; between two indices the angle atan2(sigma, alpha) runs linearly, so that every level has its noise.
class NoiseSchedule {
 public:
  explicit NoiseSchedule(const DiffusionConfig& config);

  /// Any shape, any device; the result has the level's type.
  Tensor alpha(const Tensor& level) const;
  Tensor sigma(const Tensor& level) const;
  /// Of the discrete chain: T.
  std::int64_t steps() const { return steps_; }

 private:
  Tensor angle(const Tensor& level) const;
  bool flow_;
  std::int64_t steps_;
  Tensor angles_;  ///< [T + 1] from clean to noise, float64; undefined for closed forms
};

/// Signal power alpha^2 of the T indices. float64 [T].
Tensor linear_signal_power(std::int64_t steps);
Tensor sigmoid_signal_power(std::int64_t steps);
/// Shifts and scales alpha so that the last index holds no signal and the first is unchanged (Lin et al. 2023, "Common
/// diffusion noise schedules and sample steps are flawed", algorithm 1).
Tensor with_zero_terminal_snr(const Tensor& signal_power);

}  // namespace bitemark::model
