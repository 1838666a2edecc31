#include "model/sampler.h"

#include <cmath>

#include "base/error.h"

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

/// DPM-Solver++ 2M: the answer extrapolated along log(alpha / sigma), then a first-order step.
class Multistep {
 public:
  Tensor step(const Tensor& z, const Tensor& x, const Point& from, const Point& to) {
    // An interval from no signal at all is infinitely long: no slope can be taken over it.
    const double h = to.half_log_snr() - from.half_log_snr();
    Tensor ahead = x;
    if (before_.defined() && std::isfinite(h_before_)) ahead = x + (h / (2.0 * h_before_)) * (x - before_);
    before_ = x;
    h_before_ = from.alpha > 0 ? h : INFINITY;
    return ddim_step(z, ahead, from, to);
  }

 private:
  Tensor before_;
  double h_before_ = INFINITY;
};

Tensor ancestral_step(const Diffusion& diffusion, const Tensor& z, const Denoised& seen, const Point& from,
                      const Point& to, const Tensor& noise) {
  const auto at_level = [&](double level) { return at::full({1}, level, z.options()); };
  const AncestralStep step = diffusion.ancestral(at_level(from.level), at_level(to.level));
  const Tensor deviation = seen.variance_share.defined()
                               ? at::exp(0.5 * diffusion.ancestral_log_variance(step, seen.variance_share))
                               : step.posterior.sqrt();
  return step.keep * z + step.pull * seen.clean + deviation * noise;
}

}  // namespace

Tensor sample(const Diffusion& diffusion, const std::string& solver, const Tensor& noise, std::int64_t steps,
              const Denoiser& denoise, const StepNoise& fresh) {
  Tensor z = noise;
  Multistep multistep;
  Point from = point_at(diffusion, 0.0);
  for (std::int64_t i = 0; i < steps; ++i) {
    const Point to = point_at(diffusion, static_cast<double>(i + 1) / static_cast<double>(steps));
    const Tensor level = at::full({1}, from.level, z.options());
    const Denoised seen = diffusion.denoised(denoise(z, from.level), z, level);
    if (i + 1 == steps) return seen.clean;  // sigma' = 0
    if (solver == "ancestral") {
      z = ancestral_step(diffusion, z, seen, from, to, fresh(i));
    } else if (solver == "dpm++2m") {
      z = multistep.step(z, seen.clean, from, to);
    } else {
      z = ddim_step(z, seen.clean, from, to);
    }
    from = to;
  }
  return z;
}

double told_stride(std::int64_t steps) {
  for (double stride = kShortestStride; stride <= 1.0; stride *= 2)
    if (static_cast<double>(steps) * stride == 1.0) return stride;
  return 0.0;
}

Tensor guided(const Tensor& conditional, const std::function<Tensor()>& unconditional, double scale) {
  if (scale == 1.0) return conditional;
  const Tensor base = unconditional();
  return base + scale * (conditional - base);
}

}  // namespace bitemark::model
