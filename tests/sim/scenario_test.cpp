#include "sim/scenario.h"

#include <gmock/gmock.h>

#include "base/error.h"
#include "sim/scenarios.h"
#include "sim/scene.h"
#include "temporary_folder.h"

namespace bitemark {
namespace {

std::string complaint(const Json& document) {
  TemporaryFolder folder;
  save_json(folder.path() / "broken.json", document);
  try {
    load_scenario(folder.path() / "broken.json");
  } catch (const InputError& error) {
    return error.what();
  }
  return "no complaint";
}

TEST(Scenario, ReportsAllFaultsWithTheirPlaces) {
  Json document = load_json(scenario_path("bounce"));
  document.erase("family");
  document["duration_s"] = -1;
  document["parameters"]["radius"] = Json::parse(R"({"uniform": [0.1]})");
  document["bodies"][0]["colour"] = "red";
  document["bodies"][3]["position"][1] = "sidee + 1";
  document["captions"][0] = "a {sise} ball";
  const std::string text = complaint(document);
  EXPECT_THAT(text, testing::HasSubstr("6 faults"));
  EXPECT_THAT(text, testing::HasSubstr("/family: is missing"));
  EXPECT_THAT(text, testing::HasSubstr("/duration_s: found -1"));
  EXPECT_THAT(text, testing::HasSubstr("/parameters/radius/uniform: has 1 entries"));
  EXPECT_THAT(text, testing::HasSubstr("/bodies/0/colour: is not known"));
  EXPECT_THAT(text, testing::HasSubstr("/bodies/3/position/1: unknown name 'sidee'"));
  EXPECT_THAT(text, testing::HasSubstr("/captions/0: \"a {sise} ball\""));
}

TEST(Scenario, ReportsWhatTheSchemaCannotSay) {
  Json document = load_json(scenario_path("launch"));
  document["parameters"]["radius"]["uniform"] = {0.3, 0.2};
  document["bodies"][1]["name"] = "floor";
  document["require"][0]["body"] = "nobody";
  document["context_s"] = 2.0;
  const std::string text = complaint(document);
  EXPECT_THAT(text, testing::HasSubstr("/parameters/radius/uniform: ends before it begins"));
  EXPECT_THAT(text, testing::HasSubstr("/bodies/1/name: another body is called floor"));
  EXPECT_THAT(text, testing::HasSubstr("/require/0/body: names no body"));
  EXPECT_THAT(text, testing::HasSubstr("/context_s: is not shorter"));
}

TEST(Scenario, ReportsWhatStagingCannotBe) {
  Json document = load_json(scenario_path("blocked-path"));
  document["pair"]["null"]["ornment"] = 0;
  EXPECT_THAT(complaint(document), testing::HasSubstr("/pair/null/ornment: is no parameter"));
  document = load_json(scenario_path("above-below"));
  document["answers"][0]["of"][1]["body"] = "c";
  EXPECT_THAT(complaint(document), testing::HasSubstr("/answers/0/of/1/body: names no body"));
  document = load_json(scenario_path("button-lamp"));
  document["actions"][0]["lamp"] = "cube";
  EXPECT_THAT(complaint(document), testing::HasSubstr("names a body without \"lamp\""));
  document = load_json(scenario_path("cup-carries-ball"));
  document["bodies"].back()["path"][2]["at_s"] = 0.1;
  EXPECT_THAT(complaint(document), testing::HasSubstr("is not later than the entry before"));
  document = load_json(scenario_path("two-cameras"));
  document["camera"]["shots"][0]["from_s"] = 0;
  EXPECT_THAT(complaint(document), testing::HasSubstr("is not later than the shot before"));
}

TEST(Scenario, HostileFilesGetASentence) {
  EXPECT_THAT(complaint(Json::array()), testing::HasSubstr("found array"));
  EXPECT_THAT(complaint(Json(3)), testing::HasSubstr("found integer"));
  Json document = load_json(scenario_path("bounce"));
  document["bodies"][3]["radius"] = std::string(100000, '(');
  EXPECT_THAT(complaint(document), testing::HasSubstr("nested"));
  document = load_json(scenario_path("bounce"));
  document["bodies"][3]["color"] = "octarine";
  EXPECT_THAT(complaint(document), testing::HasSubstr("'octarine' is no colour"));
  document["bodies"][3].erase("radius");
  EXPECT_NE(complaint(document), "no complaint");
}

TEST(Scenario, AllShippedOnesAreValid) {
  const auto scenarios = load_scenarios(std::filesystem::path(BITEMARK_SOURCE_DIR) / "scenarios");
  EXPECT_GE(scenarios.size(), 50U);
  for (const Scenario& scenario : scenarios) {
    EXPECT_EQ(std::filesystem::path(scenario.file).stem(), scenario.name);
  }
}

TEST(Scenario, SplitsDrawFromTheirRanges) {
  const Scenario scenario = shipped("bounce");
  const Json ranges = scenario.document["parameters"]["radius"];
  for (int take = 0; take < 50; ++take) {
    for (const char* split : {"train", "test", "ood"}) {
      const Json& range = std::string(split) == "ood" ? ranges["ood"] : ranges["uniform"];
      const double radius = sim::resolve(scenario, split, take, 0).parameters.numbers.at("radius");
      EXPECT_GE(radius, range[0].get<double>());
      EXPECT_LT(radius, range[1].get<double>());
    }
  }
}

TEST(Scenario, ANewParameterChangesNoOther) {
  Scenario scenario = shipped("bounce");
  const auto before = sim::resolve(scenario, "train", 5, 0).parameters.numbers;
  Json parameters = Json::parse(R"({"novel": {"uniform": [0, 1]}})");
  for (const auto& [name, spec] : scenario.document["parameters"].items()) parameters[name] = spec;
  scenario.document["parameters"] = parameters;
  const auto after = sim::resolve(scenario, "train", 5, 0).parameters.numbers;
  for (const auto& [name, value] : before) EXPECT_EQ(after.at(name), value) << name;
}

TEST(Scenario, TakesAndSplitsDiffer) {
  const Scenario scenario = shipped("bounce");
  const double a = sim::resolve(scenario, "train", 0, 0).parameters.numbers.at("height");
  EXPECT_NE(a, sim::resolve(scenario, "train", 1, 0).parameters.numbers.at("height"));
  EXPECT_NE(a, sim::resolve(scenario, "test", 0, 0).parameters.numbers.at("height"));
  EXPECT_NE(a, sim::resolve(scenario, "train", 0, 1).parameters.numbers.at("height"));
}

}  // namespace
}  // namespace bitemark
