// Samplers against the closed form. Data x ~ N(0, s^2) a coordinate: the best x-prediction from z = alpha x + sigma eps
// is alpha s^2 z / (alpha^2 s^2 + sigma^2), and the probability flow from z(0) = n ends at exactly s n.
#include "model/sampler.h"

#include <gtest/gtest.h>

#include <cmath>

#include "model/noise.h"

namespace bitemark::model {
namespace {

constexpr double kDeviation = 0.5;

Denoiser best_answer(const Diffusion& diffusion) {
  return [&diffusion](const Tensor& z, double level) {
    const Tensor tau = at::full({1, 1}, level, at::kDouble);
    const double a = diffusion.alpha(tau).item<double>(), s = diffusion.sigma(tau).item<double>();
    const double variance = a * a * kDeviation * kDeviation + s * s;
    const Tensor x = z * (a * kDeviation * kDeviation / variance);
    const Tensor eps = z * (s / variance);
    return diffusion.target(x, eps, tau);  // linear in both, so the mean of the target is the target of the means
  };
}

double error_of(const Diffusion& diffusion, const std::string& solver, std::int64_t steps) {
  const Tensor noise = normal_noise({1, 1, 32}, {1, 0, 0}).to(at::kDouble);
  const Tensor end = sample(diffusion, solver, noise, steps, best_answer(diffusion));
  return ((end - kDeviation * noise).norm() / (kDeviation * noise).norm()).item<double>();
}

struct Case {
  const char* path;
  const char* solver;
  double order;
};

class SamplerOnGaussian : public testing::TestWithParam<Case> {};

TEST_P(SamplerOnGaussian, ConvergesToTheClosedForm) {
  const Case c = GetParam();
  const auto diffusion = make_diffusion({c.path, 0.1, c.solver});
  const double coarse = error_of(*diffusion, c.solver, 64), fine = error_of(*diffusion, c.solver, 128);
  EXPECT_LT(fine, 0.02);
  // Halving the step divides the error by 2^order; the ends, which are first order, cost some of it.
  EXPECT_GT(std::log2(coarse / fine), c.order - 0.35);
}
INSTANTIATE_TEST_SUITE_P(All, SamplerOnGaussian,
                         testing::Values(Case{"flow", "ddim", 1}, Case{"flow", "dpm++2m", 1}, Case{"ddpm", "ddim", 1},
                                         Case{"ddpm", "dpm++2m", 1}));

TEST(Sampler, SecondOrderIsBetterThanFirst) {
  for (const char* path : {"flow", "ddpm"}) {
    const auto diffusion = make_diffusion({path, 0.1, "ddim"});
    EXPECT_LT(error_of(*diffusion, "dpm++2m", 64), 0.5 * error_of(*diffusion, "ddim", 64)) << path;
  }
}

TEST(Diffusion, CleanUndoesTarget) {
  const Tensor x = normal_noise({2, 3, 4}, {1, 0, 0}), eps = normal_noise({2, 3, 4}, {2, 0, 0});
  const Tensor level = at::tensor(std::vector<float>{0, 0.3F, 0.9F, 1, 0.5F, 0.1F}).view({2, 3});
  for (const char* path : {"flow", "ddpm"}) {
    const auto diffusion = make_diffusion({path, 0.1, "ddim"});
    const Tensor z = diffusion->noised(x, eps, level);
    EXPECT_TRUE(at::allclose(diffusion->clean(diffusion->target(x, eps, level), z, level), x, 0, 1e-5)) << path;
  }
}

TEST(Diffusion, EndsArePureNoiseAndPureSignal) {
  const Tensor ends = at::tensor(std::vector<double>{0.0, 1.0});
  for (const char* path : {"flow", "ddpm"}) {
    const auto diffusion = make_diffusion({path, 0.1, "ddim"});
    EXPECT_TRUE(at::allclose(diffusion->alpha(ends), ends, 0, 1e-12)) << path << ": zero terminal SNR";
    EXPECT_TRUE(at::allclose(diffusion->sigma(ends), 1.0 - ends, 0, 1e-12)) << path;
  }
}

TEST(Diffusion, CosinePathKeepsTheVariance) {
  const Tensor level = at::linspace(0, 1, 11, at::kDouble);
  const auto ddpm = make_ddpm();
  EXPECT_TRUE(at::allclose(ddpm->alpha(level).pow(2) + ddpm->sigma(level).pow(2), at::ones_like(level), 0, 1e-12));
}

TEST(Guidance, ScaleOneIsTheConditionalAnswer) {
  const Tensor conditional = normal_noise({8}, {1, 0, 0}), base = normal_noise({8}, {2, 0, 0});
  int asked = 0;
  const auto unconditional = [&] {
    ++asked;
    return base;
  };
  EXPECT_TRUE(at::equal(guided(conditional, unconditional, 1.0), conditional));
  EXPECT_EQ(asked, 0) << "scale 1 costs nothing";
  EXPECT_TRUE(at::allclose(guided(conditional, unconditional, 0.0), base));
  EXPECT_TRUE(at::allclose(guided(conditional, unconditional, 2.0), 2.0 * conditional - base, 0, 1e-5));
}

}  // namespace
}  // namespace bitemark::model
