#include "model/schedule.h"

#include <numbers>

namespace bitemark::model {
namespace {

constexpr double kLargestBeta = 0.999;

Tensor power_from_betas(const Tensor& betas) { return at::cumprod(1.0 - betas, 0); }

Tensor angles_of(const Tensor& signal_power) {
  const Tensor angle = at::atan2((1.0 - signal_power).clamp_min(0.0).sqrt(), signal_power.sqrt());
  return at::cat({at::zeros({1}, at::kDouble), angle});
}

}  // namespace

Tensor linear_signal_power(std::int64_t steps) {
  const double scale = 1000.0 / static_cast<double>(steps);
  return power_from_betas(at::linspace(1e-4 * scale, 0.02 * scale, steps, at::kDouble).clamp_max(kLargestBeta));
}

Tensor sigmoid_signal_power(std::int64_t steps) {
  const Tensor bent = at::sigmoid(at::linspace(-3.0, 3.0, steps + 1, at::kDouble));
  const Tensor power = (bent[steps] - bent) / (bent[steps] - bent[0]);
  const Tensor betas = 1.0 - power.slice(0, 1) / power.slice(0, 0, steps);
  return power_from_betas(betas.clamp(0.0, kLargestBeta));
}

Tensor with_zero_terminal_snr(const Tensor& signal_power) {
  const Tensor alpha = signal_power.sqrt();
  const Tensor first = alpha[0], last = alpha[-1];
  return ((alpha - last) * (first / (first - last))).pow(2);
}

NoiseSchedule::NoiseSchedule(const DiffusionConfig& config) : flow_(config.path == "flow"), steps_(config.noise_steps) {
  if (config.path != "linear" && config.path != "sigmoid") return;
  const Tensor power = config.path == "linear" ? linear_signal_power(steps_) : sigmoid_signal_power(steps_);
  angles_ = angles_of(config.zero_terminal_snr ? with_zero_terminal_snr(power) : power);
}

Tensor NoiseSchedule::angle(const Tensor& level) const {
  if (!angles_.defined()) return (1.0 - level) * (std::numbers::pi / 2);
  const Tensor place = ((1.0 - level.to(at::kDouble)) * static_cast<double>(steps_)).clamp(0.0, steps_);
  const Tensor below = place.floor().clamp_max(static_cast<double>(steps_ - 1));
  const Tensor index = below.to(at::kLong);
  const Tensor angles = angles_.to(level.device());
  return at::lerp(angles.take(index), angles.take(index + 1), place - below).to(level.scalar_type());
}

Tensor NoiseSchedule::alpha(const Tensor& level) const { return flow_ ? level : angle(level).cos(); }
Tensor NoiseSchedule::sigma(const Tensor& level) const { return flow_ ? 1.0 - level : angle(level).sin(); }

}  // namespace bitemark::model
