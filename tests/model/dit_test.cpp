#include "model/dit.h"

#include <gtest/gtest.h>

#include <tuple>

#include "model/attention.h"
#include "model/dit_clips.h"
#include "model/fused_ops.h"
#include "model/noise.h"
#include "model/take_over.h"
#include "toys.h"

namespace bitemark::model {
namespace {

constexpr std::int64_t kFrames = 5;

FrameLayout sequence(std::int64_t frames) {
  FrameLayout layout;
  for (std::int64_t t = 0; t < frames; ++t) {
    layout.times.push_back(t);
    layout.order.push_back(t);
  }
  layout.history = frames;
  return layout;
}

DitInput toy_input(const Tensor& z, const Tensor& level, std::int64_t past_frames) {
  DitInput input;
  input.z = z;
  input.level = level;
  Dit::set_past(input, z, level, past_frames, sequence(z.size(1)).times);
  input.controls = normal_noise({z.size(0), z.size(1), 10}, {5, 0, 0});
  input.keep_text = input.keep_controls = at::ones({z.size(0)});
  input.text.tokens = normal_noise({z.size(0), 3, 16}, {6, 0, 0});
  input.text.lengths.assign(static_cast<std::size_t>(z.size(0)), 3);
  input.text.pooled = normal_noise({z.size(0), 16}, {7, 0, 0});
  return input;
}

class DitTest : public testing::Test {
 protected:
  DitTest() : dit(std::make_shared<Dit>(tiny_dit())) {
    randomise(*dit, 9, 0.3);
    z = normal_noise({2, kFrames, 4, 4, 4}, {1, 0, 0});
    level = at::tensor(std::vector<float>{1, 0.9F, 0.8F, 0.7F, 0.4F}).expand({2, kFrames}).contiguous();
  }
  DitInput frame_of(const DitInput& all, std::int64_t t) const {
    DitInput one = all;
    const auto cut = [&](const Tensor& x) { return x.slice(1, t, t + 1); };
    one.z = cut(all.z);
    one.past = cut(all.past);
    one.level = cut(all.level);
    one.past_level = cut(all.past_level);
    one.controls = cut(all.controls);
    if (all.shots.defined()) one.shots = cut(all.shots).slice(0, 0, 1);
    if (all.actions.defined()) one.actions = cut(all.actions);
    return one;
  }
  torch::NoGradGuard no_grad;
  std::shared_ptr<Dit> dit;
  Tensor z, level;
};

TEST_F(DitTest, CachedFramesEqualTheWholeWindow) {
  const DitInput input = toy_input(z, level, 2);
  const Tensor whole = dit->forward(input, sequence(kFrames)).answer;
  KvRing ring(kFrames, 1);
  for (std::int64_t t = 0; t < kFrames; ++t) {
    const DitOutput one = dit->forward(frame_of(input, t), {{t}, {}, 0}, &ring);
    // The same sums in another order: rounding of float32 through 3 blocks, far below 1e-4 at values of order one.
    EXPECT_TRUE(at::allclose(one.answer, whole.slice(1, t, t + 1), 0, 1e-4)) << t;
    ring.push(one.frame, t);
  }
}

TEST_F(DitTest, TargetBesideHistoryEqualsLastFrameOfASequence) {
  // The history 0..3 and the targets 0..4 as training lays them out: the target of time t must answer what it answers
  // at the end of one causal sequence of the frames before it and itself.
  const DitInput all = toy_input(z, level, 2);
  const auto history_first = [](const Tensor& x) { return at::cat({x.slice(1, 0, kFrames - 1), x}, 1); };
  DitInput input = all;
  for (Tensor DitInput::*field :
       {&DitInput::z, &DitInput::past, &DitInput::level, &DitInput::past_level, &DitInput::controls})
    input.*field = history_first(all.*field);
  Clips clips;
  clips.x = z;
  clips.sequence = in_time(kFrames);
  const FrameLayout layout = layout_of(clips);
  const Tensor targets = dit->forward(input, layout).answer.slice(1, first_target(layout));
  for (std::int64_t t = 0; t < kFrames; ++t) {
    DitInput before = all;
    for (Tensor DitInput::*field :
         {&DitInput::z, &DitInput::past, &DitInput::level, &DitInput::past_level, &DitInput::controls})
      before.*field = (all.*field).slice(1, 0, t + 1);
    const Tensor expected = dit->forward(before, sequence(t + 1)).answer.select(1, t);
    EXPECT_TRUE(at::allclose(targets.select(1, t), expected, 0, 1e-4)) << t;
  }
}

TEST_F(DitTest, OneSetOfWeightsForEverySizeShapeAndLength) {
  // Cached and whole at once, on grids that the weights know nothing of; then that position counts on each.
  for (const auto& [rows, columns, frames] :
       {std::tuple{4, 8, 3}, std::tuple{8, 4, 5}, std::tuple{2, 6, 7}, std::tuple{6, 6, 2}}) {
    const Tensor latents = normal_noise({1, frames, 4, rows, columns}, {3, 0, 0});
    const DitInput input = toy_input(latents, at::full({1, frames}, 0.7), 2);
    const Tensor whole = dit->forward(input, sequence(frames)).answer;
    ASSERT_EQ(whole.sizes(), latents.sizes());
    KvRing ring(frames, 1);
    for (std::int64_t t = 0; t < frames; ++t) {
      const DitOutput one = dit->forward(frame_of(input, t), {{t}, {}, 0}, &ring);
      EXPECT_TRUE(at::allclose(one.answer, whole.slice(1, t, t + 1), 0, 1e-4)) << rows << " x " << columns << " " << t;
      ring.push(one.frame, t);
    }
    const DitInput mirrored = toy_input(latents.flip(-1).contiguous(), input.level, 2);
    EXPECT_FALSE(at::allclose(dit->forward(mirrored, sequence(frames)).answer, whole.flip(-1), 0, 1e-2));
  }
}

TEST_F(DitTest, TargetsDoNotSeeEachOther) {
  const DitInput history = toy_input(z, level, 2);
  DitInput input = history;
  const auto twice = [](const Tensor& x) { return at::cat({x, x}, 1); };
  input.z = twice(history.z);
  input.past = twice(history.past);
  input.level = twice(history.level);
  input.past_level = twice(history.past_level);
  input.controls = twice(history.controls);
  FrameLayout layout{{0, 1, 2, 3, 4, 0, 1, 2, 3, 4}, {0, 1, 2, 3, 4, 0, 1, 2, 3, 4}, kFrames};
  const Tensor before = dit->forward(input, layout).answer;
  input.z = input.z.clone();
  input.z.select(1, kFrames + 1).add_(1.0);  // target of time 1
  const Tensor after = dit->forward(input, layout).answer;
  for (std::int64_t f = 0; f < 2 * kFrames; ++f)
    EXPECT_EQ(at::allclose(before.select(1, f), after.select(1, f), 0, 1e-6), f != kFrames + 1) << f;
}

TEST_F(DitTest, LaterFramesDoNotReachBack) {
  DitInput input = toy_input(z, level, 0);
  DitConfig config = tiny_dit();
  config.past_frames = 0;
  Dit causal(config);
  randomise(causal, 4, 0.3);
  const Tensor before = causal.forward(input, sequence(kFrames)).answer;
  input.z = input.z.clone();
  input.z.select(1, 3).add_(1.0);
  const Tensor after = causal.forward(input, sequence(kFrames)).answer;
  EXPECT_TRUE(at::allclose(before.slice(1, 0, 3), after.slice(1, 0, 3), 0, 1e-6));
  EXPECT_FALSE(at::allclose(before.slice(1, 4), after.slice(1, 4), 0, 1e-4));
}

TEST_F(DitTest, WithheldCaptionHasNoInfluence) {
  DitInput input = toy_input(z, level, 2);
  input.keep_text = at::tensor(std::vector<float>{0, 1});
  const Tensor before = dit->forward(input, sequence(kFrames)).answer;
  input.text.tokens = input.text.tokens + 1.0;
  input.text.pooled = input.text.pooled - 1.0;
  const Tensor after = dit->forward(input, sequence(kFrames)).answer;
  EXPECT_TRUE(at::equal(before[0], after[0]));
  EXPECT_FALSE(at::allclose(before[1], after[1], 0, 1e-4));
}

TEST_F(DitTest, StartsAsZero) {
  Dit fresh(tiny_dit());  // adaLN-zero: gates closed, head zero
  EXPECT_EQ(fresh.forward(toy_input(z, level, 2), sequence(kFrames)).answer.abs().max().item<float>(), 0.0F);
}

/// A network that knows orders, strides and registers, with random weights.
std::shared_ptr<Dit> able_dit() {
  DitConfig config = tiny_dit();
  config.orders = config.shortcut = config.local_skip = true;
  config.registers = 3;
  auto dit = std::make_shared<Dit>(config);
  randomise(*dit, 12, 0.3);
  return dit;
}

TEST_F(DitTest, CachedFramesEqualTheWholeWindowInEveryOrder) {
  const auto able = able_dit();
  struct Case {
    std::vector<std::int64_t> times;
    std::int64_t ahead;
    bool backwards;
  };
  for (const Case& c : {Case{{4, 3, 2, 1, 0}, 0, true}, Case{{3, 4, 0, 1, 2}, 2, false}}) {
    FrameLayout layout = sequence(kFrames);
    layout.times = c.times;
    layout.backwards = c.backwards;
    DitInput input = toy_input(z, level, 2);
    Dit::set_past(input, z, level, 2, c.times);
    const Tensor whole = able->forward(input, layout).answer;
    KvRing ring(kFrames, 1);
    for (std::int64_t f = 0; f < kFrames; ++f) {
      const std::int64_t time = c.times[static_cast<std::size_t>(f)];
      const DitOutput one = able->forward(frame_of(input, f), {{time}, {}, 0, c.backwards}, &ring);
      // As for a sequence in the order of time.
      EXPECT_TRUE(at::allclose(one.answer, whole.slice(1, f, f + 1), 0, 1e-4)) << c.backwards << " " << f;
      ring.push(one.frame, time, f < c.ahead);
    }
  }
}

TEST_F(DitTest, WiderLatentsAndSkipsByPlaceBeginAsBefore) {
  DitConfig wider = tiny_dit();
  wider.latent_channels = 6;
  wider.local_skip = wider.shortcut = true;
  Dit later(wider);
  ASSERT_TRUE(take_over(*dit, later));
  const Tensor finer = at::cat({z, normal_noise({2, kFrames, 2, 4, 4}, {8, 0, 0})}, 2);
  const Tensor before = dit->forward(toy_input(z, level, 2), sequence(kFrames)).answer;
  const Tensor after = later.forward(toy_input(finer, level, 2), sequence(kFrames)).answer;
  EXPECT_TRUE(at::allclose(after.slice(2, 0, 4), before, 1e-5, 1e-5));
  // The channels that it did not know are the gated copies alone: of equal frames, copies of them.
  const Tensor equal = finer.slice(1, 0, 1).expand_as(finer).contiguous();
  const Tensor copies = later.forward(toy_input(equal, level, 2), sequence(kFrames)).answer.slice(2, 4);
  const Tensor gate = copies / equal.slice(2, 4);
  EXPECT_TRUE(at::allclose(gate, gate.slice(2, 0, 1).slice(3, 0, 1).slice(4, 0, 1).expand_as(gate), 1e-3, 1e-4));
  EXPECT_GT(copies.abs().max().item<float>(), 1e-3F);
  EXPECT_FALSE(take_over(later, *dit)) << "what is known would be lost";
}

TEST_F(DitTest, SkipsByPlaceReachTheAnswer) {
  DitConfig config = tiny_dit();
  config.local_skip = true;
  Dit local(config);
  ASSERT_TRUE(take_over(*dit, local));
  const DitInput input = toy_input(z, level, 2);
  const Tensor before = local.forward(input, sequence(kFrames)).answer;
  for (auto& parameter : local.named_parameters())
    if (parameter.key() == "local_skip.bias") parameter.value()[0] = 1.0;  // the noisy frame, first place of a patch
  const Tensor added = local.forward(input, sequence(kFrames)).answer - before;
  Tensor expected = at::zeros_like(z);
  expected.slice(3, 0, 4, 2).slice(4, 0, 4, 2).copy_(z.slice(3, 0, 4, 2).slice(4, 0, 4, 2));
  EXPECT_TRUE(at::allclose(added, expected, 1e-5, 1e-5));
}

TEST_F(DitTest, OrderStrideAndTimeReachTheAnswer) {
  const auto able = able_dit();
  DitInput input = toy_input(z, level, 2);
  const auto answer = [&](bool backwards, std::int64_t last, double stride) {
    FrameLayout layout = sequence(kFrames);
    layout.times.back() = last;
    layout.backwards = backwards;
    input.stride = at::full({2, kFrames}, stride);
    return able->forward(input, layout).answer.slice(1, kFrames - 1);
  };
  const Tensor plain = answer(false, 4, 0);
  EXPECT_FALSE(at::allclose(plain, answer(true, 4, 0), 0, 1e-3));
  EXPECT_FALSE(at::allclose(plain, answer(false, 9, 0), 0, 1e-3));
  EXPECT_FALSE(at::allclose(plain, answer(false, 4, 0.5), 0, 1e-3));
}

TEST_F(DitTest, PastIsWhatLiesSideBySideInTime) {
  DitInput input;
  Dit::set_past(input, z, level, 2, {3, 4, 0, 1, 2});
  const auto past = [&](std::int64_t frame, std::int64_t back) {
    return input.past.select(1, frame).slice(1, 4 * (back - 1), 4 * back);
  };
  EXPECT_TRUE(at::equal(past(1, 1), z.select(1, 0)));
  EXPECT_EQ(past(2, 1).abs().max().item<float>(), 0.0F);  // time 0 after time 4
  EXPECT_EQ(past(3, 2).abs().max().item<float>(), 0.0F);
  EXPECT_TRUE(at::equal(past(4, 2), z.select(1, 2)));
  EXPECT_EQ(input.past_level[0][2].item<float>(), 0.0F);
  EXPECT_EQ(input.past_level[0][3].item<float>(), level[0][2].item<float>());
}

TEST_F(DitTest, ThreadsOfAFrameChangeNoBit) {
  DitConfig config = tiny_dit();
  config.registers = 1;  // 5 tokens a frame do not divide evenly
  Dit shared(config), alone(config);
  randomise(shared, 9, 0.3);
  randomise(alone, 9, 0.3);
  const DitInput input = toy_input(z.slice(0, 0, 1), level.slice(0, 0, 1), 2);
  for (const int threads : {2, 3, 7}) {
    shared.set_frame_threads(threads);
    KvRing ring(4, 1), other(4, 1);
    for (std::int64_t t = 0; t < kFrames; ++t) {
      const DitOutput one = shared.forward(frame_of(input, t), {{t}, {}, 0}, &ring),
                      two = alone.forward(frame_of(input, t), {{t}, {}, 0}, &other);
      EXPECT_TRUE(at::equal(one.answer, two.answer)) << threads << " " << t;
      EXPECT_TRUE(at::equal(one.middle, two.middle));
      ASSERT_EQ(one.frame.size(), two.frame.size());
      for (std::size_t b = 0; b < one.frame.size(); ++b) {
        EXPECT_TRUE(at::equal(one.frame[b].key, two.frame[b].key));
        EXPECT_TRUE(at::equal(one.frame[b].value, two.frame[b].value));
      }
      ring.push(one.frame, t);
      other.push(two.frame, t);
    }
  }
}

/// Knows cuts, actions and labels.
std::shared_ptr<Dit> told_dit() {
  DitConfig config = tiny_dit();
  config.actions = 25;
  config.shots = 3;
  config.labels = {"slide", "drop"};
  auto dit = std::make_shared<Dit>(config);
  randomise(*dit, 9, 0.3);
  return dit;
}

Tensor shots_of(const std::vector<std::int64_t>& shots) {
  return at::tensor(at::ArrayRef<std::int64_t>(shots)).unsqueeze(0).expand({2, kFrames}).contiguous();
}

TEST_F(DitTest, CachedFramesEqualTheWholeWindowAcrossACut) {
  const auto told = told_dit();
  DitInput input = toy_input(z, level, 2);
  input.shots = shots_of({0, 0, 1, 1, 2});
  input.actions = normal_noise({2, kFrames, 25}, {8, 0, 0});
  input.keep_actions = at::ones({2});
  Dit::set_past(input, z, level, 2, sequence(kFrames).times, input.shots);
  EXPECT_EQ(input.past.select(1, 2).abs().max().item<float>(), 0.0F);  // nothing before the cut
  EXPECT_EQ(input.past_level[1][4].item<float>(), 0.0F);
  const Tensor whole = told->forward(input, sequence(kFrames)).answer;
  KvRing ring(kFrames, 1);
  for (std::int64_t t = 0; t < kFrames; ++t) {
    const DitOutput one = told->forward(frame_of(input, t), {{t}, {}, 0}, &ring);
    EXPECT_TRUE(at::allclose(one.answer, whole.slice(1, t, t + 1), 0, 1e-4)) << t;
    ring.push(one.frame, t, false, input.shots[0][t].item<std::int64_t>());
  }
}

TEST_F(DitTest, EachClipHasItsOwnCuts) {
  const auto told = told_dit();
  DitInput input = toy_input(z, level, 2);
  input.shots = at::cat({shots_of({0, 0, 0, 1, 1}).slice(0, 0, 1), shots_of({0, 1, 1, 1, 2}).slice(0, 0, 1)});
  Dit::set_past(input, z, level, 2, sequence(kFrames).times, input.shots);
  const Tensor both = told->forward(input, sequence(kFrames)).answer;
  for (std::int64_t b = 0; b < 2; ++b) {
    DitInput one = input;
    for (Tensor* part : {&one.z, &one.past, &one.level, &one.past_level, &one.controls, &one.shots, &one.keep_text,
                         &one.keep_controls, &one.text.tokens, &one.text.pooled})
      *part = part->slice(0, b, b + 1);
    one.text.lengths.resize(1);
    EXPECT_TRUE(at::allclose(told->forward(one, sequence(kFrames)).answer, both.slice(0, b, b + 1), 0, 1e-4)) << b;
  }
}

TEST_F(DitTest, ActionsShotsAndLabelsReachTheAnswer) {
  const auto told = told_dit();
  DitInput input = toy_input(z, level, 2);
  const auto answer = [&] { return told->forward(input, sequence(kFrames)).answer; };
  const Tensor plain = answer();
  input.shots = at::zeros({2, kFrames}, at::kLong);
  input.label = at::full({2}, -1, at::kLong);
  input.actions = normal_noise({2, kFrames, 25}, {8, 0, 0});
  input.keep_actions = at::zeros({2});
  EXPECT_TRUE(at::equal(plain, answer()));  // the same, said at length
  input.keep_actions = at::ones({2});
  const Tensor played = answer();
  EXPECT_FALSE(at::allclose(plain, played, 0, 1e-3));
  input.label = at::tensor(std::vector<std::int64_t>{-1, 1});
  const Tensor labelled = answer();
  EXPECT_TRUE(at::equal(labelled[0], played[0]));
  EXPECT_FALSE(at::allclose(labelled[1], played[1], 0, 1e-3));
  input.shots = shots_of({0, 0, 0, 0, 1});
  EXPECT_FALSE(at::allclose(labelled.select(1, 4), answer().select(1, 4), 0, 1e-3));
}

// q k depends on the distance only: turning both by the same shift changes nothing.
TEST(Rope, DependsOnDistance) {
  const Tensor q = normal_noise({1, 4, 1, 24}, {1, 0, 0}), k = normal_noise({1, 4, 1, 24}, {2, 0, 0});
  const auto product = [&](std::int64_t tq, std::int64_t tk) {
    const Tensor a = rotate(q, rope_table({tq}, 2, 2, 24, torch::kCPU)),
                 b = rotate(k, rope_table({tk}, 2, 2, 24, torch::kCPU));
    return (a * b).sum(-1);
  };
  EXPECT_TRUE(at::allclose(product(0, 3), product(7, 10), 0, 1e-4));  // float32 sines of angles up to 10 rad
  EXPECT_FALSE(at::allclose(product(0, 3), product(0, 4), 0, 1e-3));
}

}  // namespace
}  // namespace bitemark::model
