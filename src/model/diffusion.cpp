#include "model/diffusion.h"

#include <cmath>

namespace bitemark::model {
namespace {

/// Variances below are not told apart from it: the last ancestral step has none at all.
constexpr double kLeastVariance = 1e-12;

/// KL(N(mean_p, exp(log_p)) || N(mean_q, exp(log_q))), a coordinate, in nats.
Tensor gaussian_kl(const Tensor& mean_p, const Tensor& log_p, const Tensor& mean_q, const Tensor& log_q) {
  return 0.5 * (log_q - log_p + at::exp(log_p - log_q) + (mean_p - mean_q).pow(2) * at::exp(-log_q) - 1.0);
}

}  // namespace

Diffusion::Diffusion(const DiffusionConfig& config) : config_(config), schedule_(config) {}

Tensor beside(const Tensor& level, const Tensor& like) {
  std::vector<std::int64_t> shape = level.sizes().vec();
  shape.resize(static_cast<std::size_t>(like.dim()), 1);
  return level.view(shape);
}

Tensor Diffusion::noised(const Tensor& x, const Tensor& eps, const Tensor& level) const {
  return beside(alpha(level), x) * x + beside(sigma(level), x) * eps;
}

Tensor Diffusion::target(const Tensor& x, const Tensor& eps, const Tensor& level) const {
  if (config_.prediction == "x") return x;
  if (config_.prediction == "eps") return eps;
  return beside(alpha(level), x) * eps - beside(sigma(level), x) * x;
}

Tensor Diffusion::prediction(const Tensor& output) const {
  return config_.learned_variance ? output.slice(2, 0, output.size(2) / 2) : output;
}

Denoised Diffusion::denoised(const Tensor& output, const Tensor& z, const Tensor& level) const {
  const Tensor answer = prediction(output);
  Denoised result;
  if (config_.learned_variance) result.variance_share = 0.5 * (output.slice(2, output.size(2) / 2) + 1.0);
  const Tensor a = beside(alpha(level), z), s = beside(sigma(level), z);
  if (config_.prediction == "x") result.clean = answer;
  if (config_.prediction == "eps") result.clean = (z - s * answer) / a;
  // With alpha^2 + sigma^2 = n, alpha z - sigma v = n x.
  if (config_.prediction == "v") result.clean = (a * z - s * answer) / (a * a + s * s);
  return result;
}

Tensor Diffusion::weight(const Tensor& level) const {
  if (config_.weight == "unit") return at::ones_like(level);
  if (config_.weight == "ramp") return level * (1.0 - config_.weight_floor) + config_.weight_floor;
  const Tensor a2 = alpha(level).pow(2), s2 = sigma(level).pow(2);
  // min(snr, cap) is the weight of x's error; those of eps and v are alpha / sigma and (alpha^2 + sigma^2) / sigma
  // times as large.
  if (config_.prediction == "x") return (a2 / s2.clamp_min(kLeastVariance)).clamp_max(config_.snr_cap);
  if (config_.prediction == "eps") return (config_.snr_cap * s2 / a2.clamp_min(kLeastVariance)).clamp_max(1.0);
  return at::minimum(a2, config_.snr_cap * s2) / (a2 + s2).pow(2);
}

AncestralStep Diffusion::ancestral(const Tensor& from, const Tensor& to) const {
  // z_from given z_to is N(a z_to, forward); Bayes with z_to given x (Kingma et al. 2021, appendix A).
  const Tensor a_to = alpha(to), v_from = sigma(from).pow(2), v_to = sigma(to).pow(2);
  const Tensor a = alpha(from) / a_to;
  const Tensor forward = (v_from - a * a * v_to).clamp_min(0.0);
  return {a * v_to / v_from, a_to * forward / v_from, forward * v_to / v_from, forward};
}

Tensor Diffusion::ancestral_log_variance(const AncestralStep& step, const Tensor& share) const {
  const Tensor high = beside(step.forward.clamp_min(kLeastVariance).log(), share);
  // Where the posterior is a point, its variance says nothing: the floor is a small part of the forward one.
  const Tensor low = beside(at::maximum(step.posterior, 1e-3 * step.forward).clamp_min(kLeastVariance).log(), share);
  return share * high + (1.0 - share) * low;
}

Tensor Diffusion::variational_bound(const Tensor& x, const Tensor& z, const Tensor& output, const Tensor& level) const {
  const double stride = 1.0 / static_cast<double>(schedule_.steps());
  const AncestralStep step = ancestral(level, (level + stride).clamp_max(1.0));
  const Denoised seen = denoised(output, z, level);
  const auto mean = [&](const Tensor& clean) { return beside(step.keep, z) * z + beside(step.pull, z) * clean; };
  const Tensor true_log = ancestral_log_variance(step, at::zeros_like(seen.variance_share));
  const Tensor kl =
      gaussian_kl(mean(x), true_log, mean(seen.clean.detach()), ancestral_log_variance(step, seen.variance_share));
  return kl.flatten(2).mean(-1) / std::log(2.0);
}

Tensor training_levels(std::int64_t count, Pcg32& random) {
  Tensor levels = at::zeros({count});
  float* out = levels.data_ptr<float>();
  for (std::int64_t i = 0; i < count; ++i) {
    const double kind = random.uniform();
    if (kind < 0.6) {
      out[i] = static_cast<float>(1.0 / (1.0 + std::exp(-random.normal())));
    } else if (kind < 0.8) {
      out[i] = static_cast<float>(random.uniform());
    }
  }
  return levels;
}

}  // namespace bitemark::model
