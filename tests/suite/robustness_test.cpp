// The metrics hold on what people really send: lossy video, another size, another rate.
#include <gtest/gtest.h>

#include "base/files.h"
#include "base/subprocess.h"
#include "metrics/metric.h"
#include "suite/baselines.h"
#include "suite/score_case.h"
#include "temporary_folder.h"
#include "video/video_file.h"

namespace bitemark {
namespace {

const std::filesystem::path kFolder = std::filesystem::path(BITEMARK_SOURCE_DIR) / "scenarios";

Scenarios only(const std::string& name) { return {{name, load_scenario(kFolder / (name + ".json"))}}; }

double value_of(const TakeResult& take, const std::string& name) {
  for (const auto& result : take.metrics)
    for (const auto& one : result.measurements)
      if (one.name == name) return one.value;
  ADD_FAILURE() << "no " << name;
  return -1;
}

/// The clip as people send it: x264 at constant rate factor 28, colours at half the resolution.
Clip at_crf_28(const Clip& clip, Rate rate) {
  const TemporaryFolder folder;
  const fs::path exact = folder.path() / "exact.mkv", lossy = folder.path() / "lossy.mp4";
  write_video(exact, Codec::kFfv1, clip, rate);
  const auto made = run_process({"ffmpeg", "-v", "error", "-i", exact.string(), "-c:v", "libx264", "-crf", "28",
                                 "-pix_fmt", "yuv420p", lossy.string()},
                                {60, 0, 0}, folder.path() / "log");
  EXPECT_TRUE(made.ok()) << made.describe();
  EXPECT_LT(fs::file_size(lossy), fs::file_size(exact) / 4);
  return read_clip(lossy, rate);
}

/// Truth and rollout of one case at a size and rate; the rollout is the truth after a trip through H.264.
TakeResult through_h264(const std::string& scenario, int size, Rate rate, int take) {
  Suite suite = load_suite(kFolder / "suites" / "nightly.json");
  suite.second_takes = 1;
  const Case which{scenario, "continuation", "test", take};
  const Truth truth = render_truth_and_twins(only(scenario), suite, which, {size, size}, rate);
  Clip lossy = at_crf_28(truth.episode.clip, rate);
  EXPECT_EQ(lossy.size(), truth.episode.clip.size());
  EXPECT_EQ(rate_of(lossy, {12, 1}), rate);
  return judge(suite, which, truth, "h264", lossy);
}

TEST(SlowRobustness, ATrueEpisodeHasNoViolationAfterH264) {
  for (const char* scenario : {"bounce", "launch", "behind-the-wall", "left-right", "cookie-bite"})
    for (const int take : {0, 1}) {
      const auto result = through_h264(scenario, 64, {12, 1}, take);
      EXPECT_TRUE(result.passed()) << scenario << " " << take << ": "
                                   << (first_violation(result.metrics) ? first_violation(result.metrics)->text
                                                                       : "failed");
    }
}

TEST(SlowRobustness, AViolationThatRingsFalselyTooOftenIsNotCalled) {
  Suite suite = load_suite(kFolder / "suites" / "nightly.json");
  suite.second_takes = 1;
  const Case which{"launch", "continuation", "test", 0};
  const Truth truth = render_truth_and_twins(only("launch"), suite, which, {64, 64}, {12, 1});
  const auto still = baseline_rollout("freeze", truth.episode, truth.other);
  ASSERT_TRUE(still);
  const auto is_called = [&](int alarms) {
    suite.calibration.false_alarms["launch/continuation/frozen"] = {alarms, 100};
    for (const auto& metric : judge(suite, which, truth, "freeze", *still).metrics)
      for (const auto& violation : metric.violations)
        if (violation.type == "frozen") return true;
    return false;
  };
  EXPECT_TRUE(is_called(1));
  EXPECT_FALSE(is_called(2));  // of 100: more than 1 %
}

TEST(SlowRobustness, AnotherSizeAndRateAreJudgedAlike) {
  const auto result = through_h264("launch", 128, {24, 1}, 3);
  EXPECT_TRUE(result.passed());
  EXPECT_LT(value_of(result, "motion.error"),
            1.0);  // % of the width: the centroid of an H.264 ball, well under a pixel
  EXPECT_GT(value_of(result, "launch.score"), 0.9);
}

TEST(SlowRobustness, TheEpipolarErrorKnowsTheTrueCamera) {
  Suite suite = load_suite(kFolder / "suites" / "nightly.json");
  suite.second_takes = 1;
  const Case which{"orbit", "continuation", "test", 0};
  const Scenarios scenarios = only("orbit");
  const Truth truth = render_truth_and_twins(scenarios, suite, which, {256, 256}, {12, 1});
  const auto good = judge(suite, which, truth, "oracle", truth.episode.clip);
  const Case another{"orbit", "continuation", "test", 1};
  const Truth other = render_truth_and_twins(scenarios, suite, another, {256, 256}, {12, 1});
  const auto bad = judge(suite, which, truth, "another-take", other.episode.clip);
  // SIFT places a key point within about half a pixel; a few wrong matches at the cap of 5 px come on top.
  EXPECT_LT(value_of(good, "geometry.epipolar_error"), 1.5);
  EXPECT_GT(value_of(bad, "geometry.epipolar_error"), 1.3 * value_of(good, "geometry.epipolar_error"));
  EXPECT_GT(value_of(good, "geometry.matches"), 20);
}

}  // namespace
}  // namespace bitemark
