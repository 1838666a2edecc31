#include "model/dit_clips.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>

namespace bitemark::model {
namespace {

using Times = std::vector<std::int64_t>;

TEST(Sequence, KindsComeAsOftenAsAsked) {
  Pcg32 random(3, 1);
  std::map<std::string, int> seen;
  constexpr int kDraws = 4000;
  for (int i = 0; i < kDraws; ++i) {
    const Sequence drawn = draw_sequence(0.2, 0.3, 8, random);
    Times sorted = drawn.times;
    std::sort(sorted.begin(), sorted.end());
    ASSERT_EQ(sorted, in_time(8).times);
    if (drawn.backwards) {
      EXPECT_EQ(drawn.times, (Times{7, 6, 5, 4, 3, 2, 1, 0}));
      ++seen["backwards"];
    } else {
      const auto given = 8 - drawn.times.front();
      ++seen[drawn.times.front() == 0 ? "in time" : "between " + std::to_string(given)];
    }
  }
  // Standard deviation of a share p of n draws: sqrt(p (1 - p) / n) <= 0.008; five of them.
  EXPECT_NEAR(seen["backwards"] / double{kDraws}, 0.2, 0.04);
  EXPECT_NEAR(seen["in time"] / double{kDraws}, 0.5, 0.04);
  for (int given = 1; given <= 4; ++given)
    EXPECT_NEAR(seen["between " + std::to_string(given)] / double{kDraws}, 0.075, 0.04) << given;
  EXPECT_EQ(seen.size(), 6U);
}

TEST(Sequence, WithoutATaskNothingIsDrawn) {
  Pcg32 random(3, 1), untouched(3, 1);
  EXPECT_EQ(draw_sequence(0, 0, 5, random).times, in_time(5).times);
  EXPECT_EQ(random.uniform(), untouched.uniform());
}

TEST(Worn, FromSomeFrameOnTheSameInAllFrames) {
  const Tensor still = at::rand({40, 1, 2, 3, 3}), x = still.expand({40, 6, 2, 3, 3});
  const Tensor stains = at::randn({40, 1, 2, 3, 3});
  Pcg32 random(3, 1);
  const Tensor all = worn(x, stains, 0.5, random);
  std::map<std::int64_t, int> begins;
  for (std::int64_t b = 0; b < 40; ++b) {
    std::int64_t from = 0;
    while (from < 6 && at::equal(all[b][from], x[b][from])) ++from;
    ++begins[from];
    for (std::int64_t t = from; t < 6; ++t) EXPECT_TRUE(at::equal(all[b][t], all[b][5]));
    if (from == 6) continue;
    // What is left when the stains' own mean is taken out is x's mean: contrast is about the mean.
    const Tensor mean = all[b][5].mean({1, 2}) - x[b][5].mean({1, 2}), of_stains = stains[b][0].mean({1, 2});
    EXPECT_NEAR((mean[0] * of_stains[1]).item<float>(), (mean[1] * of_stains[0]).item<float>(), 1e-5);
  }
  EXPECT_NEAR(begins[6], 20, 16);  // 40 draws of a half: standard deviation 3.2; five of them
  EXPECT_TRUE(at::equal(worn(x, stains, 0, random), x));
}

TEST(Layout, TargetsFollowTheHistoryInTheSameOrder) {
  Clips clips;
  clips.x = at::zeros({1, 4, 1, 2, 2});
  clips.sequence = {{3, 0, 1, 2}, false};
  const FrameLayout layout = layout_of(clips);
  EXPECT_EQ(layout.times, (Times{3, 0, 1, 3, 0, 1, 2}));
  EXPECT_EQ(layout.order, (Times{0, 1, 2, 0, 1, 2, 3}));
  EXPECT_EQ(layout.history, 3);
  EXPECT_EQ(first_target(layout), 3);
  clips.plain = true;
  EXPECT_EQ(layout_of(clips).times, clips.sequence.times);
  EXPECT_EQ(first_target(layout_of(clips)), 0);
}

}  // namespace
}  // namespace bitemark::model
