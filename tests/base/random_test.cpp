#include "base/random.h"

#include <gtest/gtest.h>

#include <cmath>

namespace bitemark {
namespace {

TEST(Pcg32, ReproducesThePublishedSequence) {
  // pcg32-demo, round 1: seed 42, stream 54 (O'Neill, pcg-c-basic).
  Pcg32 random(42, 54);
  for (const std::uint32_t expected : {0xa15c02b7U, 0x7b47f409U, 0xba1d3330U, 0x83d2f293U, 0xbfa4784bU, 0xcbed606eU})
    EXPECT_EQ(random.next(), expected);
}

TEST(Pcg32, UniformHasTheMomentsOfTheUniformDistribution) {
  Pcg32 random(1, 1);
  const int n = 100000;
  double sum = 0;
  double squares = 0;
  for (int i = 0; i < n; ++i) {
    const double x = random.uniform();
    ASSERT_GE(x, 0);
    ASSERT_LT(x, 1);
    sum += x;
    squares += x * x;
  }
  EXPECT_NEAR(sum / n, 0.5, 5 * std::sqrt(1.0 / 12 / n));          // 5 standard errors
  EXPECT_NEAR(squares / n, 1.0 / 3, 5 * std::sqrt(4.0 / 45 / n));  // Var(x^2) = 1/5 - 1/9
}

TEST(Pcg32, NormalHasUnitVariance) {
  Pcg32 random(2, 3);
  const int n = 100000;
  double sum = 0;
  double squares = 0;
  for (int i = 0; i < n; ++i) {
    const double x = random.normal();
    sum += x;
    squares += x * x;
  }
  EXPECT_NEAR(sum / n, 0, 5 / std::sqrt(n));
  EXPECT_NEAR(squares / n, 1, 5 * std::sqrt(2.0 / n));
}

TEST(Pcg32, BelowCoversTheWholeRange) {
  Pcg32 random(0, 0);
  std::array<int, 7> counts{};
  for (int i = 0; i < 7000; ++i) ++counts[random.below(7)];
  for (const int count : counts) EXPECT_NEAR(count, 1000, 5 * std::sqrt(1000 * 6.0 / 7));
}

TEST(StreamFor, DependsOnTheSeedAndOnThePath) {
  EXPECT_NE(stream_for(1, "a").next(), stream_for(1, "b").next());
  EXPECT_NE(stream_for(1, "a").next(), stream_for(2, "a").next());
  EXPECT_EQ(stream_for(0, "a").next(), stream_for(0, "a").next());
}

}  // namespace
}  // namespace bitemark
