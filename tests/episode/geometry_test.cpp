#include "episode/geometry.h"

#include <gtest/gtest.h>

#include <cmath>
#include <numbers>

namespace bitemark {
namespace {

constexpr double kTolerance = 1e-12;  // a few dozen roundings of numbers of order 10

void expect_near(const Vec3& a, const Vec3& b) {
  for (std::size_t i = 0; i < 3; ++i) EXPECT_NEAR(a[i], b[i], kTolerance);
}

const double kHalf = std::sqrt(0.5);

TEST(Rotate, QuarterTurnAboutZTakesXToY) { expect_near(rotate({kHalf, 0, 0, kHalf}, {1, 0, 0}), {0, 1, 0}); }

TEST(Pose, InverseUndoes) {
  const Pose X{{1, 2, 3}, {0.5, 0.5, 0.5, 0.5}};
  expect_near(transform(inverse(X), transform(X, {4, -5, 6})), {4, -5, 6});
  expect_near(transform(compose(X, inverse(X)), {7, 8, 9}), {7, 8, 9});
}

TEST(RotationVector, HasTheAngleForItsLength) {
  const double angle = 0.7;
  expect_near(rotation_vector({std::cos(angle / 2), 0, std::sin(angle / 2), 0}), {0, angle, 0});
  expect_near(rotation_vector({-std::cos(angle / 2), 0, -std::sin(angle / 2), 0}), {0, angle, 0});
  expect_near(rotation_vector({1, 0, 0, 0}), {0, 0, 0});
}

TEST(Project, InvertsUnproject) {
  const Camera camera{100, 110, 32, 30, {{1, -4, 2}, {kHalf, -kHalf, 0, 0}}, 0};
  const auto projection = project(camera, unproject(camera, 12.25, 50.5, 3.5));
  EXPECT_NEAR(projection.u, 12.25, 1e-10);
  EXPECT_NEAR(projection.v, 50.5, 1e-10);
  EXPECT_NEAR(projection.depth, 3.5, kTolerance);
}

TEST(Project, CameraLooksAlongItsZAxis) {
  // Turned by -90 degrees about x, the camera's z axis is the world's y axis and its y axis the world's -z.
  const Camera camera{100, 100, 32, 32, {{0, 0, 0}, {kHalf, -kHalf, 0, 0}}, 0};
  const auto ahead = project(camera, {0, 5, 0});
  EXPECT_NEAR(ahead.depth, 5, kTolerance);
  const auto above = project(camera, {0, 5, 1});
  EXPECT_LT(above.v, 32);  // higher in the world is higher in the picture
}

}  // namespace
}  // namespace bitemark
