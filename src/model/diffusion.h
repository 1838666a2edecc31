// Noise and its removal behind one interface. One convention of time: level tau in [0, 1], 0 = pure noise, 1 = clean;
// z = alpha(tau) x + sigma(tau) eps. Every frame may have its own level.
#pragma once

#include <memory>
#include <vector>

#include "base/random.h"
#include "model/config.h"
#include "model/torch_compat.h"

namespace bitemark::model {

class Diffusion {
 public:
  virtual ~Diffusion() = default;
  virtual Tensor alpha(const Tensor& level) const = 0;
  virtual Tensor sigma(const Tensor& level) const = 0;
  /// What the network is trained to answer.
  virtual Tensor target(const Tensor& x, const Tensor& eps, const Tensor& level) const = 0;
  /// The clean latents that an answer of the network means.
  virtual Tensor clean(const Tensor& answer, const Tensor& z, const Tensor& level) const = 0;
  /// Weight of the squared error of the answer.
  virtual Tensor weight(const Tensor& level) const = 0;

  /// x, eps: [B, T, ...]; level: [B, T].
  Tensor noised(const Tensor& x, const Tensor& eps, const Tensor& level) const;
};

/// Linear path, alpha = tau, sigma = 1 - tau; the network predicts x; weight (1 - floor) tau + floor ("ramp",
/// Dreamer 4, floor 0.1).
std::unique_ptr<Diffusion> make_flow(double weight_floor);
/// Cosine path, alpha = sin(pi tau / 2), sigma = cos(pi tau / 2): zero signal at tau = 0 (Lin et al. 2023, "zero
/// terminal SNR"); the network predicts v = alpha eps - sigma x (Salimans and Ho 2022); weight 1.
std::unique_ptr<Diffusion> make_ddpm();
std::unique_ptr<Diffusion> make_diffusion(const DiffusionConfig& config);

/// Levels of a training batch, [count]: logit-normal (0, 1) for 60 %, uniform for 20 %, exactly 0 for 20 % (the level
/// that a rollout starts from).
Tensor training_levels(std::int64_t count, Pcg32& random);

/// [B, T] -> [B, T, 1, ...] beside `like`.
Tensor beside(const Tensor& level, const Tensor& like);

}  // namespace bitemark::model
