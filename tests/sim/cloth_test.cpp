#include "sim/cloth.h"

#include <gtest/gtest.h>

#include <cmath>

#include "sim/scenarios.h"
#include "sim/vec.h"

namespace bitemark::sim {
namespace {

struct Draped {
  SceneSpec scene = resolve(shipped("cloth-over-ball"), "test", 0, 0);
  Motion motion = simulate(scene);
  const ClothMotion& cloth() const { return motion.cloths.at(0); }
  const BodySpec& ball() const { return scene.bodies[static_cast<std::size_t>(scene.find("ball"))]; }
};

const Draped& draped() {
  static const Draped once;
  return once;
}

TEST(Cloth, FliesLikeABodyUntilItTouches) {
  const auto& nodes = draped().cloth().nodes;
  const BodySpec& cloth = draped().scene.bodies.back();
  double z = 0;
  for (const Vec3& node : nodes[60]) z += node[2] / static_cast<double>(nodes[60].size());
  const double t = 60 / 240.0, v = cloth.rigid.velocity[2];
  // Symplectic Euler: g t dt / 2 = 5 mm. Air takes 0.4 % of up to 1.5 m/s in each of 60 steps: at most 0.36 m/s in the
  // end, 0.045 m of way.
  EXPECT_NEAR(z, cloth.rigid.X_WB.position[2] + v * t - 9.81 * t * t / 2, 0.05);
}

TEST(Cloth, LiesOnBallAndFloorAndKeepsItsSize) {
  const auto& last = draped().cloth().nodes.back();
  const Vec3 center = draped().ball().rigid.X_WB.position;
  const double radius = draped().ball().size[0];
  const auto n = static_cast<std::size_t>(draped().cloth().side);
  int on_ball = 0;
  double longest = 0, shortest = 1e9;
  for (std::size_t i = 0; i < last.size(); ++i) {
    EXPECT_GT(norm(last[i] - center), radius - 0.005) << "node " << i << " is inside the ball";
    EXPECT_GT(last[i][2], -0.005) << "node " << i << " is under the floor";
    on_ball += norm(last[i] - center) < radius + 0.05;
    if (i % n + 1 == n) continue;
    const double rest = norm(draped().cloth().rest[i + 1] - draped().cloth().rest[i]);
    const double edge = norm(last[i + 1] - last[i]) / rest;
    longest = std::max(longest, edge);
    shortest = std::min(shortest, edge);
  }
  EXPECT_GT(on_ball, 60) << "it drapes the ball";
  EXPECT_LT(longest, 1.25) << "its threads stretch a little: 12 iterations of position-based dynamics";
  EXPECT_GT(shortest, 0.6);
}

TEST(Cloth, IsTheSameEveryTime) {
  const Motion again = simulate(draped().scene);
  EXPECT_EQ(again.cloths[0].nodes.back(), draped().cloth().nodes.back());
}

TEST(Cloth, FlowFollowsTheThreads) {
  const Episode episode = render_episode(shipped("cloth-over-ball"), "test", 0, small_options(128));
  const ClothMotion& cloth = draped().cloth();
  const auto id = episode.body("cloth")->id;
  int compared = 0;
  for (int t = 6; t < 14; ++t) {
    const auto frame = static_cast<std::size_t>(t);
    const ClothShape here = cloth_at(cloth, t / 12.0), there = cloth_at(cloth, (t + 1) / 12.0);
    const FrameTruth& truth = episode.truth[frame];
    for (std::size_t i = 0; i < cloth.rest.size(); ++i) {
      const auto place = [&](const ClothShape& shape, std::size_t f) {
        const V3 p = shape.mesh->positions[i];
        return project(episode.info.cameras[f], shape.X_WB.position + Vec3{p.x, p.y, p.z});
      };
      const Projection from = place(here, frame), to = place(there, frame + 1);
      const auto pixel = static_cast<std::size_t>(from.v) * 128 + static_cast<std::size_t>(from.u);
      const bool seen = from.u >= 0 && from.u < 128 && from.v >= 0 && from.v < 128 && truth.ids[pixel] == id &&
                        std::abs(static_cast<double>(truth.depth[pixel]) - from.depth) < 0.01;
      if (!seen || (truth.flow_flags[pixel] & (FrameTruth::kForwardOccluded | FrameTruth::kForwardLeft)) != 0) continue;
      ++compared;
      // The pixel's centre lies up to 0.7 px from the node; the cloth turns by up to a radian within a frame.
      EXPECT_NEAR(truth.flow_forward[2 * pixel], to.u - from.u, 1.0) << "frame " << t << " node " << i;
      EXPECT_NEAR(truth.flow_forward[2 * pixel + 1], to.v - from.v, 1.0) << "frame " << t << " node " << i;
    }
  }
  EXPECT_GT(compared, 500);
}

}  // namespace
}  // namespace bitemark::sim
