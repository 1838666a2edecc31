// Pixels that a shader keeps from the picture before are those that it would have made.
#include "sim/reuse.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "sim/motion.h"
#include "sim/scenarios.h"
#include "sim/world.h"

namespace bitemark::sim {
namespace {

class Kept : public testing::TestWithParam<const char*> {};

// One shader draws the whole clip, another has no past: moving shadows, marks that grow, lamps, bites, shards, cloth.
TEST_P(Kept, EqualsAPictureWithoutAPast) {
  constexpr int kSize = 96, kStride = 2;
  const Scenario scenario = load_scenario(scenario_path(GetParam()));
  World world;
  world.scene = resolve(scenario, "test", 0, 0);
  world.motion = simulate(world.scene);
  const Rate rate{12, 1};
  const int count = static_cast<int>(std::min(scenario.duration_s, 5.0) * rate.hz());
  world.timeline = make_timeline(world.scene, world.motion, rate, count, kSize, kSize);
  const Stage stage(world.scene, world.motion, needs_fine_meshes(kSize));
  Shader with_past;
  for (int t = 0; t < count; t += kStride) {
    Shader fresh;
    const Frame kept = render_frame(world, stage, t, kSize, kSize, with_past);
    ASSERT_EQ(kept.rgb, render_frame(world, stage, t, kSize, kSize, fresh).rgb) << "frame " << t;
    EXPECT_EQ(fresh.kept(), 0);
  }
}

INSTANTIATE_TEST_SUITE_P(All, Kept,
                         testing::Values("bounce", "lights-off-on", "sand-track", "brush-stroke", "button-lamp",
                                         "cookie-bite", "glass-shatters", "cloth-over-ball", "voxel-break",
                                         "two-cameras", "character-in-three-shots", "newtons-cradle"),
                         [](const auto& one) {
                           std::string name = one.param;
                           std::replace(name.begin(), name.end(), '-', '_');
                           return name;
                         });

// The camera of this one stands still, and so does most of what it sees.
TEST(KeptPixels, MostOfAStillPicture) {
  const Scenario scenario = load_scenario(scenario_path("bounce"));
  World world;
  world.scene = resolve(scenario, "test", 0, 0);
  world.motion = simulate(world.scene);
  world.timeline = make_timeline(world.scene, world.motion, {12, 1}, 2, 256, 256);
  const Stage stage(world.scene, world.motion, true);
  Shader shader;
  render_frame(world, stage, 0, 256, 256, shader);
  render_frame(world, stage, 1, 256, 256, shader);
  EXPECT_GT(shader.kept(), 0.5);
  render_frame(world, stage, 1, 256, 256, shader);  // the same picture again
  EXPECT_EQ(shader.kept(), 1);
}

}  // namespace
}  // namespace bitemark::sim
