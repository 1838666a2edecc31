#include "suite/statistics.h"

#include <gtest/gtest.h>

#include <cmath>

#include "base/random.h"

namespace bitemark {
namespace {

TEST(EstimateMean, OneClusterIsStudentsInterval) {
  // 1, 2, 3, 4: s = 1.2910, SE = 0.6455, t(3, .975) = 3.18245 (any table).
  const auto estimate = estimate_mean({{"a", 1}, {"a", 2}, {"a", 3}, {"a", 4}});
  EXPECT_DOUBLE_EQ(estimate.mean, 2.5);
  EXPECT_NEAR(estimate.standard_error, std::sqrt(5.0 / 3 / 4), 1e-12);
  EXPECT_NEAR(estimate.high - estimate.mean, 3.18245 * std::sqrt(5.0 / 12), 1e-5);
}

TEST(EstimateMean, ClustersOfOneAreIndependentValues) {
  const auto clustered = estimate_mean({{"a", 1}, {"b", 2}, {"c", 3}, {"d", 4}});
  EXPECT_NEAR(clustered.standard_error, std::sqrt(5.0 / 3 / 4), 1e-12);
}

TEST(EstimateMean, CopiesOfATakeAddNoKnowledge) {
  std::vector<Value> once;
  std::vector<Value> tenfold;
  for (int i = 0; i < 5; ++i) {
    once.push_back({std::to_string(i), static_cast<double>(i * i)});
    for (int k = 0; k < 10; ++k) tenfold.push_back(once.back());
  }
  EXPECT_NEAR(estimate_mean(once).standard_error, estimate_mean(tenfold).standard_error, 1e-12);
}

TEST(EstimateMean, CoversTheTruthNineteenTimesInTwenty) {
  // 7 scenarios of 8 takes with correlation inside: the naive interval would miss a quarter of the time.
  Pcg32 random(5, 5);
  int missed = 0;
  const int trials = 2000;
  for (int trial = 0; trial < trials; ++trial) {
    std::vector<Value> values;
    for (int c = 0; c < 7; ++c) {
      const double shared = random.normal() * std::sqrt(0.3);
      for (int i = 0; i < 8; ++i) values.push_back({std::to_string(c), shared + random.normal() * std::sqrt(0.7)});
    }
    const auto estimate = estimate_mean(values);
    missed += estimate.low > 0 || estimate.high < 0 ? 1 : 0;
  }
  EXPECT_NEAR(static_cast<double>(missed) / trials, 0.05, 4 * std::sqrt(0.05 * 0.95 / trials));
}

TEST(SignFlip, HasTheSmallestPossibleValueForOneSidedData) {
  std::vector<Value> values;
  for (int c = 0; c < 6; ++c) values.push_back({std::to_string(c), 1.0 + c});
  EXPECT_DOUBLE_EQ(sign_flip_p(values, 1), 2.0 / 64);
  EXPECT_DOUBLE_EQ(sign_flip_p({{"a", 0}, {"b", 0}}, 1), 1);
}

TEST(WilsonInterval, PublishedValue) {
  // k = 8, n = 10: (0.4902, 0.9433) (Newcombe, Statistics in Medicine 17, 1998, method 3).
  const auto [low, high] = wilson_interval(8, 10);
  EXPECT_NEAR(low, 0.4902, 5e-5);
  EXPECT_NEAR(high, 0.9433, 5e-5);
}

TEST(McNemar, ExactBinomialTail) {
  EXPECT_NEAR(mcnemar_p(1, 9), 2 * (1 + 10) / 1024.0, 1e-12);
  EXPECT_DOUBLE_EQ(mcnemar_p(0, 0), 1);
  EXPECT_DOUBLE_EQ(mcnemar_p(3, 3), 1);
}

std::vector<Value> of(const char* cluster, std::vector<double> values) {
  std::vector<Value> list;
  for (const double value : values) list.push_back({cluster, value});
  return list;
}

TEST(Auroc, CountsPairs) {
  EXPECT_DOUBLE_EQ(auroc(of("a", {1, 2}), of("a", {3, 4})).value, 1);
  EXPECT_DOUBLE_EQ(auroc(of("a", {1, 3}), of("a", {2, 4})).value, 0.75);
  EXPECT_DOUBLE_EQ(auroc(of("a", {1, 1}), of("a", {1, 1})).value, 0.5);
}

TEST(Auroc, ComparesWithinAClusterOnly) {
  auto low = of("a", {1, 2});
  auto high = of("a", {3, 4});
  for (const auto& value : of("b", {11, 12})) low.push_back(value);
  for (const auto& value : of("b", {13, 14})) high.push_back(value);
  EXPECT_DOUBLE_EQ(auroc(low, high).value, 1);
}

}  // namespace
}  // namespace bitemark
