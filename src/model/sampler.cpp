#include "model/sampler.h"

#include <cmath>

namespace bitemark::model {
namespace {

struct Point {
  double level, alpha, sigma;
  double half_log_snr() const { return std::log(alpha / sigma); }
};

Point point_at(const Diffusion& diffusion, double level) {
  const Tensor tau = at::full({1}, level, at::kDouble);
  return {level, diffusion.alpha(tau).item<double>(), level >= 1.0 ? 0.0 : diffusion.sigma(tau).item<double>()};
}

Tensor ddim_step(const Tensor& z, const Tensor& x, const Point& from, const Point& to) {
  const Tensor eps = (z - from.alpha * x) / from.sigma;
  return to.alpha * x + to.sigma * eps;
}

}  // namespace

Tensor sample(const Diffusion& diffusion, const std::string& solver, const Tensor& noise, std::int64_t steps,
              const Denoiser& denoise) {
  Tensor z = noise;
  Tensor x_before;
  Point from = point_at(diffusion, 0.0);
  double h_before = 0;
  for (std::int64_t i = 0; i < steps; ++i) {
    const Point to = point_at(diffusion, static_cast<double>(i + 1) / static_cast<double>(steps));
    const Tensor level = at::full({1}, from.level, z.options());
    const Tensor x = diffusion.clean(denoise(z, from.level), z, level);
    if (i + 1 == steps) return x;  // sigma' = 0
    const double h = to.half_log_snr() - from.half_log_snr();
    Tensor extrapolated = x;
    // The first interval is infinitely long in log(alpha / sigma): no slope can be taken over it.
    if (solver == "dpm++2m" && i >= 2) extrapolated = x + (h / (2.0 * h_before)) * (x - x_before);
    z = ddim_step(z, extrapolated, from, to);
    x_before = x;
    h_before = h;
    from = to;
  }
  return z;
}

Tensor guided(const Tensor& conditional, const std::function<Tensor()>& unconditional, double scale) {
  if (scale == 1.0) return conditional;
  const Tensor base = unconditional();
  return base + scale * (conditional - base);
}

}  // namespace bitemark::model
