#include "suite/surprise.h"

#include <gtest/gtest.h>

#include "base/error.h"
#include "suite/task.h"

namespace bitemark {
namespace {

Shown clip(const std::string& scenario, const std::string& against, int take, bool possible, double surprise) {
  return {scenario, against, take, possible, surprise};
}

const SurpriseRow& row(const std::vector<SurpriseRow>& rows, std::string_view against) {
  for (const auto& one : rows)
    if (one.against == against) return one;
  throw std::logic_error("no row " + std::string(against));
}

TEST(RateSurprise, CountsByHand) {
  // Three takes: right, wrong, tied. Possible 1, 4, 3; impossible 2, 3, 3: of nine pairs the possible one surprises
  // more in (4,2), (4,3), (4,3), (3,2): 4/9; ties (3,3) twice: AUC (pairs with impossible above: 3, and two halves) =
  // 4/9.
  const auto rows =
      rate_surprise({clip("a", "", 0, true, 1), clip("a", "vanish", 0, false, 2), clip("a", "", 1, true, 4),
                     clip("a", "vanish", 1, false, 3), clip("a", "", 2, true, 3), clip("a", "vanish", 2, false, 3)});
  ASSERT_EQ(rows.size(), 2U);
  const auto& one = row(rows, "vanish");
  EXPECT_DOUBLE_EQ(one.relative.value, 0.5);
  EXPECT_NEAR(one.preference.value, 4.0 / 9, 1e-12);
  EXPECT_NEAR(one.absolute.value, 1 - 4.0 / 9, 1e-12);
  EXPECT_EQ(one.clips, 6);
  // Three takes say little: Wilson's interval of 1.5 in 3, rounded to 2 of 3, is [0.21, 0.94].
  EXPECT_LT(one.relative.low, 0.21);
  EXPECT_GT(one.relative.high, 0.93);
  EXPECT_DOUBLE_EQ(row(rows, "all").relative.value, 0.5);
}

TEST(RateSurprise, QuadrupletsAreComparedBySums) {
  // The impossible clips surprise more together (5 > 4), although one possible clip surprises most of all.
  const std::string kind = "quadruplet-presence";
  const auto rows = rate_surprise({clip("wall", kind, 0, true, 3.5), clip("wall", kind, 0, true, 0.5),
                                   clip("wall", kind, 0, false, 3), clip("wall", kind, 0, false, 2),
                                   clip("wall", "", 0, true, 100)});  // a fault's truth has no part in it
  EXPECT_DOUBLE_EQ(row(rows, kind).relative.value, 0.0);
  EXPECT_DOUBLE_EQ(row(rows, kind).preference.value, 0.5);
  EXPECT_EQ(row(rows, kind).clips, 4);
}

TEST(RateSurprise, ScenariosAreNotMixed) {
  // One scenario surprises a hundred times as much as the other; within each the model is right.
  const auto rows = rate_surprise({clip("a", "", 0, true, 1), clip("a", "freeze", 0, false, 2),
                                   clip("b", "", 0, true, 100), clip("b", "freeze", 0, false, 200)});
  EXPECT_DOUBLE_EQ(row(rows, "freeze").absolute.value, 0.0);
  EXPECT_NEAR(row(rows, "freeze").absolute.high, 0.658, 0.001);  // 0 of 2: z^2 / (2 + z^2)
  EXPECT_DOUBLE_EQ(row(rows, "freeze").preference.value, 0.0);
}

TEST(RateSurprise, WhatHasNoOtherSideIsLeftOut) {
  EXPECT_TRUE(rate_surprise({clip("a", "", 0, true, 1), clip("a", "", 1, true, 1)}).empty());
  const auto rows =
      rate_surprise({clip("a", "", 0, true, 1), clip("a", "freeze", 0, false, 2), clip("a", "freeze", 1, false, 0)});
  EXPECT_EQ(row(rows, "freeze").clips, 2);
}

Conditioning request(int frames) {
  Conditioning take;
  take.frame_count = frames;
  take.controls.values.assign(static_cast<std::size_t>(frames) * Controls::width(), 0.0F);
  return take;
}

std::vector<Frame> numbered(int count) {
  std::vector<Frame> frames;
  for (int t = 0; t < count; ++t) {
    frames.emplace_back(2, 2);
    frames.back().rgb.assign(frames.back().rgb.size(), static_cast<std::uint8_t>(t));
  }
  return frames;
}

TEST(Task, GivesTheFramesThatItSays) {
  const auto whole = numbered(10);
  const auto given = [&](const std::string& task) {
    Conditioning take = request(10);
    give_frames({task, 3, 2}, whole, take);
    std::vector<int> shown;
    for (const auto& frame : take.context) shown.push_back(frame.rgb.front());
    if (!take.places.empty()) {
      EXPECT_EQ(take.places, shown);
    }
    return shown;
  };
  EXPECT_EQ(given("continue"), (std::vector<int>{0, 1, 2}));
  EXPECT_EQ(given("text"), (std::vector<int>{}));
  EXPECT_EQ(given("image"), (std::vector<int>{0}));
  EXPECT_EQ(given("before"), (std::vector<int>{8, 9}));
  EXPECT_EQ(given("between"), (std::vector<int>{0, 1, 2, 8, 9}));
  Conditioning take = request(10);
  EXPECT_THROW(give_frames({"sideways", 3, 2}, whole, take), InputError);
  EXPECT_THROW(give_frames({"continue", 10, 2}, whole, take), InputError);
  EXPECT_THROW(give_frames({"before", 3, 2}, numbered(5), take), InputError);
}

TEST(Task, ChangesReachCaptionAndControlsFromTheirFrameOn) {
  Conditioning take = request(6);
  apply_change("4:caption=a = b", take);
  apply_change("2:caption=first", take);
  apply_change("3:act_on=1", take);
  ASSERT_EQ(take.changes.size(), 2U);
  EXPECT_EQ(take.changes[0].caption, "first");
  EXPECT_EQ(take.changes[1].caption, "a = b");
  const auto& names = Controls::names();
  const auto channel = static_cast<std::size_t>(std::find(names.begin(), names.end(), "act_on") - names.begin());
  for (std::size_t t = 0; t < 6; ++t)
    EXPECT_EQ(take.controls.values[t * Controls::width() + channel], t >= 3 ? 1.0F : 0.0F);
  for (const char* bad : {"", "x", "3", "3:act_on", "6:act_on=1", "-1:act_on=1", "1.5:act_on=1", "1:act_on=nan",
                          "1:wings=1", "2:caption=again", "1=2:3"})
    EXPECT_THROW(apply_change(bad, take), InputError) << bad;
}

TEST(Task, WhereNothingActsItHasNoPlaceAndNoPhase) {
  Conditioning take = request(6);
  take.controls.values.assign(6 * Controls::width(), 0.5F);
  apply_change("4:act_on=0", take);
  const auto& names = Controls::names();
  for (std::size_t i = 0; i < take.controls.values.size(); ++i) {
    const bool of_the_act = names[i % names.size()].starts_with("act_"), changed = i / names.size() >= 4;
    EXPECT_EQ(take.controls.values[i], of_the_act && changed ? 0.0F : 0.5F) << names[i % names.size()];
  }
}

TEST(Task, ActionsChangeOnlyWhereSomebodyPlays) {
  Conditioning take = request(6);
  EXPECT_THROW(apply_change("3:forward=1", take), InputError);
  take.actions.values.assign(6 * Actions::width(), 0.0F);
  apply_change("3:forward=1", take);
  for (std::size_t t = 0; t < 6; ++t) EXPECT_EQ(take.actions.values[t * Actions::width() + 11], t >= 3 ? 1.0F : 0.0F);
}

TEST(Task, ShotsAreCutsWithOrWithoutACaption) {
  Conditioning take = request(9);
  apply_shot("6:the ball, from the left: close", take);
  apply_shot("3:", take);
  EXPECT_EQ(take.cuts, (std::vector<int>{3, 6}));
  ASSERT_EQ(take.changes.size(), 1U);
  EXPECT_EQ(take.changes[0].frame, 6);
  EXPECT_EQ(take.changes[0].caption, "the ball, from the left: close");
  for (const char* bad : {"", "3", "0:first", "9:late", "1.5:x", "x:y", "6:again"})
    EXPECT_THROW(apply_shot(bad, take), InputError) << bad;
}

}  // namespace
}  // namespace bitemark
