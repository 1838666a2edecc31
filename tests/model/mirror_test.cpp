// Mirror images and what is said of them; batches of one scenario.
#include "model/mirror.h"

#include <gtest/gtest.h>

#include <set>

#include "toys.h"

namespace bitemark::model {
namespace {

TEST(Mirror, ExchangesWordsAndNothingElse) {
  EXPECT_EQ(mirrored_caption("a ball left of a cube, right there"), "a ball right of a cube, left there");
  EXPECT_EQ(mirrored_caption("left"), "right");
  for (const char* same : {"", "a leftover bright cleft", "links und rechts", "\xC3\xA9l\xC3\xA8ve \xE5\xB7\xA6"})
    EXPECT_EQ(mirrored_caption(same), same);
  const std::string said = "  jaws bite a cookie on the right, then (left)!";
  EXPECT_EQ(mirrored_caption(mirrored_caption(said)), said);
}

TEST(Mirror, EveryClipIsFollowedByItsMirrorImage) {
  const auto folder = fresh_folder("mirror");
  write_toy_shards(folder);
  const ClipSource source({folder}, {});
  Pcg32 random(3, 1);
  const auto drawn = source.draw(3, 4, random);
  const ClipBatch alone = source.load(drawn, 4);
  ClipBatch both = alone;
  add_mirror_images(both);
  ASSERT_EQ(both.frames.size(0), 6);
  ASSERT_EQ(both.captions.size(), 6U);
  const std::int64_t width = alone.frames.size(3);
  for (std::int64_t i = 0; i < 3; ++i) {
    EXPECT_TRUE(at::equal(both.frames[i], alone.frames[i]));
    EXPECT_TRUE(at::equal(both.frames[3 + i].select(2, 0), alone.frames[i].select(2, width - 1)));
    EXPECT_TRUE(at::equal(both.frames[3 + i].flip({2}), alone.frames[i]));
    EXPECT_EQ(both.captions[static_cast<std::size_t>(3 + i)],
              mirrored_caption(alone.captions[static_cast<std::size_t>(i)]));
  }
}

TEST(Mirror, TakesOfOneScenarioAlone) {
  const auto folder = fresh_folder("alike");
  write_toy_shards(folder);
  const ClipSource source({folder}, {{"slide", 3.0}});
  Pcg32 random(5, 1);
  for (std::size_t only = 0; only < source.scenarios().size(); ++only) {
    const ClipBatch batch = source.load(source.draw(20, 4, random, only), 4);
    EXPECT_TRUE((batch.scenario == static_cast<std::int64_t>(only)).all().item<bool>());
  }
  // Scenarios are drawn by the mix: 3 to 1. Of 400, 300 +- 8.7 (binomial); five deviations.
  int slides = 0;
  for (int i = 0; i < 400; ++i) slides += source.scenarios()[source.draw_scenario(4, random)] == "slide" ? 1 : 0;
  EXPECT_NEAR(slides, 300, 44);
}

}  // namespace
}  // namespace bitemark::model
