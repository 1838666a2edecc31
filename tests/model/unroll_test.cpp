#include "model/unroll.h"

#include <gtest/gtest.h>

#include <cmath>
#include <map>

#include "model/history_stream.h"
#include "model/noise.h"
#include "toys.h"

namespace bitemark::model {
namespace {

constexpr std::int64_t kClips = 2, kFrames = 6;

class Unrolled : public testing::Test {
 protected:
  Unrolled() : dit(tiny_dit()), diffusion(DiffusionConfig{}) {
    randomise(dit, 9, 0.2);
    clips.x = normal_noise({kClips, kFrames, 4, 4, 4}, {1, 0, 0});
    clips.motion = at::ones({kClips, kFrames, 1, 4, 4});
    clips.controls = normal_noise({kClips, kFrames, 10}, {2, 0, 0});
    clips.sequence = in_time(kFrames);
    clips.captions = {"a", "b"};
    noise = {normal_noise(clips.x.sizes(), {3, 0, 0}), normal_noise(clips.x.sizes(), {6, 0, 0})};
    conditions.text.tokens = normal_noise({kClips, 3, 16}, {4, 0, 0});
    conditions.text.lengths = {3, 2};
    conditions.text.pooled = normal_noise({kClips, 16}, {5, 0, 0});
    conditions.keep_text = conditions.keep_controls = at::ones({kClips});
    rollout.steps = 2;
    rollout.window = 8;
    rollout.temperature = 0.5;
  }
  Tensor roll_out(const Stretch& stretch) { return unroll(dit, diffusion, rollout, conditions, clips, stretch, noise); }
  Dit dit;
  Diffusion diffusion;
  RolloutConfig rollout;
  DitInput conditions;
  Clips clips;
  UnrollNoise noise;
};

TEST_F(Unrolled, ManyClipsWithGradientsAreEachWithoutByAnotherPath) {
  rollout.history_level = 0.8;
  const Stretch stretch{2, 4};
  const Tensor together = roll_out(stretch);
  ASSERT_TRUE(together.requires_grad());
  const torch::NoGradGuard no_grad;  // one clip without gradients goes through a BlocksPass and a KvRing's own buffers
  const Clips all = clips;
  const UnrollNoise all_noise = noise;
  const DitInput told = conditions;
  for (std::int64_t b = 0; b < kClips; ++b) {
    const auto row = [b](const Tensor& t) { return t.slice(0, b, b + 1); };
    clips.x = row(all.x);
    clips.controls = row(all.controls);
    noise = {row(all_noise.start), row(all_noise.history)};
    conditions.text = {row(told.text.tokens), {told.text.lengths[static_cast<std::size_t>(b)]}, row(told.text.pooled)};
    conditions.keep_text = conditions.keep_controls = at::ones({1});
    // Rounding of float32 through eight passes of three blocks.
    EXPECT_TRUE(at::allclose(roll_out(stretch), row(together), 1e-4, 1e-4)) << b;
  }
}

/// Without our kernels, as on an accelerator: in another precision, which is LibTorch's own operations all through.
TEST_F(Unrolled, LibTorchsOwnOperationsGiveTheSameAndTheSameGradients) {
  clips.x.set_requires_grad(true);
  const auto outcome = [&] {
    const Tensor made = roll_out({2, 4});
    return std::pair(made, torch::autograd::grad({made.pow(2).sum()}, {clips.x}).front());
  };
  const auto [ours, our_gradient] = outcome();
  dit.to(at::kDouble);
  for (Tensor* each : {&clips.x, &clips.controls, &noise.start, &noise.history, &conditions.text.tokens,
                       &conditions.text.pooled, &conditions.keep_text, &conditions.keep_controls})
    *each = each->detach().to(at::kDouble);
  clips.x.set_requires_grad(true);
  const auto [plain, plain_gradient] = outcome();
  ASSERT_EQ(plain.scalar_type(), at::kDouble);
  EXPECT_TRUE(at::allclose(ours.to(at::kDouble), plain, 1e-4, 1e-4));  // rounding, as above
  EXPECT_LT((our_gradient - plain_gradient).norm().item<double>(), 1e-4 * plain_gradient.norm().item<double>());
}

TEST_F(Unrolled, NoLatentAfterThoseGivenIsLookedAt) {
  const Tensor before = roll_out({3, 3});
  clips.x = clips.x.clone();
  clips.x.slice(1, 3).add_(1.0);
  EXPECT_TRUE(at::equal(roll_out({3, 3}), before));
  clips.x.slice(1, 2, 3).add_(1.0);
  EXPECT_FALSE(at::allclose(roll_out({3, 3}), before, 0, 1e-3));
}

/// What is made is noised for the frames after it as far as it is said to be, and not at all at level 1.
TEST_F(Unrolled, HistoryHasTheNoiseOfItsLevel) {
  const Tensor exact = roll_out({2, 4});
  rollout.history_level = 0.8;
  const Tensor before = roll_out({2, 4});
  EXPECT_TRUE(at::equal(exact.slice(1, 0, 1), before.slice(1, 0, 1)));
  noise.history = -noise.history;
  const Tensor after = roll_out({2, 4});
  EXPECT_TRUE(at::equal(after.slice(1, 0, 1), before.slice(1, 0, 1)));
  EXPECT_FALSE(at::allclose(after.slice(1, 1), before.slice(1, 1), 0, 1e-3));
  rollout.history_level = 1.0;
  EXPECT_TRUE(at::equal(roll_out({2, 4}), exact));
}

TEST_F(Unrolled, ErrorIsTheMeanOfEachRolloutsRoot) {
  const Stretch stretch{2, 4};
  Tensor made = clips.x.slice(1, 2).clone();
  made[0].add_(3.0);
  made[1].slice(0, 0, 1).add_(2.0);  // in one of its four frames

  // What is added below the root, 1e-4, moves a root of 1 by half of that.
  EXPECT_NEAR(unrolled_error(made, clips, stretch).item<double>(), (3.0 + 1.0) / 2, 1e-4);
  clips.motion.select(1, 2).fill_(4.0);  // the first frame made

  EXPECT_NEAR(unrolled_error(made, clips, stretch).item<double>(), (std::sqrt(9.0 * 7 / 4) + std::sqrt(16.0 / 4)) / 2,
              1e-4);
}

/// A world in which all goes on at its own speed, which two given frames tell. Each step sees other clips.
TEST_F(Unrolled, LearningFromItFindsHowClipsGoOn) {
  randomise(dit, 9, 0.02);
  const Stretch stretch{2, 4};
  const auto draw = [&](std::uint32_t number) {
    clips.x = normal_noise(clips.x.sizes(), {1, number, 0});
    const Tensor speed = 0.3 * normal_noise({kClips, 4, 4, 4}, {7, number, 0});
    for (std::int64_t t = 1; t < kFrames; ++t) clips.x.select(1, t).copy_(clips.x.select(1, t - 1) + speed);
  };
  const auto error = [&] { return unrolled_error(roll_out(stretch), clips, stretch); };
  torch::optim::Adam optimiser(dit.parameters(), 0.01);
  for (std::uint32_t step = 1; step <= 150; ++step) {
    draw(step);
    optimiser.zero_grad();
    error().backward();
    optimiser.step();
  }
  draw(0);
  const double held = unrolled_error(clips.x.slice(1, 1, 2).expand({-1, 4, -1, -1, -1}), clips, stretch).item<double>();
  EXPECT_LT(error().item<double>(), 0.5 * held);  // holding still; 0.17 of it was seen
}

/// The error of the last frame alone: what leads there are the frames made before it.
TEST_F(Unrolled, GradientIsTheDifferenceThatWeightsMake) {
  const auto error = [&] { return (roll_out({2, 4}) - clips.x.slice(1, 2)).slice(1, 3).pow(2).mean(); };
  std::vector<Tensor> weights, directions;
  for (const auto& named : dit.named_parameters()) {
    weights.push_back(named.value());
    directions.push_back(normal_noise(named.value().sizes(), {seed_from_text(named.key()), 0, 0}));
  }
  const auto gradients = torch::autograd::grad({error()}, weights, {}, c10::nullopt, false, true);
  double slope = 0;
  for (std::size_t i = 0; i < weights.size(); ++i)
    if (gradients[i].defined()) slope += (gradients[i] * directions[i]).sum().item<double>();
  const torch::NoGradGuard no_grad;
  const auto error_at = [&](double step) {
    for (std::size_t i = 0; i < weights.size(); ++i) weights[i].add_(directions[i], step);
    const double result = error().item<double>();
    for (std::size_t i = 0; i < weights.size(); ++i) weights[i].sub_(directions[i], step);
    return result;
  };
  // Central differences of float32: rounding, 1e-6 of the error over the step, and curvature, of the order of the step
  // squared, are both below 1 % here.
  constexpr double kStep = 1e-3;
  const double difference = (error_at(kStep) - error_at(-kStep)) / (2 * kStep);
  ASSERT_GT(std::abs(difference), 0.01);
  EXPECT_NEAR(slope / difference, 1.0, 0.02);
}

/// Whether what is asked of the last frame reaches a frame that was given, through `made` frames in between and nothing
/// else: the window keeps no more than the frame before.
TEST_F(Unrolled, GradientReachesThroughFramesThatWereMade) {
  rollout.window = 2;
  rollout.sinks = 0;
  clips.x.set_requires_grad(true);
  const Tensor last = roll_out({1, 5}).slice(1, 4);
  const Tensor gradient = torch::autograd::grad({last.pow(2).sum()}, {clips.x}).front();
  EXPECT_GT(gradient.select(1, 0).abs().max().item<float>(), 0.0F);
  EXPECT_EQ(gradient.slice(1, 1).abs().max().item<float>(), 0.0F);
}

TEST(Stretch, HalfIsGivenAtMostAndNoMoreMadeThanAsked) {
  Pcg32 random(5, 1);
  std::map<std::int64_t, int> given;
  for (int i = 0; i < 2000; ++i) {
    const Stretch drawn = draw_stretch(8, 5, random);
    ++given[drawn.given];
    EXPECT_EQ(drawn.made, std::min<std::int64_t>(5, 8 - drawn.given));
  }
  ASSERT_EQ(given.size(), 4U);  // 1 to 4, each in a quarter: standard deviation 19; five of them
  for (const auto& [frames, count] : given) EXPECT_NEAR(count, 500, 97) << frames;
  const Stretch shortest = draw_stretch(2, 12, random);
  EXPECT_EQ(shortest.given, 1);
  EXPECT_EQ(shortest.made, 1);
}

TEST_F(Unrolled, ClipsWithACutAreLeftOut) {
  clips.shots = at::zeros({kClips, kFrames}, at::kLong);
  EXPECT_TRUE(at::equal(without_cuts(clips).x, clips.x));
  clips.shots[0].slice(0, 4).fill_(1);
  clips.label = at::tensor(std::vector<std::int64_t>{7, 8});
  const Clips kept = without_cuts(clips);
  EXPECT_TRUE(at::equal(kept.x, clips.x.slice(0, 1)));
  EXPECT_TRUE(at::equal(kept.motion, clips.motion.slice(0, 1)));
  EXPECT_TRUE(at::equal(kept.controls, clips.controls.slice(0, 1)));
  EXPECT_EQ(kept.label.item<std::int64_t>(), 8);
  EXPECT_EQ(kept.captions, std::vector<std::string>{"b"});
  clips.shots[1].fill_(2);  // one shot, but not the first: its number says that there was a cut
  EXPECT_TRUE(without_cuts(clips).captions.empty());
}

}  // namespace
}  // namespace bitemark::model
