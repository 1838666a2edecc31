// Scripts, lights, shots, marks and shards: what a scenario stages besides free bodies.
#include <gmock/gmock.h>

#include <algorithm>
#include <cmath>
#include <set>

#include "sim/camera_path.h"
#include "sim/motion.h"
#include "sim/scenarios.h"
#include "sim/scripted.h"
#include "sim/timeline.h"
#include "sim/vec.h"
#include "temporary_folder.h"

namespace bitemark::sim {
namespace {

SceneSpec scene_of(const char* name, int take = 0) { return resolve(shipped(name), "test", take, 0); }

const BodySpec& body_of(const SceneSpec& scene, const char* name) {
  return scene.bodies.at(static_cast<std::size_t>(scene.find(name)));
}

TEST(Staging, PathPassesItsKeysAndStaysAtTheLast) {
  BodySpec body;
  body.rigid.X_WB.position = {1, 0, 0};
  body.path = {{1, {0, 0, 0}, {1, 0, 0, 0}, true},
               {2, {0, 0, 3}, about_axis({0, 0, 1}, 1.0), false},
               {4, {2, 0, 3}, about_axis({0, 0, 1}, 1.0), true}};
  EXPECT_EQ(pose_on_path(body, 0.5).position, (Vec3{1, 0, 0}));
  EXPECT_NEAR(pose_on_path(body, 1.25).position[2], 0.75, 1e-12) << "constant speed";
  EXPECT_NEAR(rotation_vector(pose_on_path(body, 1.25).rotation)[2], 0.25, 1e-12);
  EXPECT_NEAR(pose_on_path(body, 2.5).position[0], 1 + 2 * 0.15625, 1e-12) << "3 x^2 - 2 x^3 at a quarter";
  EXPECT_EQ(pose_on_path(body, 9).position, (Vec3{3, 0, 3}));
  EXPECT_NEAR(path_progress(body, 3), 0.75, 1e-12);
}

TEST(Staging, ZoomMultipliesTheFocalLength) {
  CameraSpec camera;
  camera.position = {0, -3, 1};
  camera.fov = 0.7;
  camera.moves = {{CameraMove::Type::kZoom, {0, 0, 0}, 0, {0, 0, 0}, 2.5, 1, 2, false}};
  const double before = camera_at(camera, 0.5, 64, 64).fx;
  EXPECT_NEAR(camera_at(camera, 2, 64, 64).fx / before, 2.5, 1e-12);
  EXPECT_NEAR(camera_at(camera, 1.5, 64, 64).fx / before, std::sqrt(2.5), 1e-12) << "steady to the eye";
}

TEST(Staging, KeptAimStaysInTheMiddle) {
  const SceneSpec scene = scene_of("crane");
  for (const double t : {0.0, 1.0, 2.0, 3.0}) {
    const Camera camera = camera_at(scene, t, 64, 64);
    const Projection p = project(camera, scene.camera.look_at);
    EXPECT_NEAR(p.u, 32, 1e-9) << t;
    EXPECT_NEAR(p.v, 32, 1e-9) << t;
  }
  EXPECT_GT(camera_at(scene, 3, 64, 64).X_WC.position[2], 1.9);
}

TEST(Staging, CutChangesTheShotAndEndsTheFlow) {
  const Scenario scenario = shipped("two-cameras");
  const Episode episode = render_episode(scenario, "test", 0, small_options());
  int first = -1;
  for (int t = 0; t < episode.info.frame_count; ++t) {
    if (first < 0 && episode.info.cameras[static_cast<std::size_t>(t)].shot == 1) first = t;
  }
  ASSERT_GT(first, 0);
  EXPECT_THAT(episode.info.events, testing::Contains(testing::AllOf(testing::Field(&Event::type, "cut"),
                                                                    testing::Field(&Event::frame, first))));
  for (const std::uint8_t flags : episode.truth[static_cast<std::size_t>(first)].flow_flags) {
    ASSERT_TRUE(flags & FrameTruth::kBackwardCut);
  }
  for (const std::uint8_t flags : episode.truth[static_cast<std::size_t>(first - 1)].flow_flags) {
    ASSERT_TRUE(flags & FrameTruth::kForwardCut);
  }
}

double mean_brightness(const Frame& frame) {
  double sum = 0;
  for (const std::uint8_t x : frame.rgb) sum += x;
  return sum / static_cast<double>(frame.rgb.size());
}

TEST(Staging, LightsGoOutAndTheBallRollsOn) {
  const Episode episode = render_episode(shipped("lights-off-on"), "test", 0, small_options());
  std::vector<int> switched;
  for (const Event& event : episode.info.events) {
    if (event.type == "switch") switched.push_back(event.frame);
  }
  ASSERT_EQ(switched.size(), 2U);
  const auto bright = [&](int t) { return mean_brightness(episode.clip.frames[static_cast<std::size_t>(t)]); };
  // 1.5 % of the light is 1/6 of the sRGB value: 0.015^(1/2.4) = 0.17.
  EXPECT_LT(bright(switched[0]), 0.25 * bright(switched[0] - 1));
  EXPECT_NEAR(bright(switched[1]), bright(switched[0] - 1), 0.1 * bright(0));
  const auto ball = episode.body("ball")->id;
  const double before = episode.state(switched[0], ball).X_WB.position[0];
  const double after = episode.state(switched[1], ball).X_WB.position[0];
  const double speed = episode.info.parameters["speed"].get<double>();
  EXPECT_NEAR(std::abs(after - before), speed * (switched[1] - switched[0]) / 12.0, 0.01);
}

TEST(Staging, LampLightsWhenTheButtonIsPressed) {
  const SceneSpec scene = scene_of("button-lamp");
  const Motion motion = simulate(scene);
  ASSERT_EQ(motion.lights.size(), 1U);
  EXPECT_EQ(motion.lights[0].lamp, scene.find("lamp"));
  EXPECT_NEAR(static_cast<double>(motion.lights[0].step) / 960, scene.parameters.numbers.at("at"), 0.05);
  const auto timeline = make_timeline(scene, motion, {12, 1}, 36, 32, 32);
  const auto lamp = static_cast<std::size_t>(scene.find("lamp"));
  EXPECT_EQ(timeline.front().bodies[lamp].glow, 0);
  EXPECT_EQ(timeline.back().bodies[lamp].glow, 1);
}

TEST(Staging, TrackFollowsTheBallAndStays) {
  const SceneSpec scene = scene_of("sand-track");
  const Motion motion = simulate(scene);
  ASSERT_EQ(motion.trails.size(), 1U);
  const Trail& trail = motion.trails[0];
  EXPECT_LT(trail.size(), 40U) << "a straight track needs few points";
  const auto ball = static_cast<std::size_t>(scene.find("ball"));
  for (const TrailPoint& point : trail) {
    const Vec3& p = motion.steps[static_cast<std::size_t>(point.step)][ball].X_WB.position;
    EXPECT_NEAR(std::hypot(point.x - p[0], point.y - p[1]), 0, 1e-9);
  }
  double length = 0;
  for (const Event& event : motion.events) {
    if (event.type == "stroke") length += event.more["length_m"].get<double>();
  }
  const Vec3 way = motion.steps.back()[ball].X_WB.position - motion.steps.front()[ball].X_WB.position;
  EXPECT_NEAR(length, norm(way), 0.02) << "straight, but for the last piece of a step";
}

TEST(Staging, PaintStaysWhereTheBrushWas) {
  const Episode episode = render_episode(shipped("brush-stroke"), "test", 0, small_options(64));
  const Frame &first = episode.clip.frames.front(), &last = episode.clip.frames.back();
  const auto canvas = episode.body("canvas")->id;
  const auto color = episode.body("brush")->color;
  int painted = 0;
  for (std::size_t i = 0; i < episode.truth.back().ids.size(); ++i) {
    if (episode.truth.front().ids[i] != canvas || episode.truth.back().ids[i] != canvas) continue;
    int now = 0, then = 0;
    for (std::size_t c = 0; c < 3; ++c) {
      now += std::abs(last.rgb[3 * i + c] - color[c]);
      then += std::abs(first.rgb[3 * i + c] - color[c]);
    }
    painted += now + 100 < then;
  }
  EXPECT_GT(painted, 40) << "pixels of the canvas that have taken the paint's colour";
}

struct Books {
  double mass = 0;
  Vec3 momentum{0, 0, 0}, angular{0, 0, 0};

  void add(const BodySpec& body, const StepState& state, double density) {
    std::vector<SolidMoments> parts;
    for (const Polyhedron& piece : body.pieces) parts.push_back(moments_of(piece));
    const SolidMoments m = combined(parts);
    const double mass_here = density * m.volume;
    const Vec3 center = transform(state.X_WB, m.center);
    const Vec3 w_B = rotate(conjugate(state.X_WB.rotation), state.angular_velocity);
    Vec3 spin{0, 0, 0};
    for (std::size_t i = 0; i < 3; ++i) {
      for (std::size_t j = 0; j < 3; ++j) spin[i] += density * m.inertia[i][j] * w_B[j];
    }
    mass += mass_here;
    momentum = momentum + mass_here * state.velocity;
    angular = angular + cross(center, mass_here * state.velocity) + rotate(state.X_WB.rotation, spin);
  }
};

TEST(Staging, ShatteringKeepsTheBooks) {
  const SceneSpec scene = scene_of("glass-shatters");
  const Motion motion = simulate(scene);
  const auto glass = static_cast<std::size_t>(scene.find("glass"));
  const std::int64_t step = motion.lives[glass].gone;
  ASSERT_LT(step, static_cast<std::int64_t>(motion.steps.size())) << "the glass breaks";
  const auto& states = motion.steps[static_cast<std::size_t>(step)];
  Books whole, shards;
  whole.add(scene.bodies[glass], states[glass], scene.bodies[glass].density);
  int count = 0;
  for (std::size_t b = 0; b < scene.bodies.size(); ++b) {
    if (scene.bodies[b].shard_of != static_cast<int>(glass)) continue;
    ++count;
    EXPECT_EQ(motion.lives[b].born, step);
    EXPECT_EQ(scene.bodies[b].info.parent, scene.bodies[glass].info.id);
    shards.add(scene.bodies[b], states[b], scene.bodies[glass].density);
  }
  EXPECT_EQ(count, 36);
  // Sums of 36 terms of at most 50 kg m/s: rounding is below 1e-12.
  EXPECT_NEAR(shards.mass, whole.mass, 1e-9);
  EXPECT_NEAR(norm(shards.momentum - whole.momentum), 0, 1e-9);
  EXPECT_NEAR(norm(shards.angular - whole.angular), 0, 1e-9);
}

TEST(Staging, CupCarriesTheBall) {
  const SceneSpec scene = scene_of("cup-carries-ball");
  const Motion motion = simulate(scene);
  const auto ball = static_cast<std::size_t>(scene.find("ball")), cup = static_cast<std::size_t>(scene.find("cup"));
  for (std::size_t step = 1300; step < 2700; ++step) {
    const Vec3 apart = motion.steps[step][ball].X_WB.position - motion.steps[step][cup].X_WB.position;
    ASSERT_LT(std::hypot(apart[0], apart[1]), body_of(scene, "cup").size[0]) << "inside at step " << step;
  }
}

TEST(Staging, EveryIdInAMaskLivesInTheState) {
  const Episode episode = render_episode(shipped("glass-shatters"), "test", 0, small_options(64));
  int shards_seen = 0;
  for (int t = 0; t < episode.info.frame_count; ++t) {
    const FrameTruth& truth = episode.truth[static_cast<std::size_t>(t)];
    for (const std::uint16_t id : std::set<std::uint16_t>(truth.ids.begin(), truth.ids.end())) {
      if (id == 0) continue;
      ASSERT_TRUE(episode.state(t, id).alive) << "id " << id << " in frame " << t;
      EXPECT_GT(episode.state(t, id).visible_px, 0);
      for (const Body& body : episode.info.bodies) shards_seen += body.id == id && body.parent != 0;
    }
  }
  EXPECT_GT(shards_seen, 20);
}

TEST(Staging, PixelsDoNotDependOnThreads) {
  for (const char* name : {"glass-shatters", "brush-stroke", "button-lamp", "character-in-three-shots"}) {
    RenderOptions options = small_options();
    const Episode one = render_episode(shipped(name), "test", 1, options);
    options.threads = 3;
    const Episode three = render_episode(shipped(name), "test", 1, options);
    EXPECT_EQ(digest_of(one.clip), digest_of(three.clip)) << name;
    for (std::size_t t = 0; t < one.truth.size(); ++t) {
      ASSERT_EQ(one.truth[t].flow_forward, three.truth[t].flow_forward) << name;
      ASSERT_EQ(one.truth[t].ids, three.truth[t].ids) << name;
    }
  }
}

TEST(Staging, PushIsAChangeOfMomentumThatTheControlsTell) {
  TemporaryFolder folder;
  Json document = load_json(scenario_path("moves-left-or-right"));
  document["actions"] = Json::parse(R"([{"type": "push", "body": "ball", "at_s": 1.0, "velocity": [0, 0.3, 0.9]}])");
  document.erase("require");
  save_json(folder.path() / "pushed.json", document);
  const Scenario scenario = load_scenario(folder.path() / "pushed.json");
  const Motion motion = simulate(resolve(scenario, "test", 0, 0));
  const auto event =
      std::find_if(motion.events.begin(), motion.events.end(), [](const Event& e) { return e.type == "push"; });
  ASSERT_NE(event, motion.events.end());
  EXPECT_EQ(event->step, 960);
  const std::size_t ball = motion.forms.size() - 1;
  EXPECT_NEAR(event->impulse_Ns, motion.forms[ball].back().mass * std::hypot(0.3, 0.9), 1e-12);
  const Vec3 change = motion.steps[960][ball].velocity - motion.steps[959][ball].velocity;
  // It leaves the floor: a step of gravity is in it, and the half step by which velocity() differs in flight.
  EXPECT_NEAR(change[2], 0.9 - 1.5 * 9.81 / 960, 1e-6);
  const Episode episode = render_episode(scenario, "test", 0, small_options());
  const auto act_on = [&](int t) {
    return episode.info.controls.values[static_cast<std::size_t>(t) * Controls::width() + 6];
  };
  EXPECT_EQ(act_on(12), 1);
  EXPECT_EQ(act_on(8), 0);
  EXPECT_EQ(act_on(16), 0);
}

TEST(Staging, SecondTakesMoveAGroupTogether) {
  SceneSpec scene = scene_of("newtons-cradle");
  const SceneSpec before = scene;
  perturb(scene, "any", 1);
  const auto moved = [&](const char* name) {
    return body_of(scene, name).rigid.X_WB.position - body_of(before, name).rigid.X_WB.position;
  };
  EXPECT_GT(norm(moved("ball_1")), 1e-3);
  for (const char* name : {"ball_2", "ball_3", "ball_4", "ball_5"}) {
    EXPECT_NEAR(norm(moved(name) - moved("ball_1")), 0, 1e-15) << name;
  }
}

}  // namespace
}  // namespace bitemark::sim
