// Pictures of a run in training, and takes that it never draws.
#include "model/rollout_watch.h"

#include <gmock/gmock.h>

#include <sstream>

#include "base/files.h"
#include "toy_run.h"
#include "toys.h"

namespace bitemark::model {
namespace {

using testing::StartsWith;

TEST(ContactSheet, TruthAboveRolloutAndAGapBehindWhatWasGiven) {
  const auto clip = [](std::uint8_t level) {
    std::vector<Frame> frames(4, Frame(3, 2));
    for (auto& frame : frames) std::fill(frame.rgb.begin(), frame.rgb.end(), level);
    return frames;
  };
  const RawImage<std::uint8_t> sheet = contact_sheet({clip(10), clip(20)}, {clip(30), clip(40)}, 2);
  // Columns 0 3 | 5 8 | 16 19 | 21 24, where the wide gap of 8 follows the second frame; rows of 2 with gaps 2, 8, 2.
  ASSERT_EQ(sheet.width, 24);
  ASSERT_EQ(sheet.height, 20);
  const auto at = [&](int x, int y) { return sheet.values[static_cast<std::size_t>(y * sheet.width + x) * 3]; };
  EXPECT_EQ(at(0, 0), 10);
  EXPECT_EQ(at(7, 1), 10);
  EXPECT_EQ(at(8, 0), 255);
  EXPECT_EQ(at(15, 0), 255);
  EXPECT_EQ(at(16, 0), 10);
  EXPECT_EQ(at(0, 4), 30);
  EXPECT_EQ(at(0, 3), 255);
  EXPECT_EQ(at(23, 14), 20);
  EXPECT_EQ(at(23, 19), 40);
}

class Watch : public ToyRun {};

TEST_F(Watch, PicturesAndHeldOutErrorComeEveryNStepsAndAtTheEnd) {
  const TrainOptions o = options("dit", "run", 5, {{"picture_every", 2}, {"held_out", 2}});
  train(o);
  for (const int step : {2, 4, 5}) {
    const auto file = o.out / "rollouts" / ("step-" + std::to_string(step) + ".png");
    EXPECT_THAT(read_file(file), StartsWith("\x89PNG")) << step;
  }
  std::istringstream lines(read_file(o.out / "log.jsonl"));
  std::vector<bool> told;
  std::string line;
  while (std::getline(lines, line)) told.push_back(Json::parse(line).contains("held_out"));
  EXPECT_EQ(told, (std::vector<bool>{false, true, false, true, true}));
  EXPECT_FALSE(std::filesystem::is_empty(o.out / "tensorboard"));
}

TEST_F(Watch, LooksChangeNoBitOfTheTraining) {
  const TrainOptions seen = options("dit", "seen", 4, {{"picture_every", 1}});
  const TrainOptions unseen = options("dit", "unseen", 4, {{"picture_every", 0}});
  train(seen);
  train(unseen);
  EXPECT_FALSE(std::filesystem::exists(unseen.out / "rollouts"));
  expect_same_tensors(seen.out / "state.safetensors", unseen.out / "state.safetensors");
}

TEST_F(Watch, TheLastTakesAreNeverDrawn) {
  const ClipSource all({folder / "data"}, {}), some({folder / "data"}, {}, 3);
  Pcg32 random(1, 2);
  std::map<std::int64_t, int> rows;
  for (const auto& window : some.draw(400, 8, random)) ++rows[window.row];
  EXPECT_EQ(rows.size(), 5U);
  EXPECT_EQ(rows.rbegin()->first, 4);
  for (const auto& window : some.last_windows(3, 8)) EXPECT_GE(window.row, 5);
  // Nothing held out: the same draws as before there was such a thing.
  Pcg32 one(3, 4), other(3, 4);
  const ClipSource none({folder / "data"}, {}, 0);
  const auto a = all.draw(50, 8, one), b = none.draw(50, 8, other);
  for (std::size_t i = 0; i < a.size(); ++i) EXPECT_EQ(a[i].row, b[i].row);
}

}  // namespace
}  // namespace bitemark::model
