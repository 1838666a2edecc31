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
    {"above-below", "0000000000000000"},
    {"around-and-back", "0000000000000000"},
    {"behind-two-walls", "0000000000000000"},
    {"blocked-path", "0000000000000000"},
    {"brush-stroke", "0000000000000000"},
    {"button-lamp", "0000000000000000"},
    {"camera-path", "0000000000000000"},
    {"character-in-three-shots", "0000000000000000"},
    {"colour-binding", "0000000000000000"},
    {"count", "0000000000000000"},
    {"crane", "0000000000000000"},
    {"cup-carries-ball", "0000000000000000"},
    {"dolly", "0000000000000000"},
    {"dominoes", "0000000000000000"},
    {"drop-behind-screen", "0000000000000000"},
    {"elastic-equal", "0000000000000000"},
    {"elastic-unequal", "0000000000000000"},
    {"free-fall", "0000000000000000"},
    {"glass-shatters", "0000000000000000"},
    {"incline", "0000000000000000"},
    {"lights-off-on", "0000000000000000"},
    {"look-around", "0000000000000000"},
    {"look-away-rolling", "0000000000000000"},
    {"missing-domino", "0000000000000000"},
    {"moves-left-or-right", "0000000000000000"},
    {"newtons-cradle", "0000000000000000"},
    {"pan-left", "0000000000000000"},
    {"pan-right", "0000000000000000"},
    {"pendulum", "0000000000000000"},
    {"projectile", "0000000000000000"},
    {"pushed-ball", "0000000000000000"},
    {"rolling-coin", "0000000000000000"},
    {"sand-track", "0000000000000000"},
    {"see-saw", "0000000000000000"},
    {"slide-to-stop", "0000000000000000"},
    {"stack-stands", "0000000000000000"},
    {"stack-topples", "0000000000000000"},
    {"tower-knocked-over", "0000000000000000"},
    {"two-cameras", "0000000000000000"},
    {"uniform-motion", "0000000000000000"},
    {"wait-30", "0000000000000000"},
    {"wait-60", "0000000000000000"},
    {"which-lands-first", "0000000000000000"},
    {"zoom", "0000000000000000"},
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
    shipped_names.insert(scenario.name);
  }
  EXPECT_EQ(shipped_names, pinned);
  EXPECT_GE(shipped_names.size(), 40U);
}

}  // namespace
}  // namespace bitemark
