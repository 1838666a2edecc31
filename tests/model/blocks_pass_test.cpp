#include "model/blocks_pass.h"

#include <gtest/gtest.h>

#include "model/dit.h"
#include "model/noise.h"
#include "toys.h"

namespace bitemark::model {
namespace {

constexpr std::int64_t kFrames = 6;

struct NetworkCase {
  const char* name;
  void (*change)(DitConfig& config);
};

class BlocksPassTest : public testing::TestWithParam<NetworkCase> {
 protected:
  void SetUp() override {
    config.latent_channels = 4;
    config.width = 48;
    config.depth = 4;
    config.heads = 3;  // for two threads not equally many
    config.patch = 1;
    config.text_width = 16;
    config.text_every = 2;
    GetParam().change(config);
    dit = std::make_shared<Dit>(config);
    randomise(*dit, 9, 0.2);
    for (std::int64_t t = 0; t < kFrames; ++t) frames.push_back(frame(t));
  }

  DitInput frame(std::int64_t t) const {
    const auto draw = [&](const std::vector<std::int64_t>& shape, std::uint32_t purpose) {
      return normal_noise(shape, {4, static_cast<std::uint32_t>(t), purpose});
    };
    DitInput input;
    input.z = draw({1, 1, 4, 4, 6}, 1);
    input.past = draw({1, 1, 4 * config.past_frames, 4, 6}, 2);
    input.level = at::full({1, 1}, 0.1 * static_cast<double>(t));
    input.past_level = at::full({1, 1}, 1.0);
    input.controls = draw({1, 1, config.controls}, 3);
    input.keep_controls = input.keep_text = input.keep_actions = at::ones({1});
    input.text = {text, {5}, pooled};
    return input;
  }

  /// All frames one after another. `remembers`: with what was made for the frames before.
  std::vector<DitOutput> roll(int threads, bool remembers) {
    dit->set_frame_threads(threads);
    KvRing ring(4, 1);
    FrameCache cache;
    std::vector<DitOutput> outputs;
    for (std::int64_t t = 0; t < kFrames; ++t) {
      outputs.push_back(
          dit->forward(frames[static_cast<std::size_t>(t)], {{t}, {}, 0}, &ring, remembers ? &cache : nullptr));
      ring.push(outputs.back().frame, t);
    }
    return outputs;
  }

  /// Float32's rounding (6e-8) of some hundred numbers a sum, in another order, in four blocks one after another.
  static void expect_near(const Tensor& a, const Tensor& b) {
    EXPECT_LT(((a - b).abs().max() / b.abs().max()).item<double>(), 3e-5);
  }

  static void expect_equal(const std::vector<DitOutput>& a, const std::vector<DitOutput>& b) {
    for (std::size_t t = 0; t < a.size(); ++t) {
      EXPECT_TRUE(at::equal(a[t].answer, b[t].answer)) << t;
      ASSERT_EQ(a[t].frame.size(), b[t].frame.size());
      for (std::size_t i = 0; i < a[t].frame.size(); ++i) {
        EXPECT_TRUE(at::equal(a[t].frame[i].key, b[t].frame[i].key)) << t;
        EXPECT_TRUE(at::equal(a[t].frame[i].value, b[t].frame[i].value)) << t;
      }
    }
  }

  DitConfig config;
  Tensor text = normal_noise({1, 7, 16}, {5, 0, 0}), pooled = normal_noise({1, 16}, {6, 0, 0});
  std::shared_ptr<Dit> dit;
  std::vector<DitInput> frames;
};

TEST_P(BlocksPassTest, EqualsTheBlocks) {
  const std::vector<DitOutput> blocks = roll(1, false);  // which keep gradients: a BlocksPass does not
  ASSERT_TRUE(blocks.front().answer.requires_grad());
  const torch::NoGradGuard no_grad;
  const std::vector<DitOutput> pass = roll(2, true);
  for (std::size_t t = 0; t < kFrames; ++t) {
    expect_near(pass[t].answer, blocks[t].answer);
    ASSERT_EQ(pass[t].frame.size(), blocks[t].frame.size());
    for (std::size_t i = 0; i < pass[t].frame.size(); ++i) {
      expect_near(pass[t].frame[i].key, blocks[t].frame[i].key);
      expect_near(pass[t].frame[i].value, blocks[t].frame[i].value);
    }
  }
}

TEST_P(BlocksPassTest, NeitherThreadsNorWhatIsRememberedChangeABit) {
  const torch::NoGradGuard no_grad;
  const std::vector<DitOutput> one = roll(1, false);
  expect_equal(roll(1, true), one);
  for (const int threads : {2, 3, 7}) expect_equal(roll(threads, true), one);
}

TEST_P(BlocksPassTest, WhatIsToldAnewIsNotRemembered) {
  const torch::NoGradGuard no_grad;
  const Tensor before = roll(1, true).back().answer;
  text = normal_noise({1, 7, 16}, {7, 0, 0});
  frames.back().text.tokens = text;  // the last frame alone has another caption
  EXPECT_FALSE(at::allclose(roll(1, true).back().answer, before, 0, 1e-3));
  expect_equal(roll(1, true), roll(1, false));
  frames.back().keep_text = at::zeros({1});
  expect_equal(roll(1, true), roll(1, false));
  frames.back().controls = frames.back().controls + 1.0;
  expect_equal(roll(1, true), roll(1, false));
}

INSTANTIATE_TEST_SUITE_P(Networks, BlocksPassTest,
                         testing::Values(NetworkCase{"Plain", [](DitConfig&) {}},
                                         NetworkCase{"WithoutNorms", [](DitConfig& c) { c.qk_norm = false; }},
                                         NetworkCase{"Registers", [](DitConfig& c) { c.registers = 3; }},
                                         NetworkCase{"LocalSkips", [](DitConfig& c) { c.local_skip = true; }},
                                         NetworkCase{"Wide", [](DitConfig& c) { c.width = 120; }},
                                         NetworkCase{"Split", [](DitConfig& c) { c.width = 96; }}),
                         [](const auto& test) { return std::string(test.param.name); });

}  // namespace
}  // namespace bitemark::model
