#include "metrics/frechet.h"

#include <gtest/gtest.h>

#include <cmath>

#include "base/random.h"

namespace bitemark {
namespace {

using Eigen::MatrixXd;

MatrixXd normal_rows(int n, int d, std::uint64_t seed) {
  Pcg32 random(seed, 1);
  MatrixXd x(n, d);
  for (int i = 0; i < n; ++i)
    for (int j = 0; j < d; ++j) x(i, j) = random.normal();
  return x;
}

/// Rows whose mean is exactly 0 and whose covariance is exactly diag(scale^2): plus and minus each axis.
MatrixXd axis_rows(const Eigen::VectorXd& scale) {
  const auto d = scale.size();
  MatrixXd x = MatrixXd::Zero(2 * d, d);
  const double factor = std::sqrt((2.0 * static_cast<double>(d) - 1) / 2);
  for (Eigen::Index j = 0; j < d; ++j) {
    x(2 * j, j) = factor * scale(j);
    x(2 * j + 1, j) = -factor * scale(j);
  }
  return x;
}

TEST(FrechetDistance, OfASetToItselfIsZero) {
  const MatrixXd x = normal_rows(50, 8, 1);
  EXPECT_NEAR(frechet_distance(x, x), 0, 1e-10);
}

TEST(FrechetDistance, OfAShiftIsItsSquare) {
  const MatrixXd x = normal_rows(50, 4, 2);
  const MatrixXd y = x.rowwise() + Eigen::RowVector4d(1, 2, 0, -2);
  EXPECT_NEAR(frechet_distance(x, y), 9, 1e-10);
}

TEST(FrechetDistance, OfDiagonalCovariancesIsTheSumOfSquaredDifferencesOfDeviations) {
  // Tr(A + B - 2 (AB)^(1/2)) = sum (a - b)^2 for A = diag(a^2), B = diag(b^2).
  const Eigen::Vector3d a(1, 2, 3);
  const Eigen::Vector3d b(2, 2, 0.5);
  EXPECT_NEAR(frechet_distance(axis_rows(a), axis_rows(b)), 1 + 0 + 6.25, 1e-10);
}

TEST(FrechetDistance, BothFormsAgreeWithFewAndWithManyRows) {
  for (const int n : {3, 6, 12, 40}) {
    const MatrixXd x = normal_rows(n, 12, 3);
    const MatrixXd y = normal_rows(n + 2, 12, 4) * 1.5;
    const MatrixXd xc = x.rowwise() - x.colwise().mean();
    const MatrixXd yc = y.rowwise() - y.colwise().mean();
    // The symmetric form takes roots of eigenvalues that are zero up to 1e-15: each may add 1e-7.
    EXPECT_NEAR(trace_of_root_gram(xc, yc), trace_of_root_symmetric(xc, yc), 12 * 2e-7) << n;
  }
}

TEST(UnbiasedMmd, IsCentredOnZeroForEqualDistributions) {
  double sum = 0;
  double squares = 0;
  const int trials = 200;
  for (int i = 0; i < trials; ++i) {
    const double value = unbiased_mmd2(normal_rows(12, 4, 100 + 2 * i), normal_rows(12, 4, 101 + 2 * i));
    sum += value;
    squares += value * value;
  }
  const double mean = sum / trials;
  const double error = std::sqrt((squares / trials - mean * mean) / trials);
  EXPECT_LT(std::abs(mean), 4 * error);
}

TEST(UnbiasedMmd, SeesAShift) {
  const MatrixXd y = normal_rows(60, 4, 8).rowwise() + Eigen::RowVector4d(1, 1, 1, 1);
  EXPECT_GT(unbiased_mmd2(normal_rows(60, 4, 7), y), 0.5);
}

TEST(FrechetDistance, RefusesOtherShapes) {
  EXPECT_THROW(frechet_distance(normal_rows(1, 3, 1), normal_rows(5, 3, 2)), std::invalid_argument);
  EXPECT_THROW(frechet_distance(normal_rows(5, 2, 1), normal_rows(5, 3, 2)), std::invalid_argument);
}

}  // namespace
}  // namespace bitemark
