// Every scenario that is shipped: its states are pinned, and it keeps the rules of docs/scenarios.md.
#include <gmock/gmock.h>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <map>
#include <set>

#include "base/sha256.h"
#include "sim/scenarios.h"

namespace bitemark {
namespace {

/// What happens, without pixels: parameters, states, events, cameras, controls, answers.
std::string state_digest(const EpisodeInfo& info) {
  Json json = to_json(info);
  for (const char* key : {"metrics", "tags", "captions", "caption"}) json.erase(key);
  return sha256_hex(json.dump()).substr(0, 16);
}

RenderOptions states_only() {
  RenderOptions options = small_options(16);
  options.truth = options.visibility = false;
  return options;
}

struct Pinned {
  const char* scenario;
  const char* digest;
};
void PrintTo(const Pinned& pinned, std::ostream* out) { *out << pinned.scenario; }

/// Test take 0 at 16 x 16 pixels, 12 fps. simulate_test.cpp pins the pixels of the nightly seven.
constexpr Pinned kPinned[] = {
    {"above-below", "a7b6fa1de79b13e0"},
    {"any-bite", "1c64a9cbbe8c6670"},
    {"any-speed", "416d318763b8cbbd"},
    {"around-and-back", "01b106e503f786f0"},
    {"behind-two-walls", "da4792ed7ff026d7"},
    {"blocked-path", "ac0ae521e03231d2"},
    {"brush-stroke", "0083d7a13e538af3"},
    {"button-lamp", "4d88971c70f474a7"},
    {"camera-path", "4ca78fc7efd18947"},
    {"character-in-three-shots", "0fe177a7dd9b1009"},
    {"cloth-over-ball", "c710b0062d99632d"},
    {"colour-binding", "74ecf59d67487280"},
    {"count", "edfb1639756a6aeb"},
    {"crane", "333ba5ed3edc5d59"},
    {"cup-carries-ball", "e564dadf0ec88b64"},
    {"dolly", "7f4440674530dbd1"},
    {"dominoes", "36b24a33d774b07f"},
    {"drop-behind-screen", "18cdaa5c73217aeb"},
    {"elastic-equal", "44efd2858404bda2"},
    {"elastic-unequal", "008f71701f167eff"},
    {"free-fall", "17a9cff0ab8fba6e"},
    {"glass-shatters", "01df517caa423b0c"},
    {"incline", "ad2e08b45b37458e"},
    {"lights-off-on", "bd791f3266432dbb"},
    {"look-around", "1da0b5848ad50739"},
    {"look-away-rolling", "90619e80f7a2d950"},
    {"missing-domino", "6951ac49501c1338"},
    {"moves-left-or-right", "9ddf36ef323682c3"},
    {"newtons-cradle", "0c6f4c33aaed7746"},
    {"pan-left", "10ef8f7330561531"},
    {"pan-right", "62a0916aa79d5d16"},
    {"pendulum", "5f6a9fa95d111800"},
    {"projectile", "179b445527817f61"},
    {"pushed-ball", "f3cd79898894e4fc"},
    {"rolling-coin", "f727c9e4bbebc446"},
    {"sand-track", "ca6f35078edbb5bb"},
    {"see-saw", "8dd8c48c6de627c4"},
    {"slide-to-stop", "f9b7260f755bae30"},
    {"stack-stands", "8e37dd58cde63013"},
    {"stack-topples", "26eca847f894c21f"},
    {"tower-knocked-over", "c2b3858f4c619e19"},
    {"two-cameras", "218b85e09c998eb1"},
    {"uniform-motion", "d047bc4bc609aea6"},
    {"wait-30", "79e593af7ea83133"},
    {"wait-60", "f790e2bb5910120a"},
    {"which-lands-first", "eafb02e234717b16"},
    {"zoom", "0c78ffb6e23cd2cf"},
};

class Catalogue : public testing::TestWithParam<Pinned> {};

TEST_P(Catalogue, StatesAreWhatTheyWere) {
  const Episode episode = render_episode(shipped(GetParam().scenario), "test", 0, states_only());
  EXPECT_EQ(state_digest(episode.info), GetParam().digest);
  const EpisodeInfo again = episode_info_from_json(to_json(episode.info), "memory");
  EXPECT_EQ(to_json(again), to_json(episode.info));
}

TEST_P(Catalogue, KeepsTheRules) {
  const Scenario scenario = shipped(GetParam().scenario);
  EXPECT_GE(scenario.document["captions"].size(), 3U);
  EXPECT_FALSE(scenario.tags.empty());
  EXPECT_TRUE(scenario.document.contains("require")) << "takes that do not show what they are for are drawn again";
  bool outside = false;
  for (const auto& [name, spec] : scenario.document["parameters"].items()) outside = outside || spec.contains("ood");
  EXPECT_TRUE(outside) << "no parameter has a range outside the others";
  const std::set<std::string> metrics{"motion",     "continuity", "physics-iq", "geometry",
                                      "permanence", "bite",       "launch",     "left-right"};
  for (const std::string& metric : scenario.metrics) EXPECT_TRUE(metrics.contains(metric)) << metric;
}

TEST_P(Catalogue, EveryIdInAMaskLivesInTheState) {
  RenderOptions options = small_options(24);
  options.rate = {3, 1};
  const Episode episode = render_episode(shipped(GetParam().scenario), "test", 1, options);
  for (int frame = 0; frame < episode.info.frame_count; ++frame) {
    const auto& ids = episode.truth[static_cast<std::size_t>(frame)].ids;
    for (const std::uint16_t id : std::set<std::uint16_t>(ids.begin(), ids.end())) {
      if (id == 0) continue;
      ASSERT_TRUE(episode.state(frame, id).alive) << "id " << id << " in frame " << frame;
      EXPECT_EQ(episode.state(frame, id).visible_px, std::count(ids.begin(), ids.end(), id)) << frame;
    }
  }
}

class SlowCatalogue : public testing::TestWithParam<Pinned> {};

TEST_P(SlowCatalogue, SplitsAndSecondTakesCanBeDrawn) {
  const Scenario scenario = shipped(GetParam().scenario);
  RenderOptions options = states_only();
  options.rate = {2, 1};
  EXPECT_NO_THROW(render_episode(scenario, "ood", 0, options));
  const Episode take = render_episode(scenario, "train", 0, options);
  options.second_take = 1;
  const Episode twin = render_episode(scenario, "train", 0, options);
  EXPECT_EQ(take.info.caption, twin.info.caption);
  EXPECT_EQ(take.info.bodies.size(), twin.info.bodies.size());
}

std::string name_of(const testing::TestParamInfo<Pinned>& test) {
  std::string name = test.param.scenario;
  std::replace(name.begin(), name.end(), '-', '_');
  return name;
}
INSTANTIATE_TEST_SUITE_P(All, Catalogue, testing::ValuesIn(kPinned), name_of);
INSTANTIATE_TEST_SUITE_P(All, SlowCatalogue, testing::ValuesIn(kPinned), name_of);

/// Correlation over 64 takes of a puck's speed and its distance from the middle. Where it is 1 a generator may read the
/// speed off the place; where it is 0 it has to measure it.
double correlation_of_place_and_speed(const char* name) {
  RenderOptions options = states_only();
  options.rate = {1, 1};
  constexpr int kTakes = 64;
  double x = 0, v = 0, xx = 0, vv = 0, xv = 0;  // sums
  for (int take = 0; take < kTakes; ++take) {
    const Episode episode = render_episode(shipped(name), "test", take, options);
    const BodyState& puck = episode.state(0, episode.body("puck")->id);
    const double place = std::abs(puck.X_WB.position[0]), speed = std::abs(puck.velocity[0]);
    x += place;
    v += speed;
    xx += place * place;
    vv += speed * speed;
    xv += place * speed;
  }
  return (kTakes * xv - x * v) / std::sqrt((kTakes * xx - x * x) * (kTakes * vv - v * v));
}

TEST(CatalogueOfAll, APlaceTellsTheSpeedWhereItIsMeantTo) {
  EXPECT_NEAR(correlation_of_place_and_speed("uniform-motion"), 1.0, 1e-6);
  EXPECT_NEAR(correlation_of_place_and_speed("any-speed"), 0.0, 0.45);  // of 64 independent pairs: 3.6 / sqrt(64)
}

TEST(CatalogueOfAll, ACookieIsBittenNeverOnceOrTwice) {
  RenderOptions options = states_only();
  options.rate = {4, 1};
  std::map<std::ptrdiff_t, int> takes_with;
  for (int take = 0; take < 64; ++take) {
    const auto& events = render_episode(shipped("any-bite"), "test", take, options).info.events;
    ++takes_with[std::count_if(events.begin(), events.end(), [](const Event& event) { return event.type == "bite"; })];
  }
  // 0.33, 0.47 and 0.20 of 64 are to be expected (the first bite falls evenly into 0.98 to 5.5 s of 4, the second 1.66
  // to 2.6 s later), give or take three standard deviations.
  EXPECT_NEAR(takes_with[0], 21, 12);
  EXPECT_NEAR(takes_with[1], 30, 12);
  EXPECT_NEAR(takes_with[2], 13, 10);
  EXPECT_EQ(takes_with.size(), 3U);
}

TEST(CatalogueOfAll, PinsEachScenarioBesidesTheNightlySeven) {
  std::set<std::string> pinned{"behind-the-wall", "bounce",    "cookie-bite", "launch",
                               "left-right",      "look-away", "orbit"};
  for (const Pinned& entry : kPinned) pinned.insert(entry.scenario);
  std::set<std::string> shipped_names;
  for (const Scenario& scenario : load_scenarios(std::filesystem::path(BITEMARK_SOURCE_DIR) / "scenarios")) {
    if (!scenario.name.starts_with("voxel-")) shipped_names.insert(scenario.name);  // voxel_scenario_test.cpp
  }
  EXPECT_EQ(shipped_names, pinned);
  EXPECT_GE(shipped_names.size(), 40U);
}

}  // namespace
}  // namespace bitemark
