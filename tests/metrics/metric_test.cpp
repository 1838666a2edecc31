#include "metrics/metric.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/error.h"
#include "metrics/synthetic.h"

namespace bitemark {
namespace {

const std::vector<Clip> kNoTwins;

double value_of(const MetricResult& result, const std::string& name) {
  for (const auto& one : result.measurements)
    if (one.name == name) return one.value;
  ADD_FAILURE() << "no measurement " << name << " (" << result.reason << ")";
  return -1;
}

std::vector<std::string> violations_of(const MetricResult& result) {
  std::vector<std::string> types;
  for (const auto& one : result.violations) types.push_back(one.type + "@" + std::to_string(one.frame));
  return types;
}

/// One red ball crossing the picture.
Episode crossing() { return draw({{"ball", kRed, 6, moving(10, 30, 2)}}, 20, 6, {"motion"}); }

Clip frozen(const Episode& truth) {
  Clip clip = truth.clip;
  for (std::size_t t = static_cast<std::size_t>(truth.info.context_frames); t < clip.size(); ++t)
    clip.frames[t] = clip.frames[static_cast<std::size_t>(truth.info.context_frames - 1)];
  return clip;
}

TEST(Tracker, FindsTheCentroidOfADisc) {
  const Episode truth = draw({{"ball", kRed, 6, moving(20.25, 31.5, 1)}}, 3, 1, {});
  const auto tracks = track(truth.clip.frames, learn_appearances(truth));
  for (int t = 0; t < 3; ++t) {
    ASSERT_EQ(tracks[static_cast<std::size_t>(t)][0].size(), 1U);
    // The centroid of the pixels inside a disc of 113 pixels: an edge pixel more or less moves it by 6 / 113.
    EXPECT_NEAR(tracks[static_cast<std::size_t>(t)][0][0].u, 20.25 + t, 0.11);
    EXPECT_NEAR(tracks[static_cast<std::size_t>(t)][0][0].v, 31.5, 0.11);
  }
}

TEST(Tracker, KeepsTwoColoursApart) {
  const Episode truth = draw({{"a", kRed, 5, moving(15, 30, 0)}, {"b", kBlue, 5, moving(45, 30, 0)}}, 2, 1, {});
  const auto tracks = track(truth.clip.frames, learn_appearances(truth));
  EXPECT_NEAR(tracks[0][0][0].u, 15, 0.2);
  EXPECT_NEAR(tracks[0][1][0].u, 45, 0.2);
}

TEST(Motion, IsZeroForTheTruthAndTheWayForAFrozenPicture) {
  const Episode truth = crossing();
  EXPECT_NEAR(value_of(measure_motion(observe(truth, truth.clip, kNoTwins)), "motion.error"), 0, 1e-9);
  const auto result = measure_motion(observe(truth, frozen(truth), kNoTwins));
  // 6 frames after the last context frame the ball is 12 px on: 18.75 % of 64.
  EXPECT_NEAR(value_of(result, "motion.error_0.5s"), 18.75, 0.5);
}

TEST(Motion, CountsALostBodyAsHalfAFrame) {
  const Episode truth = crossing();
  Episode gone = draw({{"ball", kRed, 6, moving(10, 30, 2), [](int t) { return t < 6; }}}, 20, 6, {});
  const auto result = measure_motion(observe(truth, gone.clip, kNoTwins));
  EXPECT_DOUBLE_EQ(value_of(result, "motion.error"), 50);
  EXPECT_DOUBLE_EQ(result.measurements.front().coverage, 0);
}

TEST(Motion, LeavesOutWhatStandsStill) {
  const Episode truth = draw({{"ball", kRed, 6, moving(30, 30, 0)}}, 12, 4, {});
  EXPECT_EQ(measure_motion(observe(truth, truth.clip, kNoTwins)).status, Status::kNotApplicable);
}

TEST(Continuity, TheTruthHasNoViolation) {
  const Episode truth = crossing();
  const auto result = measure_continuity(observe(truth, truth.clip, kNoTwins));
  EXPECT_DOUBLE_EQ(value_of(result, "continuity.score"), 1);
  EXPECT_TRUE(result.violations.empty());
}

TEST(Continuity, NamesTheFrameInWhichABodyVanishes) {
  const Episode truth = crossing();
  const Episode gone = draw({{"ball", kRed, 6, moving(10, 30, 2), [](int t) { return t < 11; }}}, 20, 6, {});
  EXPECT_THAT(violations_of(measure_continuity(observe(truth, gone.clip, kNoTwins))), testing::Contains("vanished@11"));
}

TEST(Continuity, SeesASecondBodyAndAJumpAndAFrozenPicture) {
  const Episode truth = crossing();
  const Episode two =
      draw({{"ball", kRed, 6, moving(10, 30, 2)}, {"ball", kRed, 6, moving(50, 50, -1), [](int t) { return t >= 9; }}},
           20, 6, {});
  EXPECT_THAT(violations_of(measure_continuity(observe(truth, two.clip, kNoTwins))), testing::Contains("duplicated@9"));
  const Episode jump = draw({{"ball", kRed, 6,
                              [](int t) {
                                return std::pair{10.0 + 2 * t, t < 12 ? 30.0 : 52.0};
                              }}},
                            20, 6, {});
  EXPECT_THAT(violations_of(measure_continuity(observe(truth, jump.clip, kNoTwins))), testing::Contains("jumped@12"));
  EXPECT_THAT(violations_of(measure_continuity(observe(truth, frozen(truth), kNoTwins))),
              testing::Contains("frozen@6"));
}

TEST(Continuity, SeesAThingThatAppears) {
  const Episode truth = crossing();
  const Disc ball{"ball", kRed, 6, moving(10, 30, 2)};
  for (const auto& color : {kBlue, kGreen}) {
    const Episode more = draw({ball, {"guest", color, 5, moving(50, 50, -1), [](int t) { return t >= 9; }}}, 20, 6, {});
    EXPECT_THAT(violations_of(measure_continuity(observe(truth, more.clip, kNoTwins))),
                testing::ElementsAre("appeared@9"));
  }
  const Episode grey = draw({ball, {"stone", {120, 118, 122}, 5, moving(50, 50, -1)}}, 20, 6, {});
  EXPECT_TRUE(measure_continuity(observe(truth, grey.clip, kNoTwins)).violations.empty()) << "no colour, no thing";
}

TEST(Continuity, AChangeOfColourIsNoNewThing) {
  const Episode truth = crossing();
  const Episode changed = draw({{"ball", kRed, 6, moving(10, 30, 2), [](int t) { return t < 11; }},
                                {"ball", kBlue, 6, moving(10, 30, 2), [](int t) { return t >= 11; }}},
                               20, 6, {});
  EXPECT_THAT(violations_of(measure_continuity(observe(truth, changed.clip, kNoTwins))),
              testing::ElementsAre("vanished@11"));
}

TEST(Continuity, SeesABodyThatGrowsOrShrinks) {
  const Episode truth = crossing();
  for (const double radius : {9.0, 3.75}) {  // 1.5 times as large, 1.6 times as small
    const Episode changed = draw({{"ball", kRed, 6, moving(10, 30, 2), [](int t) { return t < 10; }},
                                  {"ball", kRed, radius, moving(10, 30, 2), [](int t) { return t >= 10; }}},
                                 20, 6, {});
    EXPECT_THAT(violations_of(measure_continuity(observe(truth, changed.clip, kNoTwins))),
                testing::ElementsAre("changed-size@10"))
        << radius;
  }
}

TEST(Continuity, TwoThatTouchAreTwoAndNotOneThatHasGrown) {
  const Episode truth = crossing();
  const Episode two =
      draw({{"ball", kRed, 6, moving(10, 30, 2)}, {"ball", kRed, 6, moving(10, 41, 2), [](int t) { return t >= 9; }}},
           20, 6, {});
  EXPECT_THAT(violations_of(measure_continuity(observe(truth, two.clip, kNoTwins))),
              testing::ElementsAre("duplicated@9"));
}

/// A ball that passes behind a wall over frames 9 to 13.
Episode behind(std::function<bool(int)> visible) {
  return draw({{"ball", kRed, 5, moving(8, 30, 2.2), std::move(visible)}}, 22, 6, {"permanence"});
}

bool open_to_view(int t) { return t < 9 || t > 13; }

TEST(Permanence, IsOneForTheTruth) {
  const Episode truth = behind(open_to_view);
  const auto result = measure_permanence(observe(truth, truth.clip, kNoTwins));
  EXPECT_NEAR(value_of(result, "permanence.score"), 1, 1e-9);
  EXPECT_TRUE(result.violations.empty());
}

TEST(Permanence, IsZeroForABallThatDoesNotComeOut) {
  const Episode truth = behind(open_to_view);
  const Episode gone = behind([](int t) { return t < 9; });
  const auto result = measure_permanence(observe(truth, gone.clip, kNoTwins));
  EXPECT_DOUBLE_EQ(value_of(result, "permanence.score"), 0);
  EXPECT_THAT(violations_of(result), testing::ElementsAre("did-not-come-out@14"));
}

TEST(Permanence, DoesNotRewardStandingStill) {
  const Episode truth = behind(open_to_view);
  EXPECT_DOUBLE_EQ(value_of(measure_permanence(observe(truth, frozen(truth), kNoTwins)), "permanence.recall"), 0);
}

TEST(Permanence, CountsCopies) {
  const Episode truth = behind(open_to_view);
  const Episode two = draw({{"ball", kRed, 5, moving(8, 30, 2.2), open_to_view},
                            {"ball", kRed, 5, moving(8, 50, 2.2), [](int t) { return t > 13; }}},
                           22, 6, {});
  EXPECT_DOUBLE_EQ(value_of(measure_permanence(observe(truth, two.clip, kNoTwins)), "permanence.count"), 0.5);
}

/// Red strikes blue at frame 10.
Episode strike(int start = 10, double way = 2) {
  Episode episode = draw({{"striker", kRed, 5,
                           [](int t) {
                             return std::pair{std::min(10.0 + 2 * t, 30.0), 30.0};
                           }},
                          {"target", kBlue, 5,
                           [=](int t) {
                             return std::pair{40.0 + way * std::max(0, t - start), 30.0};
                           }}},
                         18, 6, {"launch"});
  Event contact;
  contact.type = "contact_begin";
  contact.frame = 10;
  contact.ids = {1, 2};
  episode.info.events.push_back(contact);
  return episode;
}

TEST(Launch, IsOneForTheTruth) {
  const Episode truth = strike();
  const auto result = measure_launch(observe(truth, truth.clip, kNoTwins));
  EXPECT_NEAR(value_of(result, "launch.score"), 1, 1e-9);
  EXPECT_NEAR(value_of(result, "launch.onset_lag"), 0, 1e-9);
  EXPECT_TRUE(result.violations.empty());
}

TEST(Launch, SeesAnEffectBeforeItsCause) {
  const Episode truth = strike();
  const auto result = measure_launch(observe(truth, strike(6).clip, kNoTwins));
  EXPECT_DOUBLE_EQ(value_of(result, "launch.score"), 0);
  ASSERT_EQ(result.violations.size(), 1U);
  EXPECT_EQ(result.violations[0].type, "moved-before-contact");
  EXPECT_NEAR(result.violations[0].frame, 8, 1);  // 2 px a frame from frame 7 on; 20 % of 10 px is passed at frame 8
}

TEST(Launch, SeesABodyThatIsStruckAndStays) {
  const Episode truth = strike();
  const auto result = measure_launch(observe(truth, strike(10, 0).clip, kNoTwins));
  EXPECT_DOUBLE_EQ(value_of(result, "launch.after"), 0);
  EXPECT_THAT(violations_of(result), testing::SizeIs(1));
}

/// Red left, blue right; `swap` exchanges them from that frame on.
Episode pair_of(int swap = 100) {
  const auto place = [=](double home, double away) {
    return [=](int t) { return std::pair{(t < swap ? home : away) + 0.3 * t, 30.0}; };
  };
  return draw({{"a", kRed, 5, place(16, 44)}, {"b", kBlue, 5, place(44, 16)}}, 16, 5, {"left-right"});
}

TEST(LeftRight, IsOneForTheTruthAndNamesTheSwap) {
  const Episode truth = pair_of();
  const auto good = measure_left_right(observe(truth, truth.clip, kNoTwins));
  EXPECT_DOUBLE_EQ(value_of(good, "left-right.order"), 1);
  EXPECT_TRUE(good.violations.empty());
  const auto bad = measure_left_right(observe(truth, pair_of(9).clip, kNoTwins));
  EXPECT_NEAR(value_of(bad, "left-right.order"), 4.0 / 11, 1e-9);  // frames 5 to 8 of 5 to 15
  EXPECT_THAT(violations_of(bad), testing::Contains("swapped@9"));
  EXPECT_NEAR(value_of(bad, "left-right.exchanged"), 7.0 / 11, 1e-9);
}

TEST(PhysicsIq, IsOneHundredForASecondTakeThatIsTheTruth) {
  const Episode truth = crossing();
  const std::vector<Clip> twins{truth.clip};
  const auto result = measure_physics_iq(observe(truth, truth.clip, twins));
  EXPECT_NEAR(value_of(result, "physics-iq.sim"), 100, 1e-3);
  EXPECT_NEAR(value_of(result, "physics-iq.verified"), 100, 1e-3);
  EXPECT_NEAR(value_of(result, "physics-iq.mse"), 0, 1e-12);
}

TEST(PhysicsIq, AFrozenPictureOverlapsWithNothing) {
  const Episode truth = crossing();
  const std::vector<Clip> twins{truth.clip};
  const auto result = measure_physics_iq(observe(truth, frozen(truth), twins));
  EXPECT_NEAR(value_of(result, "physics-iq.s_iou"), 0, 1e-9);
  EXPECT_NEAR(value_of(result, "physics-iq.ws_iou"), 0, 1e-9);
  EXPECT_LT(value_of(result, "physics-iq.sim"), 30);
}

TEST(PhysicsIq, DoesNotApplyWhereNothingMoves) {
  const Episode truth = draw({{"ball", kRed, 6, moving(30, 30, 0)}}, 12, 4, {});
  EXPECT_EQ(measure_physics_iq(observe(truth, truth.clip, {truth.clip})).status, Status::kNotApplicable);
}

TEST(MeasureAll, AFailureCarriesItsReason) {
  const Episode truth = crossing();
  const auto results = all_failed(truth.info, "no rollout");
  ASSERT_EQ(results.size(), 1U);
  EXPECT_EQ(results[0].status, Status::kFailed);
  EXPECT_EQ(results[0].reason, "no rollout");
}

TEST(Observe, RefusesOtherSizesAndLengths) {
  const Episode truth = crossing();
  Clip shorter = truth.clip;
  shorter.frames.pop_back();
  EXPECT_THROW(observe(truth, shorter, kNoTwins), InputError);
  EXPECT_THROW(observe(truth, make_clip(std::vector<Frame>(20, Frame(32, 32)), {12, 1}), kNoTwins), InputError);
}

}  // namespace
}  // namespace bitemark
