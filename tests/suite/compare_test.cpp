#include "suite/compare.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "base/error.h"
#include "base/files.h"
#include "temporary_folder.h"

namespace bitemark {
namespace {

/// A report of 6 scenarios with 4 takes each whose motion plausibility is `value(scenario, take)`.
template <typename F>
RunReport report_of(F value) {
  RunReport report;
  report.suite = "test";
  report.protocol = "p";
  report.generators = {"model"};
  report.subject = "model";
  for (int s = 0; s < 6; ++s)
    for (int k = 0; k < 4; ++k) {
      TakeResult take;
      take.generator = "model";
      MetricResult motion;
      motion.metric = "motion";
      motion.add("error", 1 - value(s, k), "", false);
      if (value(s, k) < 0.2) motion.violations.push_back({"vanished", 3, "gone"});
      take.metrics.push_back(motion);
      take.plausibility["motion"] = value(s, k);
      report.cases.push_back({{"scenario" + std::to_string(s), "continuation", "test", k}, "a caption", 6, 24, {take}});
    }
  summarise(report);
  return report;
}

double base(int s, int k) { return 0.4 + 0.05 * s + 0.02 * k; }

TEST(Compare, EqualReportsPass) {
  const auto report = report_of(base);
  const auto comparison = compare(report, report);
  EXPECT_TRUE(comparison.identical);
  EXPECT_EQ(comparison.verdict, Verdict::kPass);
  EXPECT_EQ(comparison.capabilities.at(0).difference.mean, 0);
}

TEST(Compare, ALossInEveryScenarioIsARegression) {
  const auto worse = report_of([](int s, int k) { return base(s, k) - 0.2 - 0.01 * s; });
  const auto comparison = compare(report_of(base), worse);
  EXPECT_EQ(comparison.verdict, Verdict::kRegression);
  EXPECT_NEAR(comparison.capabilities.at(0).difference.mean, -0.225, 1e-12);
  EXPECT_NEAR(comparison.capabilities.at(0).p, 2.0 / 64, 1e-12);
}

TEST(Compare, ALossInOneScenarioOfSixIsInconclusive) {
  const auto other = report_of([](int s, int k) { return base(s, k) - (s == 0 ? 0.3 : 0); });
  const auto comparison = compare(report_of(base), other);
  EXPECT_EQ(comparison.verdict, Verdict::kInconclusive);
  EXPECT_GT(comparison.capabilities.at(0).minimum_detectable, 0.05);
}

TEST(Compare, NamesTheTakesThatFlipped) {
  const auto other = report_of([](int s, int k) { return s == 2 && k == 1 ? 0.1 : base(s, k); });
  const auto comparison = compare(report_of(base), other);
  ASSERT_EQ(comparison.flips.size(), 1U);
  EXPECT_EQ(comparison.flips[0].id, "scenario2-test-1");
  EXPECT_FALSE(comparison.flips[0].better);
  EXPECT_THAT(describe(comparison), testing::HasSubstr("passed before, fail now: scenario2-test-1"));
}

TEST(Compare, SaysWhichTakesAreMissing) {
  auto partial = report_of(base);
  partial.cases.erase(partial.cases.begin() + 5);
  const auto comparison = compare(report_of(base), partial);
  EXPECT_THAT(comparison.missing, testing::ElementsAre("scenario1-test-1"));
  EXPECT_THAT(describe(comparison), testing::HasSubstr("1 takes of model are missing in model, scenario1-test-1"));
  EXPECT_TRUE(compare(partial, report_of(base)).missing.empty());  // more than before is no gap
}

TEST(Compare, RefusesOtherProtocols) {
  auto other = report_of(base);
  other.protocol = "q";
  EXPECT_THROW(compare(report_of(base), other), InputError);
}

TEST(Calibration, RoundTripKeepsEveryConstant) {
  const TemporaryFolder folder;
  const fs::path file = folder.path() / "s.json";
  write_file(file, R"({"name": "s", "size": 64, "fps": "12", "second_takes": 2,
                       "entries": [{"scenario": "bounce", "takes": 1}]})");
  save_calibration(load_suite(file),
                   {{{"bounce/continuation/motion.error", {0.25, 8.5}}}, {{"bounce/continuation/jumped", {3, 80}}}});
  const Suite suite = load_suite(file);
  EXPECT_EQ(suite.calibration.measurements.at("bounce/continuation/motion.error").floor, 8.5);
  EXPECT_EQ(suite.calibration.false_alarms.at("bounce/continuation/jumped").alarms, 3);
  EXPECT_TRUE(suite.calibration.false_alarms.at("bounce/continuation/jumped").too_many());
  EXPECT_FALSE((FalseAlarms{0, 80}).too_many());
  EXPECT_TRUE(load_suite(file, false).calibration.measurements.empty());
}

TEST(Report, RoundTripKeepsTheDigest) {
  const TemporaryFolder folder;
  const auto report = report_of(base);
  save_json(folder.path() / "report.json", to_json(report));
  EXPECT_EQ(load_report(folder.path()).digest, report.digest);
}

TEST(Report, TheDigestDoesNotDependOnTheOrderOfTheTakes) {
  auto report = report_of(base);
  const auto digest = report.digest;
  std::reverse(report.cases.begin(), report.cases.end());
  summarise(report);
  EXPECT_EQ(report.digest, digest);
}

}  // namespace
}  // namespace bitemark
