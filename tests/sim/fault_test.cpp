#include <gtest/gtest.h>

#include "base/error.h"
#include "sim/scenarios.h"

namespace bitemark {
namespace {

struct Applied {
  std::string fault, scenario;
  int takes = 4;
};

/// Every line of scenarios/faults.json; two takes where a fault is staged and not tried on the metrics.
std::vector<Applied> all_applied() {
  std::vector<Applied> all;
  const Json table = load_json(std::filesystem::path(BITEMARK_SOURCE_DIR) / "scenarios" / "faults.json");
  for (const auto& [name, entry] : table["faults"].items()) {
    for (const char* list : {"scenarios", "staged"}) {
      for (const auto& scenario : entry.value(list, std::vector<std::string>{}))
        all.push_back({name, scenario, std::string(list) == "staged" ? 2 : 4});
    }
  }
  return all;
}

class Faults : public testing::TestWithParam<Applied> {};

TEST_P(Faults, BeginWhereTheySayAndNotBefore) {
  const Scenario scenario = shipped(GetParam().scenario);
  for (int take = 0; take < GetParam().takes; ++take) {
    RenderOptions options = small_options(64);
    options.truth = options.visibility = false;
    const Episode truth = render_episode(scenario, "test", take, options);
    options.fault = GetParam().fault;
    const Episode faulty = render_episode(scenario, "test", take, options);
    const int first = faulty.info.fault_first_frame;
    ASSERT_GE(first, truth.info.context_frames);
    ASSERT_LT(first, truth.info.frame_count);
    for (int frame = 0; frame < first; ++frame) {
      ASSERT_EQ(truth.clip.frames[static_cast<std::size_t>(frame)],
                faulty.clip.frames[static_cast<std::size_t>(frame)]);
    }
    EXPECT_NE(truth.clip.frames[static_cast<std::size_t>(first)], faulty.clip.frames[static_cast<std::size_t>(first)]);
  }
}

INSTANTIATE_TEST_SUITE_P(Table, Faults, testing::ValuesIn(all_applied()), [](const auto& test) {
  std::string name = test.param.fault + "In" + test.param.scenario;
  name.erase(std::remove(name.begin(), name.end(), '-'), name.end());
  return name;
});

TEST(Fault, VanishedBodyStaysAway) {
  RenderOptions options = small_options(64);
  options.fault = "vanish-while-hidden";
  const Episode episode = render_episode(shipped("behind-the-wall"), "test", 0, options);
  const auto ball = episode.body("ball")->id;
  for (int frame = episode.info.fault_first_frame; frame < episode.info.frame_count; ++frame) {
    EXPECT_EQ(episode.state(frame, ball).visible_px, 0);
    EXPECT_FALSE(episode.state(frame, ball).alive);
  }
}

TEST(Fault, MissingMarkLeavesTheCookieHeavier) {
  RenderOptions options = small_options(64);
  const Episode truth = render_episode(shipped("cookie-bite"), "test", 1, options);
  options.fault = "missing-mark";
  const Episode faulty = render_episode(shipped("cookie-bite"), "test", 1, options);
  const auto bites = [](const Episode& e) {
    return std::count_if(e.info.events.begin(), e.info.events.end(), [](const Event& x) { return x.type == "bite"; });
  };
  EXPECT_EQ(bites(truth), 2);
  EXPECT_EQ(bites(faulty), 1);
  const auto cookie = truth.body("cookie")->id;
  const int last = truth.info.frame_count - 1;
  EXPECT_GT(faulty.state(last, cookie).visible_px, truth.state(last, cookie).visible_px + 10);
}

/// Vertical accelerations of the ball [m/s^2] between frames from the fault on, where it touches nothing.
std::vector<double> accelerations_in_flight(const Episode& episode) {
  const auto ball = episode.body("ball")->id;
  std::vector<double> found;
  for (int frame = episode.info.fault_first_frame + 1; frame < episode.info.frame_count; ++frame) {
    const bool touches = std::any_of(episode.info.events.begin(), episode.info.events.end(), [&](const Event& event) {
      return event.frame >= frame - 1 && event.frame <= frame + 1;
    });
    if (touches) continue;
    const double change = episode.state(frame, ball).velocity[2] - episode.state(frame - 1, ball).velocity[2];
    found.push_back(change * episode.info.rate.hz());
  }
  return found;
}

TEST(Fault, GravityIsWhatTheFaultMakesOfIt) {
  for (const auto& [fault, factor] : {std::pair{"weak-gravity", 0.25}, std::pair{"reversed-gravity", -1.0}}) {
    RenderOptions options = small_options(64);
    options.fault = fault;
    const auto found = accelerations_in_flight(render_episode(shipped("bounce"), "test", 2, options));
    ASSERT_FALSE(found.empty()) << fault;
    // A frame's velocity is that of a step, 1/960 s long: at 12 frames a second 80 or 81 steps lie between two frames.
    for (const double a : found) EXPECT_NEAR(a, -9.81 * factor, 9.81 / 80 + 1e-6) << fault;
  }
}

TEST(Fault, ABallThatPassesThroughGoesStraightOn) {
  RenderOptions options = small_options(64);
  options.fault = "pass-through";
  const Episode episode = render_episode(shipped("launch"), "test", 1, options);
  int moving = 0;
  for (const Body& body : episode.info.bodies) {
    if (!body.tracked) continue;
    const int first = episode.info.fault_first_frame, last = episode.info.frame_count - 1;
    const double vx = episode.state(first, body.id).velocity[0];
    const double moved = episode.state(last, body.id).X_WB.position[0] - episode.state(first, body.id).X_WB.position[0];
    EXPECT_NEAR(moved, vx * (last - first) / episode.info.rate.hz(), 1e-9) << body.name;
    moving += std::abs(vx) > 0.1 ? 1 : 0;
  }
  EXPECT_EQ(moving, 1);
}

TEST(Fault, TheControlsStayThoseThatWereAsked) {
  RenderOptions options = small_options(64);
  const Episode truth = render_episode(shipped("orbit"), "test", 0, options);
  options.fault = "wrong-camera";
  const Episode faulty = render_episode(shipped("orbit"), "test", 0, options);
  EXPECT_EQ(truth.info.controls.values, faulty.info.controls.values);
  const auto last = static_cast<std::size_t>(truth.info.frame_count - 1);
  EXPECT_NE(truth.info.cameras[last].X_WC.position, faulty.info.cameras[last].X_WC.position);
}

TEST(Fault, SaysWhyItDoesNotApply) {
  RenderOptions options = small_options(64);
  options.fault = "missing-mark";
  EXPECT_THROW(render_episode(shipped("bounce"), "test", 0, options), InputError);
}

}  // namespace
}  // namespace bitemark
