#include "suite/agreement.h"

#include <gtest/gtest.h>

#include <cmath>

namespace bitemark {
namespace {

/// A unit vector in the plane, by its angle in degrees.
Eigen::VectorXd at_angle(double degrees) {
  const double a = degrees * M_PI / 180;
  return Eigen::Vector2d(std::cos(a), std::sin(a));
}

/// Captions at 0, 90 and 180 degrees.
Eigen::MatrixXd captions() {
  Eigen::MatrixXd rows(3, 2);
  for (int i = 0; i < 3; ++i) rows.row(i) = at_angle(90.0 * i).transpose();
  return rows;
}

const std::vector<std::string> kRows{"oracle", "swapped", "lost"};

std::vector<ShownClip> shown() {
  return {{"oracle", "a-0", "a", 0, at_angle(0)},
          {"oracle", "b-0", "b", 1, at_angle(60)},
          {"swapped", "a-0", "a", 0, at_angle(60)},
          {"swapped", "b-0", "b", 1, at_angle(0)},
          {"lost", "a-0", "a", 0, {}},
          {"lost", "b-0", "b", 1, at_angle(60)}};
}

TEST(Agreement, CosinesByHand) {
  const auto rows = rate_agreement(kRows, shown(), captions());
  ASSERT_EQ(rows.size(), 3U);
  // a: own 1, others 0 and -1. b: own cos 30, others cos 60 and cos 120, whose mean is 0.
  const double ceiling = (1 + std::cos(M_PI / 6)) / 2, floor = (-0.5 + 0) / 2;
  EXPECT_NEAR(rows[0].own.mean, ceiling, 1e-12);
  EXPECT_NEAR(rows[0].other, floor, 1e-12);
  EXPECT_DOUBLE_EQ(rows[0].preferred, 1);
  EXPECT_NEAR(rows[0].score, 1, 1e-12);
  // Swapped: a's own is cos 60, the others cos 30 and cos 120; b's own is 0, the others 1 and -1.
  EXPECT_NEAR(rows[1].own.mean, 0.25, 1e-12);
  EXPECT_NEAR(rows[1].score, (0.25 - floor) / (ceiling - floor), 1e-12);
  EXPECT_DOUBLE_EQ(rows[1].preferred, 0.5);
  EXPECT_NEAR(rows[1].takes.at("a-0"), 0.5, 1e-12);
}

TEST(Agreement, ALostTakeFitsAsTheTruthFitsOtherCaptions) {
  const auto rows = rate_agreement(kRows, shown(), captions());
  EXPECT_EQ(rows[2].own.count, 2) << "it stays in the denominator";
  EXPECT_NEAR(rows[2].own.mean, (-0.5 + std::cos(M_PI / 6)) / 2, 1e-12);
  EXPECT_DOUBLE_EQ(rows[2].preferred, 0.5);
  EXPECT_FALSE(rows[2].takes.contains("a-0"));
}

TEST(Agreement, IsScaledByTheTakesThatAGeneratorAnswers) {
  auto clips = shown();
  clips.push_back({"half", "b-0", "b", 1, at_angle(60)});  // a fault that applies to one scenario only
  const auto rows = rate_agreement({"oracle", "half"}, clips, captions());
  EXPECT_NEAR(rows[1].score, 1, 1e-12);
  EXPECT_EQ(rows[1].own.count, 1);
}

TEST(Agreement, OneCaptionTellsNothing) {
  EXPECT_TRUE(rate_agreement({"oracle"}, {{"oracle", "a-0", "a", 0, at_angle(0)}}, captions().topRows(1)).empty());
}

TEST(Agreement, SurvivesItsFile) {
  const auto rows = rate_agreement(kRows, shown(), captions());
  const auto again = agreements_from_json(to_json(rows), "file");
  ASSERT_EQ(again.size(), rows.size());
  EXPECT_EQ(to_json(again), to_json(rows));
  EXPECT_EQ(again[1].takes, rows[1].takes);
}

}  // namespace
}  // namespace bitemark
