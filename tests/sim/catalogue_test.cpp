// Every scenario that is shipped: its states are pinned, and it keeps the rules of docs/scenarios.md.
#include <gmock/gmock.h>

#include <algorithm>
#include <fstream>
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
    {"around-and-back", "01b106e503f786f0"},
    {"behind-two-walls", "77ee942966e2c367"},
    {"blocked-path", "fe82d445a780ded1"},
    {"brush-stroke", "0083d7a13e538af3"},
    {"button-lamp", "4d88971c70f474a7"},
    {"camera-path", "4ca78fc7efd18947"},
    {"character-in-three-shots", "0fe177a7dd9b1009"},
    {"cloth-over-ball", "c710b0062d99632d"},
    {"colour-binding", "5fc49b18e790510c"},
    {"count", "1c7a64aec10ec2cf"},
    {"crane", "333ba5ed3edc5d59"},
    {"cup-carries-ball", "72de4a4579dbeba4"},
    {"dolly", "7f4440674530dbd1"},
    {"dominoes", "174b5e37840975bf"},
    {"drop-behind-screen", "c3f4e90f0d031f36"},
    {"elastic-equal", "1a35e78201eafbe4"},
    {"elastic-unequal", "008f71701f167eff"},
    {"free-fall", "dc1649b970b6eb18"},
    {"glass-shatters", "2558251d6d0716cd"},
    {"incline", "7864f5f06526c2d0"},
    {"lights-off-on", "586b45aeaaf6022f"},
    {"look-around", "1da0b5848ad50739"},
    {"look-away-rolling", "5d5b70341b93ac4b"},
    {"missing-domino", "adcd0124445b42a8"},
    {"moves-left-or-right", "12aa57f9065551f9"},
    {"newtons-cradle", "0c6f4c33aaed7746"},
    {"pan-left", "10ef8f7330561531"},
    {"pan-right", "62a0916aa79d5d16"},
    {"pendulum", "5f6a9fa95d111800"},
    {"projectile", "eabf9f00c67efffd"},
    {"pushed-ball", "224250617848bc40"},
    {"rolling-coin", "5e6688b1c49a8399"},
    {"sand-track", "7fdc0fc2bc186185"},
    {"see-saw", "476e6f99d58dc7da"},
    {"slide-to-stop", "d922e6f50c6d049b"},
    {"stack-stands", "8e37dd58cde63013"},
    {"stack-topples", "26eca847f894c21f"},
    {"tower-knocked-over", "c2b3858f4c619e19"},
    {"two-cameras", "b468c0986dc69578"},
    {"uniform-motion", "b471a6380f080b56"},
    {"wait-30", "79e593af7ea83133"},
    {"wait-60", "f790e2bb5910120a"},
    {"which-lands-first", "57f665faf95ce7d0"},
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
