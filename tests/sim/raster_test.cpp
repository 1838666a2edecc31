#include "sim/raster.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "base/random.h"
#include "sim/shadow_caster.h"

namespace bitemark::sim {
namespace {

Affine identity() { return {{{1, 0, 0}, {0, 1, 0}, {0, 0, 1}}, {0, 0, 0}}; }

/// Facing a camera that looks along z: corners run clockwise on the screen.
Mesh triangle(V3 a, V3 b, V3 c) {
  Mesh mesh;
  mesh.positions = {a, b, c};
  mesh.triangles = {{0, 1, 2}};
  mesh.finish();
  if (mesh.face_normals[0].z > 0) mesh.triangles = {{0, 2, 1}};
  mesh.finish();
  return mesh;
}

VisibilityBuffer draw(const std::vector<MeshPose>& items, const Projector& projector, int width, int height) {
  VisibilityBuffer buffer;
  buffer.clear(width, height);
  Rasterizer().draw(items, projector, buffer);
  return buffer;
}

const Projector kCamera{false, 100, 100, 50, 50};

TEST(Raster, SharedEdgesAreHitExactlyOnce) {
  // A fan of random triangles around a point covers each sample of its outline once: counted by drawing each alone.
  Pcg32 random(7, 1);
  for (int round = 0; round < 20; ++round) {
    const V3 hub{static_cast<float>(random.uniform(-0.1, 0.1)), static_cast<float>(random.uniform(-0.1, 0.1)), 1};
    std::vector<int> hits(100 * 100, 0);
    const int sides = 3 + static_cast<int>(random.below(9));
    std::vector<V3> rim;
    for (int i = 0; i < sides; ++i) {
      const double angle = 2 * M_PI * i / sides, r = random.uniform(0.25, 0.4);
      rim.push_back({static_cast<float>(r * std::cos(angle)), static_cast<float>(r * std::sin(angle)), 1});
    }
    for (int i = 0; i < sides; ++i) {
      const Mesh mesh = triangle(hub, rim[static_cast<std::size_t>(i)], rim[static_cast<std::size_t>((i + 1) % sides)]);
      const VisibilityBuffer buffer = draw({{&mesh, identity()}}, kCamera, 100, 100);
      for (std::size_t p = 0; p < hits.size(); ++p) hits[p] += buffer.surface[p] != kNoSurface;
    }
    int covered = 0;
    for (const int count : hits) {
      ASSERT_LE(count, 1) << "round " << round;
      covered += count;
    }
    EXPECT_EQ(hits[50 * 100 + 50], 1) << "the middle is not missed";
    EXPECT_GT(covered, 800);  // a disc of radius 25 px has 1963, the smallest triangle of the fan 811
  }
}

TEST(Raster, DepthOfATiltedPlaneIsExact) {
  // z = 2 + 0.5 x - 0.3 y; along the ray (u, v, 1): z = 2 / (1 - 0.5 u + 0.3 v)
  const auto at = [](float x, float y) { return V3{x, y, 2 + 0.5F * x - 0.3F * y}; };
  const Mesh mesh = triangle(at(-4, -4), at(4, -3), at(0, 5));
  const VisibilityBuffer buffer = draw({{&mesh, identity()}}, kCamera, 100, 100);
  int seen = 0;
  for (int y = 0; y < 100; ++y) {
    for (int x = 0; x < 100; ++x) {
      const std::size_t p = static_cast<std::size_t>(y * 100 + x);
      if (buffer.surface[p] == kNoSurface) continue;
      ++seen;
      const double u = (x + 0.5 - 50) / 100, v = (y + 0.5 - 50) / 100;
      const double z = 2 / (1 - 0.5 * u + 0.3 * v);
      // Corners are snapped by up to 1/512 px where 1/z changes by 0.0025 a pixel: 5e-6 relative, and float.
      ASSERT_NEAR(1 / buffer.closeness[p] / z, 1, 2e-5) << x << ", " << y;
    }
  }
  EXPECT_GT(seen, 5000);
}

TEST(Raster, NearerSurfaceWinsInAnyOrder) {
  const Mesh near = triangle({-1, -1, 1.5F}, {1, -1, 1.5F}, {0, 1, 1.5F});
  const Mesh far = triangle({-2, -2, 3}, {2, -2, 3}, {0, 2, 3});
  const VisibilityBuffer a = draw({{&near, identity()}, {&far, identity()}}, kCamera, 100, 100);
  const VisibilityBuffer b = draw({{&far, identity()}, {&near, identity()}}, kCamera, 100, 100);
  EXPECT_EQ(a.closeness, b.closeness);
  EXPECT_EQ(VisibilityBuffer::item_of(a.surface[50 * 100 + 50]), 0U);
  EXPECT_EQ(VisibilityBuffer::item_of(b.surface[50 * 100 + 50]), 1U);
}

TEST(Raster, ClipsAtTheNearPlane) {
  // A floor that runs from before the camera to behind it: y = 1 below the camera, seen below the horizon only.
  const Mesh floor = triangle({-50, 1, -20}, {50, 1, -20}, {0, 1, 60});
  const VisibilityBuffer buffer = draw({{&floor, identity()}}, kCamera, 100, 100);
  for (int y = 0; y < 100; ++y) {
    const std::size_t p = static_cast<std::size_t>(y * 100 + 50);
    if (y < 50) {
      ASSERT_EQ(buffer.surface[p], kNoSurface) << y;
    }
    if (y < 53) continue;
    const double v = (y + 0.5 - 50) / 100;
    ASSERT_NE(buffer.surface[p], kNoSurface) << y;
    // The fan's corners lie up to 1000 m aside at the near plane: float positions there are good to 6e-5 relative.
    ASSERT_NEAR(buffer.closeness[p], v, 1e-4) << y;
  }
}

TEST(Raster, CountsWhatWouldBeSeen) {
  const Mesh near = triangle({-1, -1, 1.5F}, {1, -1, 1.5F}, {0, 1, 1.5F});
  const Mesh far = triangle({-1, -1, 3}, {1, -1, 3}, {0, 1, 3});
  VisibilityBuffer both, alone;
  both.clear(100, 100);
  alone.clear(100, 100);
  Rasterizer rasterizer;
  rasterizer.draw_and_count({{&near, identity()}, {&far, identity()}}, {0, 1}, 2, kCamera, both);
  rasterizer.draw_and_count({{&far, identity()}}, {0}, 1, kCamera, alone);
  EXPECT_EQ(both.covered[1], alone.covered[0]);
  EXPECT_GT(both.covered[1], 300);
  int visible = 0;
  for (const std::uint32_t surface : both.surface) {
    visible += surface != kNoSurface && VisibilityBuffer::item_of(surface) == 1;
  }
  EXPECT_LT(visible, both.covered[1]);
}

// Small triangles are tried at eight samples at a time, others by spans, narrow images by spans alone: all must cover
// what the edges enclose, here counted with 64-bit cross products at every sample.
TEST(Raster, CoversWhatTheEdgesEnclose) {
  Pcg32 random(11, 1);
  for (int round = 0; round < 600; ++round) {
    const int width = round % 3 == 0 ? 7 : 100;
    const double size = random.uniform(0.01, round % 2 == 0 ? 0.05 : 0.5);  // [samples / 100]
    const double x = random.uniform(-0.52, -0.5 + width / 100.0), y = random.uniform(-0.52, 0.5);
    const auto corner = [&] {
      return V3{static_cast<float>(x + size * random.uniform()), static_cast<float>(y + size * random.uniform()), 1};
    };
    const V3 a = corner(), b = corner(), c = corner();
    const Mesh mesh = triangle(a, b, c);
    const VisibilityBuffer buffer = draw({{&mesh, identity()}}, kCamera, width, 100);
    const auto snapped = [](float v) { return std::llround(256 * (100.0 * static_cast<double>(v) + 50)); };
    const std::int64_t xs[3] = {snapped(a.x), snapped(b.x), snapped(c.x)};
    const std::int64_t ys[3] = {snapped(a.y), snapped(b.y), snapped(c.y)};
    for (int row = 0; row < 100; ++row) {
      for (int column = 0; column < width; ++column) {
        int left = 0, right = 0;
        for (int e = 0; e < 3; ++e) {
          const int f = (e + 1) % 3;
          const std::int64_t side =
              (xs[f] - xs[e]) * (256 * row + 128 - ys[e]) - (ys[f] - ys[e]) * (256 * column + 128 - xs[e]);
          left += side > 0, right += side < 0;
        }
        const bool seen = buffer.surface[static_cast<std::size_t>(row * width + column)] != kNoSurface;
        if (left == 3 || right == 3) {
          ASSERT_TRUE(seen) << "round " << round << ", sample " << column << ", " << row;
        } else if (left > 0 && right > 0) {
          ASSERT_FALSE(seen) << "round " << round << ", sample " << column << ", " << row;
        }
      }
    }
  }
}

// What stands still is drawn once; the map must be that of a caster that has seen nothing before.
TEST(Shadows, OfALayerAreThoseOfAFreshMap) {
  Pcg32 random(5, 2);
  const std::vector<Mesh> meshes{make_box({0.4, 0.3, 0.2}), make_icosphere(0.2, 2), make_cylinder(0.1, 0.5, 16)};
  const Projector light{true, 40, 40, 64, 64, 0, 4};
  std::vector<MeshPose> casters;
  ShadowCaster with_past;
  std::array<ShadowDepth, 2> maps;  // filled in turn, as pictures do
  for (int frame = 0; frame < 60; ++frame) {
    if (frame % 12 == 0) {  // another scene
      casters.clear();
      for (int i = 0; i < 6; ++i) casters.push_back({&meshes[random.below(3)], identity()});
    }
    for (MeshPose& caster : casters) {  // each moves in some frames
      if (frame % 12 > 0 && random.below(3) > 0) continue;
      caster.X_CB.t = {static_cast<float>(random.uniform(-1, 1)), static_cast<float>(random.uniform(-1, 1)),
                       static_cast<float>(random.uniform(1, 3))};
    }
    ShadowDepth &map = maps[static_cast<std::size_t>(frame % 2)], fresh;
    with_past.draw(casters, light, 128, map);
    ShadowCaster().draw(casters, light, 128, fresh);
    ASSERT_EQ(map.depth.closeness, fresh.depth.closeness) << "frame " << frame;
    EXPECT_GT(*std::max_element(map.depth.closeness.begin(), map.depth.closeness.end()), 1) << "something is there";
  }
}

}  // namespace
}  // namespace bitemark::sim
