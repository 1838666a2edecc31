// The denoising error on held-out takes against closed forms and against the streaming form of the same network.
#include "model/held_out.h"

#include <gmock/gmock.h>

#include <cmath>

#include "base/error.h"
#include "model/commands.h"
#include "model/generator.h"
#include "model/noise.h"
#include "model/weights.h"
#include "toys.h"

namespace bitemark::model {
namespace {

using testing::HasSubstr;
using testing::ThrowsMessage;

HeldOutTake random_take(const DitConfig& config, std::int64_t frames) {
  HeldOutTake take;
  take.shots = at::zeros({1, frames}, at::kLong);
  take.scenario = "slide";
  take.name = "slide-000/7/0";
  take.latents = normal_noise({1, frames, config.latent_channels, 4, 4}, {3, 0, 0});
  take.controls = normal_noise({1, frames, config.controls}, {3, 1, 0});
  take.text.tokens = normal_noise({1, 5, config.text_width}, {3, 2, 0});
  take.text.lengths = {5};
  take.text.pooled = normal_noise({1, config.text_width}, {3, 3, 0});
  return take;
}

TEST(HeldOut, ANetworkThatAnswersZeroErrsByTheDataItself) {
  // Every last layer starts at zero, so an untrained network answers zero; by x-prediction that is the clean frame.
  Dit dit(tiny_dit());
  const HeldOutTake take = random_take(dit.config(), 5);
  const double expected = take.latents.slice(1, 1).to(at::kDouble).pow(2).mean().item<double>();
  for (const double error : denoising_error(dit, Diffusion(DiffusionConfig{}), take))
    EXPECT_NEAR(error, expected, 1e-9);
}

TEST(HeldOut, AgreesWithTheStreamThatARolloutUses) {
  const torch::NoGradGuard no_grad;
  Dit dit(tiny_dit());
  randomise(dit, 4);
  const Diffusion diffusion(DiffusionConfig{});
  const HeldOutTake take = random_take(dit.config(), 5);
  const auto errors = denoising_error(dit, diffusion, take);
  for (const std::size_t k : {0U, 4U, 8U}) {
    const double level = held_out_levels()[k];
    const Tensor noise =
        normal_noise(take.latents.sizes(), {seed_from_text(take.name), static_cast<std::uint32_t>(k), 0});
    DitInput conditions;
    conditions.text = take.text;
    conditions.keep_text = conditions.keep_controls = at::ones({1});
    RolloutConfig rollout;
    rollout.window = 64;
    HistoryStream stream(dit, rollout, conditions);
    double sum = 0;
    for (std::int64_t t = 0; t < 5; ++t) {
      stream.move_to(t, {take.controls.slice(1, t, t + 1), {}, 0});
      const Tensor x = take.latents.slice(1, t, t + 1), eps = noise.slice(1, t, t + 1);
      const Tensor answer = stream.answer(level * x + (1 - level) * eps, level);  // the flow path, by its definition
      if (t > 0) sum += (answer - x).pow(2).mean().item<double>() / 4;
      stream.append(x, 1.0);
    }
    EXPECT_NEAR(errors[k], sum, 1e-4 * sum) << level;
  }
}

TEST(HeldOut, StandardErrorOfAKnownSample) {
  // 1, 2, 3, 4: mean 2.5, sample variance 5/3.
  const MeanAndError result = mean_and_error({1, 2, 3, 4});
  EXPECT_DOUBLE_EQ(result.mean, 2.5);
  EXPECT_NEAR(result.error, std::sqrt(5.0 / 3.0 / 4.0), 1e-15);
  EXPECT_EQ(mean_and_error({7}).error, 0.0);
}

class HeldOutTakes : public testing::Test {
 protected:
  void SetUp() override {
    data = fresh_folder("data");
    write_toy_shards(data);
  }
  std::filesystem::path data;
};

TEST_F(HeldOutTakes, AreTheLastOnesOfEachScenario) {
  const ClipSource source({data}, {});
  const auto windows = source.last_windows(3, 8);
  ASSERT_EQ(windows.size(), 6U);
  for (std::size_t i = 0; i < windows.size(); ++i) {
    EXPECT_EQ(windows[i].shard, i / 3);
    EXPECT_EQ(windows[i].row, 5 + static_cast<std::int64_t>(i % 3));  // of 8
    EXPECT_LE(windows[i].start, 20 - 8);
  }
  EXPECT_EQ(source.last_windows(3, 20).front().start, 0);
  EXPECT_THAT([&] { source.last_windows(3, 21); }, ThrowsMessage<InputError>(HasSubstr("21")));
}

TEST_F(HeldOutTakes, CommandWritesWhatItMeasures) {
  EvaluateDitOptions options;
  options.checkpoint = fresh_folder("checkpoint");
  write_toy_checkpoint(options.checkpoint);
  options.data = data;
  options.takes = 2;
  options.window = 6;
  options.threads = 1;
  options.out = fresh_folder("out") / "one.json";
  evaluate_dit(options);
  const Json one = load_json(options.out);
  EXPECT_EQ(one.at("takes").size(), 4U);
  EXPECT_EQ(one.at("takes")[0].at("mse").size(), 9U);
  options.out = fresh_folder("out2") / "two.json";
  options.threads = 2;
  evaluate_dit(options);
  EXPECT_EQ(load_json(options.out), one);
  options.scenario = "drop";
  evaluate_dit(options);
  EXPECT_EQ(load_json(options.out).at("takes").size(), 2U);
  options.scenario = "dropp";
  EXPECT_THAT([&] { evaluate_dit(options); }, ThrowsMessage<InputError>(HasSubstr("slide, drop")));
}

}  // namespace
}  // namespace bitemark::model
