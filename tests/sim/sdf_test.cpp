#include "sim/sdf.h"

#include <gtest/gtest.h>

#include <cmath>
#include <map>
#include <numbers>

namespace bitemark::sim {
namespace {

constexpr double kRadius = 0.45, kHeight = 0.1;

/// By the divergence theorem; positive when the triangles face outwards.
double volume_of(const Mesh& mesh) {
  double volume = 0;
  for (const auto& [a, b, c] : mesh.triangles) {
    volume += static_cast<double>(dot(mesh.positions[a], cross(mesh.positions[b], mesh.positions[c]))) / 6;
  }
  return volume;
}

/// The rounded disc in closed form: a cylinder of radius c = R - r and height 2 (h/2 - r) grown by r (Steiner).
double cookie_volume() {
  const double r = 0.4 * kHeight, c = kRadius - r, inner = kHeight - 2 * r;
  const double pi = std::numbers::pi;
  return pi * c * c * inner                             // core
         + 2 * pi * c * c * r + 2 * pi * c * inner * r  // its faces, raised by r
         + pi * pi * r * r * c                          // two rims of a quarter circle (and below: their spread)
         + pi * inner * r * r + 4.0 / 3 * pi * r * r * r;
}

Bite right_bite() { return {{kRadius - 0.02, 0, 0}, 0.15, std::numbers::pi}; }

TEST(Sdf, CookieHasItsVolume) {
  const SdfGrid cookie = SdfGrid::cookie(kRadius, kHeight);
  // The sampled edge is rounded by a fraction of a cell (19 mm): 2 % of a disc that is five cells high.
  EXPECT_NEAR(cookie.mass_properties().volume / cookie_volume(), 1, 0.02);
  EXPECT_NEAR(volume_of(cookie.mesh()) / cookie_volume(), 1, 0.03);
}

TEST(Sdf, InertiaOfTheCookieIsADiscs) {
  const MassProperties m = SdfGrid::cookie(kRadius, kHeight).mass_properties();
  for (int axis = 0; axis < 3; ++axis) EXPECT_NEAR(m.center[static_cast<std::size_t>(axis)], 0, 1e-6);
  // Between the discs of radius R and R - r, r = 0.04 the rounding of the edge.
  EXPECT_LT(m.second_moment[2], m.volume * kRadius * kRadius / 2);
  EXPECT_GT(m.second_moment[2], m.volume * (kRadius - 0.04) * (kRadius - 0.04) / 2);
  EXPECT_NEAR(m.second_moment[0], m.second_moment[1], 1e-6 * m.second_moment[0]);
}

TEST(Sdf, RemainderAndBiteMakeTheWhole) {
  const SdfGrid whole = SdfGrid::cookie(kRadius, kHeight);
  SdfGrid rest = whole;
  rest.subtract(right_bite());
  // What was removed, by another way: points of a fine lattice that are inside the whole and not inside the rest.
  const double step = 0.004;
  double removed = 0;
  for (double x = 0.1; x < 0.6; x += step) {
    for (double y = -0.3; y < 0.3; y += step) {
      for (double z = -0.06; z < 0.06; z += step) {
        const V3 p = to_float({x, y, z});
        removed += whole.at(p) < 0 && rest.at(p) >= 0 ? step * step * step : 0;
      }
    }
  }
  const double books = whole.mass_properties().volume - rest.mass_properties().volume;
  EXPECT_GT(removed, 0.001);              // about pi 0.15^2 / 2 * 0.1
  EXPECT_NEAR(books / removed, 1, 0.03);  // two ways to sample cells of 19 mm
  EXPECT_LT(rest.mass_properties().center[0], -0.005) << "the centre moves away from the mark";
}

TEST(Sdf, MeshIsClosedWithTheBiteOnIt) {
  SdfGrid cookie = SdfGrid::cookie(kRadius, kHeight);
  cookie.subtract(right_bite());
  const Mesh mesh = cookie.mesh();
  std::map<std::pair<std::uint32_t, std::uint32_t>, int> edges;
  for (const auto& t : mesh.triangles) {
    for (std::size_t i = 0; i < 3; ++i) ++edges[{t[i], t[(i + 1) % 3]}];
  }
  for (const auto& [edge, count] : edges) {
    const auto back = edges.find({edge.second, edge.first});
    ASSERT_TRUE(back != edges.end() && back->second == count) << "an open edge";
  }
  EXPECT_NEAR(volume_of(mesh) / cookie.mass_properties().volume, 1, 0.03);
}

TEST(Sdf, CollisionShapeFollowsTheBite) {
  SdfGrid cookie = SdfGrid::cookie(kRadius, kHeight);
  const auto covers = [](const CollisionShape& shape, double x, double y) {
    for (const CollisionShape::Part& part : shape.boxes) {
      if (std::abs(x - part.center[0]) < part.size[0] / 2 && std::abs(y - part.center[1]) < part.size[1] / 2)
        return true;
    }
    return false;
  };
  EXPECT_TRUE(covers(cookie.collision_shape(), 0.38, 0.01));
  cookie.subtract(right_bite());
  EXPECT_FALSE(covers(cookie.collision_shape(), 0.38, 0.01));
  EXPECT_TRUE(covers(cookie.collision_shape(), -0.38, 0.01));
}

}  // namespace
}  // namespace bitemark::sim
