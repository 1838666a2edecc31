// Named sizes, and every patch size on a small network.
#include <gmock/gmock.h>

#include "base/error.h"
#include "model/config.h"
#include "model/dit.h"
#include "model/noise.h"
#include "model/weights.h"
#include "toys.h"

namespace bitemark::model {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::ThrowsMessage;

DitConfig sized(const Json& json) { return dit_config(json, "recipe.json", "/model"); }

TEST(Sizes, NamesStandForWidthDepthAndHeads) {
  const DitConfig xl = sized({{"size", "XL"}});
  EXPECT_EQ(xl.width, 1152);
  EXPECT_EQ(xl.depth, 28);
  EXPECT_EQ(xl.heads, 16);
  const DitConfig own = sized({{"size", "small"}, {"depth", 3}, {"patch", 1}});
  EXPECT_EQ(own.width, 256);
  EXPECT_EQ(own.depth, 3);
  EXPECT_EQ(own.patch, 1);
  for (const char* name : {"nano", "small", "mid", "base", "XL"}) EXPECT_NO_THROW(sized({{"size", name}})) << name;
  EXPECT_FALSE(to_json(own).contains("size")) << "a checkpoint says the numbers";
  EXPECT_THAT(
      [] {
        sized({{"size", "huge"}});
      },
      ThrowsMessage<InputError>(AllOf(HasSubstr("/model/size"), HasSubstr("nano, small, mid, base, XL"))));
}

TEST(Sizes, MidHasTheTransformerOfDitS) {
  // DiT-S: 12 blocks of 384; a block's own matrices are 12 d^2 there (here SwiGLU's three in place of two), 21 million.
  const DitConfig mid = sized({{"size", "mid"}});
  EXPECT_NEAR(12.0 * static_cast<double>(mid.depth * mid.width * mid.width), 21.2e6, 0.1e6);
}

class Patches : public testing::TestWithParam<std::int64_t> {};

TEST_P(Patches, AnswerHasTheShapeOfTheLatents) {
  DitConfig config = tiny_dit();
  config.patch = GetParam();
  Dit dit(config);
  randomise(dit, 1);
  DitInput input;
  input.z = normal_noise({2, 3, config.latent_channels, 4, 8}, {1, 0, 0});
  input.level = at::full({2, 3}, 0.5);
  Dit::set_past(input, input.z, input.level, config.past_frames, {0, 1, 2});
  input.controls = at::zeros({2, 3, config.controls});
  input.keep_text = input.keep_controls = at::ones({2});
  input.text.tokens = at::zeros({2, 4, config.text_width});
  input.text.lengths = {4, 2};
  input.text.pooled = at::zeros({2, config.text_width});
  const DitOutput output = dit.forward(input, {{0, 1, 2}, {0, 1, 2}, 3});
  EXPECT_EQ(output.answer.sizes(), input.z.sizes());
  EXPECT_EQ(output.middle.size(2), 4 * 8 / (config.patch * config.patch));
  EXPECT_GT(output.answer.std().item<double>(), 0);
}
INSTANTIATE_TEST_SUITE_P(Sizes, Patches, testing::Values(1, 2, 4),
                         [](const auto& value) { return std::to_string(value.param); });

}  // namespace
}  // namespace bitemark::model
