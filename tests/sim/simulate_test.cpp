#include "sim/simulate.h"

#include <gmock/gmock.h>

#include <cmath>
#include <fstream>

#include "base/error.h"
#include "sim/scenarios.h"
#include "temporary_folder.h"

namespace bitemark {
namespace {

struct Pinned {
  const char* scenario;
  const char* digest;
};
void PrintTo(const Pinned& pinned, std::ostream* out) { *out << pinned.scenario; }

/// Test take 0 at 32 x 32 pixels, 12 fps. A change here is a change of every number that was ever reported.
constexpr Pinned kPinned[] = {
    {"behind-the-wall", "a2867a1cc3be38ca"}, {"bounce", "3bda369164fc6d1f"},     {"cookie-bite", "098e76812af5219f"},
    {"launch", "2fcd64011b679ba6"},          {"left-right", "cd035dd0b71da5ab"}, {"look-away", "f2fb498646bcad63"},
    {"orbit", "29fd4622e4a94f85"},
};

class Scenarios : public testing::TestWithParam<Pinned> {};

TEST_P(Scenarios, HaveTheirDigestOnAnyNumberOfThreads) {
  const Scenario scenario = shipped(GetParam().scenario);
  for (const int threads : {1, 2, 4}) {
    RenderOptions options = small_options();
    options.threads = threads;
    EXPECT_EQ(digest(render_episode(scenario, "test", 0, options)), GetParam().digest) << threads << " threads";
  }
}

TEST_P(Scenarios, FillTheContract) {
  const Scenario scenario = shipped(GetParam().scenario);
  const Episode episode = render_episode(scenario, "test", 0, small_options());
  const EpisodeInfo& info = episode.info;
  const auto frames = static_cast<std::size_t>(info.frame_count);
  EXPECT_EQ(info.frame_count, static_cast<int>(scenario.duration_s * 12));
  EXPECT_EQ(info.context_frames, std::llround(scenario.context_s * 12));
  EXPECT_EQ(episode.clip.size(), frames);
  EXPECT_EQ(info.cameras.size(), frames);
  EXPECT_EQ(info.states.size(), frames);
  EXPECT_EQ(info.controls.values.size(), frames * Controls::width());
  EXPECT_THAT(info.captions, testing::Contains(info.caption));
  EXPECT_THAT(info.captions, testing::SizeIs(testing::Ge(2U)));
  EXPECT_FALSE(info.metrics.empty());
  int tracked = 0;
  for (const Body& body : info.bodies) tracked += body.tracked && !body.color_name.empty();
  EXPECT_GE(tracked, 1);
  const EpisodeInfo again = episode_info_from_json(to_json(info), "memory");
  EXPECT_EQ(to_json(again), to_json(info));
}

TEST_P(Scenarios, SecondTakeIsNearAndNotTheSame) {
  const Scenario scenario = shipped(GetParam().scenario);
  RenderOptions options = small_options(64);
  options.truth = false;
  const Episode take = render_episode(scenario, "test", 2, options);
  options.second_take = 1;
  const Episode twin = render_episode(scenario, "test", 2, options);
  options.second_take = 2;
  const Episode other = render_episode(scenario, "test", 2, options);
  EXPECT_NE(digest_of(take.clip), digest_of(twin.clip));
  EXPECT_NE(digest_of(other.clip), digest_of(twin.clip));
  EXPECT_EQ(take.info.caption, twin.info.caption);
  for (std::size_t b = 0; b < take.info.bodies.size(); ++b) {
    if (!take.info.bodies[b].tracked) continue;
    const BodyState& a = take.info.states[0][b];
    const BodyState& c = twin.info.states[0][b];
    const double apart = std::hypot(a.u - c.u, a.v - c.v);
    EXPECT_GT(apart, 0.02) << take.info.bodies[b].name;
    EXPECT_LT(apart, 0.3) << "a quarter of a pixel, seen at up to 1.2 of the optical axis' scale";
  }
}

TEST_P(Scenarios, AreTheSameFutureAtAnyRate) {
  const Scenario scenario = shipped(GetParam().scenario);
  RenderOptions options = small_options();
  options.truth = false;
  const Episode slow = render_episode(scenario, "test", 0, options);
  options.rate = {24, 1};
  const Episode fast = render_episode(scenario, "test", 0, options);
  for (std::size_t frame = 0; frame < slow.clip.size(); ++frame) {
    ASSERT_EQ(slow.clip.frames[frame], fast.clip.frames[2 * frame]) << frame;
  }
}

INSTANTIATE_TEST_SUITE_P(All, Scenarios, testing::ValuesIn(kPinned), [](const auto& test) {
  std::string name = test.param.scenario;
  name.erase(std::remove(name.begin(), name.end(), '-'), name.end());
  return name;
});

TEST(Simulate, LeavesOutWhatIsNotAskedFor) {
  RenderOptions options = small_options();
  const Episode with = render_episode(shipped("launch"), "train", 3, options);
  options.truth = options.visibility = false;
  const Episode without = render_episode(shipped("launch"), "train", 3, options);
  EXPECT_TRUE(without.truth.empty());
  EXPECT_EQ(digest_of(with.clip), digest_of(without.clip));
  EXPECT_EQ(without.info.states[0][0].visible_px, 0);
  EXPECT_GT(with.info.states[0][0].visible_px, 0);
}

TEST(Simulate, TextToVideoHasNoContext) {
  RenderOptions options = small_options();
  options.mode = "text-to-video";
  EXPECT_EQ(render_episode(shipped("left-right"), "test", 0, options).info.context_frames, 0);
  EXPECT_THROW(render_episode(shipped("bounce"), "test", 0, options), InputError);
}

TEST(Simulate, RefusesNonsense) {
  const Scenario scenario = shipped("bounce");
  EXPECT_THROW(render_episode(scenario, "validation", 0, small_options()), InputError);
  EXPECT_THROW(render_episode(scenario, "test", -1, small_options()), InputError);
  EXPECT_THROW(render_episode(scenario, "test", 0, small_options(8)), InputError);
  RenderOptions options = small_options();
  options.duration_s = std::nan("");
  EXPECT_THROW(render_episode(scenario, "test", 0, options), InputError);
  options.duration_s = {};
  options.fault = "gremlins";
  EXPECT_THROW(render_episode(scenario, "test", 0, options), InputError);
}

TEST(Simulate, CookieKeepsItsBooks) {
  const Episode episode = render_episode(shipped("cookie-bite"), "test", 4, small_options());
  const Body& cookie = *episode.body("cookie");
  const double density = 600;  // of cookies
  double volume = episode.state(0, cookie.id).mass_kg / density;
  int bites = 0;
  for (const Event& event : episode.info.events) {
    if (event.type != "bite") continue;
    ++bites;
    volume -= event.more["removed_m3"].get<double>();
    EXPECT_NEAR(event.more["remaining_m3"].get<double>(), volume, 1e-12);
    EXPECT_NEAR(episode.state(event.frame, cookie.id).mass_kg / density, volume, 1e-12);
    EXPECT_GT(episode.state(event.frame - 1, cookie.id).mass_kg / density, volume + 1e-5);
  }
  EXPECT_EQ(bites, 2);
}

TEST(Simulate, ImpulsesAreChangesOfMomentum) {
  const Episode episode = render_episode(shipped("launch"), "test", 0, small_options());
  const auto struck = episode.body("struck")->id;
  for (const Event& event : episode.info.events) {
    if (event.type != "contact_begin" || event.ids[1] == 0) continue;
    const BodyState before = episode.state(event.frame - 1, struck), after = episode.state(event.frame, struck);
    const double along = after.velocity[0] * event.normal[0] + after.velocity[1] * event.normal[1];
    const double was = before.velocity[0] * event.normal[0] + before.velocity[1] * event.normal[1];
    // Friction of the floor takes up to mu g dt m within the frame: 0.2 * 9.81 / 12 of a speed near 1 m/s.
    EXPECT_NEAR(std::abs(along - was) * after.mass_kg / event.impulse_Ns, 1, 0.2);
    return;
  }
  FAIL() << "no contact between the balls";
}

TEST(Simulate, ControlsTellCameraAndJaws) {
  const Episode look = render_episode(shipped("look-away"), "test", 0, small_options());
  const Episode bite = render_episode(shipped("cookie-bite"), "test", 0, small_options());
  double turned = 0;
  for (int frame = 0; frame < look.info.frame_count; ++frame) {
    const float* row = look.info.controls.values.data() + static_cast<std::size_t>(frame) * Controls::width();
    turned = std::max(turned, static_cast<double>(std::hypot(row[3], row[4], row[5])));
    EXPECT_EQ(row[6], 0);
  }
  EXPECT_GT(turned, 58 * M_PI / 180 * 0.95);
  for (const Event& event : bite.info.events) {
    if (event.type != "bite") continue;
    const float* row = bite.info.controls.values.data() + static_cast<std::size_t>(event.frame) * Controls::width();
    const Projection p = project(bite.info.cameras[0], event.position);
    EXPECT_EQ(row[6], 1);
    EXPECT_NEAR(row[7], 2 * p.u / 32 - 1, 1e-5);
    EXPECT_NEAR(row[8], 2 * p.v / 32 - 1, 1e-5);
    EXPECT_GT(row[9], 0.9);
  }
}

TEST(Simulate, RejectedDrawsAreLoggedAndEndInASentence) {
  TemporaryFolder folder;
  Json document = load_json(scenario_path("bounce"));
  document["require"] = Json::parse(R"([{"rule": "hidden", "body": "ball", "min_frames": 3}])");
  save_json(folder.path() / "impossible.json", document);
  const Scenario impossible = load_scenario(folder.path() / "impossible.json");
  int rejected = 0;
  log_rejections([&](const auto&...) { ++rejected; });
  try {
    render_episode(impossible, "test", 0, small_options());
    FAIL() << "a take that cannot be";
  } catch (const InputError& error) {
    EXPECT_THAT(error.what(), testing::HasSubstr("is hidden for 0 frames only"));
  }
  log_rejections({});
  EXPECT_EQ(rejected, 200);
}

}  // namespace
}  // namespace bitemark
