// What the schema of voxel worlds refuses, and with what sentence.
#include <gmock/gmock.h>

#include <cstdlib>

#include "base/error.h"
#include "sim/scenarios.h"
#include "temporary_folder.h"

namespace bitemark {
namespace {

std::string complaint(const Json& document) {
  TemporaryFolder folder;
  save_json(folder.path() / "broken.json", document);
  try {
    const Scenario scenario = load_scenario(folder.path() / "broken.json");
    RenderOptions options = small_options();
    options.truth = false;
    render_episode(scenario, "test", 0, options);
  } catch (const InputError& error) {
    return error.what();
  }
  return "no complaint";
}

TEST(VoxelLimits, AreAnsweredWithASentence) {
  const Json good = load_json(scenario_path("voxel-break"));
  const auto with = [&](const char* pointer, const Json& value) {
    Json document = good;
    document[Json::json_pointer(pointer)] = value;
    return complaint(document);
  };
  using testing::HasSubstr;
  EXPECT_THAT(with("/voxels/size", {120, 72, 32}), HasSubstr("/voxels/size/0: is 120.000000, expected 16 to 96"));
  EXPECT_THAT(with("/voxels/size", {72, 72, "1/0"}), HasSubstr("/voxels/size"));
  EXPECT_THAT(with("/voxels/relief", -1), HasSubstr("/voxels/relief: is -1"));
  EXPECT_THAT(with("/voxels/selected", 10), HasSubstr("expected 1 to 9"));
  EXPECT_THAT(with("/gravity", {0, 0, 9.81}), HasSubstr("/gravity: is not downward"));
  EXPECT_THAT(with("/voxels/blocks/0/kind", "jelly"), HasSubstr("unknown block 'jelly'"));
  EXPECT_THAT(with("/voxels/blocks/0/at", {0, 0, 0}), HasSubstr("is where the agent stands"));
  EXPECT_THAT(with("/voxels/blocks/0/at", {400, 0, 0}), HasSubstr("lies outside the world"));
  EXPECT_THAT(with("/voxels/blocks/0/at", {"0 / 0", 0, 0}), HasSubstr("/voxels/blocks/0/at"));
  EXPECT_THAT(with("/voxels/policy/0/to_s", "(0 - 1) ^ 0.5"), HasSubstr("/voxels/policy/0/to_s"));
  EXPECT_THAT(with("/voxels/yaw_deg", "10 ^ 300"), HasSubstr("/voxels/yaw_deg"));
  EXPECT_THAT(with("/voxels/policy/0/block", "nobody"), HasSubstr("names no block"));
  EXPECT_THAT(with("/bodies", Json::array({{{"name", "a"}, {"shape", "ball"}, {"position", {0, 0, 0}}}})),
              HasSubstr("cannot stand beside"));
  Json named = Json::array();
  for (int k = 0; k < 33; ++k) named.push_back({{"name", "b" + std::to_string(k)}, {"kind", "dirt"}});
  named.push_back({{"name", "target"}, {"kind", "dirt"}, {"at", {3, 0, 0}}});
  EXPECT_THAT(with("/voxels/blocks", named), HasSubstr("more than 32"));
  EXPECT_THAT(with("/voxels/policy", Json(std::vector<Json>(65, {{"do", "jump"}, {"at_s", 1}}))), HasSubstr("/policy"));
}

TEST(VoxelLimits, EditsAreCounted) {
  Json document = load_json(scenario_path("voxel-walk"));
  document["duration_s"] = 60;
  document.erase("require");
  Json& voxels = document["voxels"];
  voxels["relief"] = 0;
  voxels["trees"] = 0;
  voxels["size"] = {96, 96, 32};
  voxels["yaw_deg"] = 0;
  voxels["pitch_deg"] = 0;
  voxels["blocks"] = Json::array();
  for (int k = -45; k <= 45; ++k) {  // a rail of leaves at the height of the eyes: there and back
    if (std::abs(k) > 1) voxels["blocks"].push_back({{"kind", "leaves"}, {"at", {k, 0, 1}}});
  }
  voxels["policy"] = Json::parse(R"([
    {"do": "break", "from_s": 0, "to_s": 60}, {"do": "walk", "from_s": 0, "to_s": 18},
    {"do": "walk", "from_s": 19, "to_s": 60},
    {"do": "turn", "yaw_deg": 180, "from_s": 18, "to_s": 19}])");
  EXPECT_THAT(complaint(document), testing::HasSubstr("more than 64 times"));
}

}  // namespace
}  // namespace bitemark
