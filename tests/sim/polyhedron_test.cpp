#include "sim/polyhedron.h"

#include <gtest/gtest.h>

#include <cmath>
#include <numbers>

namespace bitemark::sim {
namespace {

TEST(Polyhedron, BlockHasTheTextbookMoments) {
  Polyhedron block = make_block({0.3, 0.5, 0.7});
  translate(block, {1, -2, 3});
  const SolidMoments m = moments_of(block);
  const double volume = 0.3 * 0.5 * 0.7;
  // Sums of a dozen products near 1: rounding stays below 1e-14; 1e-9 is what the books of a scene need.
  EXPECT_NEAR(m.volume, volume, 1e-12);
  EXPECT_NEAR(norm(m.center - Vec3{1, -2, 3}), 0, 1e-12);
  EXPECT_NEAR(m.inertia[0][0], volume / 12 * (0.25 + 0.49), 1e-9 * volume);
  EXPECT_NEAR(m.inertia[1][1], volume / 12 * (0.09 + 0.49), 1e-9 * volume);
  EXPECT_NEAR(m.inertia[2][2], volume / 12 * (0.09 + 0.25), 1e-9 * volume);
  EXPECT_NEAR(m.inertia[0][1], 0, 1e-9 * volume);
}

TEST(Polyhedron, WedgeIsHalfABlockWithItsCentreAtAThird) {
  const SolidMoments m = moments_of(make_wedge({1.2, 0.5, 0.6}));
  EXPECT_NEAR(m.volume, 1.2 * 0.5 * 0.6 / 2, 1e-12);
  EXPECT_NEAR(m.center[0], 1.2 / 6, 1e-12) << "a third from the high side: 0.6 - 0.4 from the middle";
  EXPECT_NEAR(m.center[2], -0.6 / 6, 1e-12);
}

TEST(Polyhedron, PartsMakeTheWhole) {
  Polyhedron left = make_block({0.2, 0.4, 0.6}), right = left;
  translate(left, {-0.1, 0, 0});
  translate(right, {0.1, 0, 0});
  const SolidMoments sum = combined({moments_of(left), moments_of(right)});
  const SolidMoments whole = moments_of(make_block({0.4, 0.4, 0.6}));
  EXPECT_NEAR(sum.volume, whole.volume, 1e-14);
  for (std::size_t i = 0; i < 3; ++i) EXPECT_NEAR(sum.inertia[i][i], whole.inertia[i][i], 1e-12);
}

TEST(Polyhedron, PrincipalAxesRebuildTheTensor) {
  const std::array<std::array<double, 3>, 3> inertia{{{2.0, 0.3, -0.2}, {0.3, 1.5, 0.4}, {-0.2, 0.4, 1.1}}};
  const PrincipalAxes found = principal_axes(inertia);
  for (std::size_t i = 0; i < 3; ++i) {
    for (std::size_t j = 0; j < 3; ++j) {
      double rebuilt = 0;
      for (std::size_t k = 0; k < 3; ++k) {
        Vec3 axis{0, 0, 0};
        axis[k] = 1;
        const Vec3 column = rotate(found.axes, axis);
        rebuilt += column[i] * found.moments[k] * column[j];
      }
      EXPECT_NEAR(rebuilt, inertia[i][j], 1e-12) << i << j;
    }
  }
}

TEST(Polyhedron, VesselInPiecesIsClosedAndWhole) {
  const Vessel vessel{0.2, 0.16, 0.4, 0.02, false};
  Pcg32 random = stream_for(7, "cuts");
  for (const double jitter : {0.0, 0.8}) {
    std::vector<SolidMoments> parts;
    for (const Polyhedron& piece : cut_vessel(vessel, 9, 3, jitter, random)) {
      const SolidMoments m = moments_of(piece);
      EXPECT_GT(m.volume, 0) << "faces look outwards";
      for (const Vec3& corner : eroded_corners(piece, 0.001)) EXPECT_LT(norm(corner - m.center), 0.3);
      // A closed surface has no net area: the divergence theorem for constant fields.
      Vec3 area{0, 0, 0};
      for (const auto& face : piece.faces) {
        for (std::size_t k = 1; k + 1 < face.size(); ++k) {
          area = area + cross(piece.corners[face[k]] - piece.corners[face[0]],
                              piece.corners[face[k + 1]] - piece.corners[face[0]]);
        }
      }
      EXPECT_NEAR(norm(area), 0, 1e-12);
      parts.push_back(m);
    }
    EXPECT_EQ(parts.size(), 36U);
    if (jitter > 0) continue;
    // Nine-sided frusta: outer minus inner wall, and the bottom. A regular n-gon has n/2 sin(2 pi/n) r^2 of area.
    const double n_gon = 9 / 2.0 * std::sin(2 * std::numbers::pi / 9), wall = 0.4 - 0.02;
    const double end = 0.2 + 0.95 * (0.16 - 0.2);  // outer radius where the bottom begins
    const auto frustum = [&](double h, double r, double s) { return n_gon * h / 3 * (r * r + r * s + s * s); };
    const double expected = frustum(wall, 0.2, end) - frustum(wall, 0.18, end - 0.02) + frustum(0.02, end, 0.16);
    EXPECT_NEAR(combined(parts).volume, expected, 1e-12);
  }
}

}  // namespace
}  // namespace bitemark::sim
