// Samplers against the closed form. Data x ~ N(0, s^2) a coordinate: the best x-prediction from z = alpha x + sigma eps
// is alpha s^2 z / (alpha^2 s^2 + sigma^2), and the probability flow from z(0) = n ends at exactly s n.
#include "model/sampler.h"

#include <gtest/gtest.h>

#include <cmath>

#include "model/noise.h"

namespace bitemark::model {
namespace {

constexpr double kDeviation = 0.5;

struct Case {
  const char* path;
  const char* prediction;
  const char* solver;
  double order;
};
void PrintTo(const Case& c, std::ostream* out) { *out << c.path << ' ' << c.prediction << ' ' << c.solver; }

DiffusionConfig config_of(const std::string& path, const std::string& prediction) {
  DiffusionConfig config;
  config.path = path;
  config.prediction = prediction;
  return config;
}

/// [1, 1, 32] holds the latents of one frame with 32 channels.
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

/// How far a deterministic sampler ends from the probability flow's end. A schedule that keeps a little signal at level
/// 0 starts from noise of variance 1 where the data's marginal has alpha0^2 s^2 + sigma0^2: the flow scales by that.
double error_of(const Diffusion& diffusion, const std::string& solver, std::int64_t steps) {
  const Tensor noise = normal_noise({1, 1, 32}, {1, 0, 0}).to(at::kDouble);
  const Tensor start = at::zeros({1}, at::kDouble);
  const double a = diffusion.alpha(start).item<double>(), s = diffusion.sigma(start).item<double>();
  const Tensor truth = kDeviation * noise / std::sqrt(a * a * kDeviation * kDeviation + s * s);
  const Tensor end = sample(diffusion, solver, noise, steps, best_answer(diffusion));
  return ((end - truth).norm() / truth.norm()).item<double>();
}

class SamplerOnGaussian : public testing::TestWithParam<Case> {};

TEST_P(SamplerOnGaussian, ConvergesToTheClosedForm) {
  const Case c = GetParam();
  const Diffusion diffusion(config_of(c.path, c.prediction));
  const double coarse = error_of(diffusion, c.solver, 64), fine = error_of(diffusion, c.solver, 128);
  EXPECT_LT(fine, 4.0 / 128);  // a few times the width of a step
  // Halving the step divides the error by 2^order; the ends, which are first order, cost some of it.
  EXPECT_GT(std::log2(coarse / fine), c.order - 0.35);
}
INSTANTIATE_TEST_SUITE_P(All, SamplerOnGaussian,
                         testing::Values(Case{"flow", "x", "ddim", 1}, Case{"flow", "v", "dpm++2m", 1},
                                         Case{"cosine", "v", "ddim", 1}, Case{"cosine", "x", "dpm++2m", 1},
                                         Case{"linear", "eps", "ddim", 1}, Case{"linear", "v", "dpm++2m", 1},
                                         Case{"sigmoid", "eps", "ddim", 1}, Case{"sigmoid", "x", "dpm++2m", 1}),
                         [](const auto& test) {
                           const std::string solver = test.param.solver;
                           return std::string(test.param.path) + "_" + test.param.prediction + "_" +
                                  (solver == "ddim" ? "ddim" : "dpm");
                         });

TEST(Sampler, SecondOrderIsBetterThanFirst) {
  for (const char* path : {"flow", "cosine"}) {
    const Diffusion diffusion(config_of(path, "x"));
    EXPECT_LT(error_of(diffusion, "dpm++2m", 64), 0.5 * error_of(diffusion, "ddim", 64)) << path;
    // The two steps at the ends are of first order: theirs is an error of step^2 too, but with a larger factor, and the
    // order that is seen comes near 2 slowly.
    EXPECT_GT(std::log2(error_of(diffusion, "dpm++2m", 512) / error_of(diffusion, "dpm++2m", 1024)), 1.6) << path;
  }
}

/// Every step is linear in z and in the fresh noise, so the variance of what comes out is the sum of the squares of
/// what each unit of noise alone brings about: no drawing is needed.
double ancestral_variance(const Diffusion& diffusion, std::int64_t steps) {
  const Tensor zero = at::zeros({1, 1, 2}, at::kDouble), one = at::ones({1, 1, 2}, at::kDouble);
  double variance = 0;
  for (std::int64_t source = -1; source + 1 < steps; ++source) {
    const auto fresh = [&](std::int64_t step) { return step == source ? one : zero; };
    const Tensor end = sample(diffusion, "ancestral", source < 0 ? one : zero, steps, best_answer(diffusion), fresh);
    variance += std::pow(end.flatten()[0].item<double>(), 2);
  }
  return variance;
}

TEST(Sampler, AncestralReachesTheDataVarianceAtFirstOrder) {
  const double truth = kDeviation * kDeviation;
  for (const auto& [path, prediction] : {std::pair{"linear", "eps"}, {"cosine", "v"}, {"flow", "x"}}) {
    const Diffusion diffusion(config_of(path, prediction));
    const double coarse = std::abs(ancestral_variance(diffusion, 50) - truth);
    const double fine = std::abs(ancestral_variance(diffusion, 100) - truth);
    EXPECT_LT(fine, 15.0 / 100 * truth) << path;
    EXPECT_NEAR(std::log2(coarse / fine), 1.0, 0.35) << path;
  }
}

TEST(Diffusion, DenoisedUndoesTarget) {
  const Tensor x = normal_noise({2, 3, 4}, {1, 0, 0}), eps = normal_noise({2, 3, 4}, {2, 0, 0});
  const Tensor level = at::tensor(std::vector<float>{0, 0.3F, 0.9F, 1, 0.5F, 0.1F}).view({2, 3});
  for (const char* path : {"flow", "cosine", "linear", "sigmoid"})
    for (const char* prediction : {"x", "v", "eps"}) {
      if (std::string(prediction) == "eps" && std::string(path) != "linear") continue;
      const Diffusion diffusion(config_of(path, prediction));
      const Tensor z = diffusion.noised(x, eps, level);
      const Tensor clean = diffusion.denoised(diffusion.target(x, eps, level), z, level).clean;
      // eps at level 0 is divided by alpha = 0.0064 there: rounding grows 160-fold.
      EXPECT_TRUE(at::allclose(clean, x, 0, 1e-4)) << path << " " << prediction;
    }
}

TEST(Diffusion, EndsArePureNoiseAndPureSignal) {
  const Tensor ends = at::tensor(std::vector<double>{0.0, 1.0});
  DiffusionConfig rescaled = config_of("linear", "v");
  rescaled.zero_terminal_snr = true;
  for (const auto& config : {config_of("flow", "x"), config_of("cosine", "v"), rescaled}) {
    const Diffusion diffusion(config);
    EXPECT_TRUE(at::allclose(diffusion.alpha(ends), ends, 0, 1e-12)) << config.path << ": zero terminal SNR";
    EXPECT_TRUE(at::allclose(diffusion.sigma(ends), 1.0 - ends, 0, 1e-12)) << config.path;
  }
}

TEST(NoiseSchedule, LinearIsThatOfTheDdpmPaper) {
  // prod (1 - beta_i), beta from 1e-4 to 0.02 over 1,000 steps, by hand: the product of the first two terms and, for
  // the last, exp(sum log) = 4.0358e-5 (the value that the paper's code prints).
  const Tensor power = linear_signal_power(1000);
  const double second_beta = 1e-4 + (0.02 - 1e-4) / 999;
  EXPECT_NEAR(power[1].item<double>(), (1 - 1e-4) * (1 - second_beta), 1e-15);
  EXPECT_NEAR(power[999].item<double>(), 4.0358e-5, 1e-9);
  const NoiseSchedule schedule(config_of("linear", "eps"));
  const Tensor level = at::full({1}, 1.0 - 500.0 / 1000.0, at::kDouble);  // index 499
  EXPECT_NEAR(schedule.alpha(level).item<double>(), power[499].sqrt().item<double>(), 1e-12);
}

TEST(NoiseSchedule, RescalingKeepsTheFirstAndEmptiesTheLast) {
  const Tensor power = linear_signal_power(1000), rescaled = with_zero_terminal_snr(power);
  EXPECT_NEAR(rescaled[0].item<double>(), power[0].item<double>(), 1e-12);
  EXPECT_EQ(rescaled[-1].item<double>(), 0.0);
  EXPECT_TRUE((at::diff(rescaled) < 0).all().item<bool>());
}

TEST(NoiseSchedule, AllButFlowKeepTheVariance) {
  const Tensor level = at::linspace(0, 1, 37, at::kDouble);
  for (const char* path : {"cosine", "linear", "sigmoid"}) {
    const NoiseSchedule schedule(config_of(path, "v"));
    EXPECT_TRUE(
        at::allclose(schedule.alpha(level).pow(2) + schedule.sigma(level).pow(2), at::ones_like(level), 0, 1e-12));
    EXPECT_TRUE((at::diff(schedule.alpha(level)) > 0).all().item<bool>()) << path;
  }
}

TEST(Diffusion, MinSnrWeighsTheSameErrorAlikeInEveryParameterisation) {
  // One error of x seen through x, v and eps; the weighted squares must agree, and be min(snr, 5) times x's.
  const Tensor x = normal_noise({1, 5, 8}, {1, 0, 0}), eps = normal_noise({1, 5, 8}, {2, 0, 0});
  const Tensor other = x + 0.1;
  const Tensor level = at::tensor(std::vector<float>{0.2F, 0.4F, 0.6F, 0.8F, 0.95F}).view({1, 5});
  for (const char* prediction : {"x", "v", "eps"}) {
    DiffusionConfig config = config_of("linear", prediction);
    config.weight = "min-snr";
    const Diffusion diffusion(config);
    const Tensor z = diffusion.noised(x, eps, level);
    const Tensor a = beside(diffusion.alpha(level), x), s = beside(diffusion.sigma(level), x);
    const Tensor implied_eps = (z - a * other) / s;
    const Tensor error = diffusion.target(other, implied_eps, level) - diffusion.target(x, eps, level);
    const Tensor weighted = error.pow(2).mean(-1) * diffusion.weight(level);
    const Tensor snr = (diffusion.alpha(level) / diffusion.sigma(level)).pow(2);
    EXPECT_TRUE(at::allclose(weighted, 0.01 * snr.clamp_max(5.0), 1e-3, 1e-6)) << prediction;
  }
}

TEST(Diffusion, AncestralStepKeepsTheMarginals) {
  // z_to = keep z_from + pull x + posterior noise must again be alpha_to x + sigma_to noise.
  const Tensor from = at::tensor(std::vector<double>{0.0, 0.3, 0.7}), to = from + 0.2;
  for (const char* path : {"flow", "cosine", "linear"}) {
    const Diffusion diffusion(config_of(path, "v"));
    const AncestralStep step = diffusion.ancestral(from, to);
    EXPECT_TRUE(at::allclose(step.keep * diffusion.alpha(from) + step.pull, diffusion.alpha(to), 0, 1e-12)) << path;
    EXPECT_TRUE(at::allclose(step.keep.pow(2) * diffusion.sigma(from).pow(2) + step.posterior,
                             diffusion.sigma(to).pow(2), 0, 1e-12))
        << path;
  }
}

TEST(Diffusion, BoundIsLeastAtTheTrueVariance) {
  // With the exact mean, the KL is 0 where the predicted variance is the posterior's (share 0) and grows with it; with
  // a wrong mean the best variance is larger.
  DiffusionConfig config = config_of("linear", "eps");
  config.learned_variance = true;
  const Diffusion diffusion(config);
  const Tensor x = normal_noise({1, 1, 4, 2, 2}, {1, 0, 0}).to(at::kDouble);
  const Tensor eps = normal_noise({1, 1, 4, 2, 2}, {2, 0, 0}).to(at::kDouble);
  const Tensor level = at::full({1, 1}, 0.9, at::kDouble), z = diffusion.noised(x, eps, level);
  const auto bound = [&](const Tensor& answer, double share) {
    const Tensor output = at::cat({answer, at::full_like(answer, 2.0 * share - 1.0)}, 2);
    return diffusion.variational_bound(x, z, output, level).item<double>();
  };
  EXPECT_NEAR(bound(eps, 0.0), 0.0, 1e-9);
  EXPECT_GT(bound(eps, 0.5), bound(eps, 0.1));
  EXPECT_GT(bound(eps + 1.0, 0.0), bound(eps, 0.0));
  // Half the squared distance of the means over the variance, in bits: (pull s / a)^2 / (2 posterior log 2).
  const AncestralStep step = diffusion.ancestral(level, level + 0.001);
  const double shift = (step.pull * diffusion.sigma(level) / diffusion.alpha(level)).item<double>();
  EXPECT_NEAR(bound(eps + 1.0, 0.0), shift * shift / (2 * step.posterior.item<double>() * std::log(2.0)), 1e-9);
}

TEST(Sampler, LearnedVarianceReachesTheStep) {
  // Share 1 draws with the forward variance: what one unit of fresh noise brings about is its root, scaled on by the
  // steps that follow; in a chain of two steps nothing follows but the last answer.
  DiffusionConfig config = config_of("linear", "v");
  config.learned_variance = true;
  const Diffusion diffusion(config);
  const Tensor zero = at::zeros({1, 1, 4}, at::kDouble), one = at::ones({1, 1, 4}, at::kDouble);
  const Tensor half = at::full({1}, 0.5, at::kDouble), start = at::zeros({1}, at::kDouble);
  const auto effect = [&](double share) {
    const auto denoise = [&](const Tensor& z, double level) {
      const Tensor tau = at::full({1, 1}, level, at::kDouble);
      return at::cat({diffusion.target(z, at::zeros_like(z), tau), at::full_like(z, 2.0 * share - 1.0)}, 2);
    };
    const auto fresh = [&](std::int64_t) { return one; };
    const Tensor end = sample(diffusion, "ancestral", zero, 2, denoise, fresh);
    return end.flatten()[0].item<double>();
  };
  const AncestralStep step = diffusion.ancestral(start, half);
  const double a = diffusion.alpha(half).item<double>(), s = diffusion.sigma(half).item<double>();
  const double last = a + s * s;  // x from v = -sigma z: alpha z + sigma^2 z
  EXPECT_NEAR(effect(1.0), last * step.forward.sqrt().item<double>(), 1e-9);
  EXPECT_NEAR(effect(0.0), last * step.posterior.sqrt().item<double>(), 1e-9);
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
