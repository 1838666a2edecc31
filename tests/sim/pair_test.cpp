// Matched pairs: cause, effect, and a change without effect.
#include "sim/pair.h"

#include <gmock/gmock.h>

#include "base/error.h"
#include "sim/scenarios.h"

namespace bitemark {
namespace {

Episode variant_of(const char* scenario, const char* variant, int take = 0) {
  RenderOptions options = small_options();
  options.truth = options.visibility = false;
  options.variant = variant;
  return render_episode(shipped(scenario), "test", take, options);
}

class Pairs : public testing::TestWithParam<const char*> {};

TEST_P(Pairs, WithIsTheTakeItself) {
  RenderOptions options = small_options();
  options.truth = options.visibility = false;
  const Episode plain = render_episode(shipped(GetParam()), "test", 0, options);
  EXPECT_EQ(digest_of(plain.clip), digest_of(variant_of(GetParam(), "with").clip));
}

TEST_P(Pairs, FuturesPartAfterTheContextAndNotBeforeTheCause) {
  const Episode with = variant_of(GetParam(), "with"), without = variant_of(GetParam(), "without");
  const Json& pair = with.info.pair;
  EXPECT_EQ(pair["divergence_m"].size(), with.clip.size());
  double farthest = 0, light = 0;
  for (const Json& apart : pair["divergence_m"]) farthest = std::max(farthest, apart.get<double>());
  for (const Json& apart : pair["divergence_light"]) light = std::max(light, apart.get<double>());
  EXPECT_TRUE(farthest > 0.2 || light > 0.5) << "the cause has an effect worth seeing";
  EXPECT_EQ(without.info.pair["divergence_m"], pair["divergence_m"]) << "the same distance from both sides";
  EXPECT_EQ(without.info.pair["first_frame"], pair["first_frame"]);
  EXPECT_GE(pair["first_frame"].get<int>(), with.info.context_frames) << "what the context shows does not tell";
}

TEST_P(Pairs, NullPairDiffersInPixelsAndNotInStates) {
  const Episode with = variant_of(GetParam(), "with"), null = variant_of(GetParam(), "null");
  EXPECT_EQ(null.info.pair["first_frame"], -1);
  EXPECT_NE(digest_of(with.clip), digest_of(null.clip)) << "it does differ";
}

INSTANTIATE_TEST_SUITE_P(All, Pairs,
                         testing::Values("blocked-path", "pushed-ball", "missing-domino", "button-lamp", "dominoes",
                                         "tower-knocked-over"),
                         [](const auto& test) {
                           std::string name = test.param;
                           std::replace(name.begin(), name.end(), '-', '_');
                           return name;
                         });

TEST(Pair, OthersHaveNone) {
  EXPECT_THROW(variant_of("bounce", "without"), InputError);
  EXPECT_THROW(variant_of("blocked-path", "sideways"), InputError);
}

}  // namespace
}  // namespace bitemark
