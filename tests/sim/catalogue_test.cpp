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
    // PINS
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

TEST_P(Catalogue, SplitsAndSecondTakesCanBeDrawn) {
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

INSTANTIATE_TEST_SUITE_P(All, Catalogue, testing::ValuesIn(kPinned), [](const auto& test) {
  std::string name = test.param.scenario;
  std::replace(name.begin(), name.end(), '-', '_');
  return name;
});

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
