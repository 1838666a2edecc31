// What a writer of scenarios does: begin, look, break, be told where.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include "cli/program.h"
#include "temporary_folder.h"

namespace bitemark {
namespace {

using testing::HasSubstr;

class ScenarioCommand : public testing::Test {
 protected:
  std::string file(const char* name) const { return (folder_.path() / name).string(); }
  void replace(const char* name, const std::string& from, const std::string& to) const {
    std::string text = read_file(file(name));
    const std::size_t at = text.find(from);
    ASSERT_NE(at, std::string::npos) << from;
    write_file(file(name), text.replace(at, from.size(), to));
  }
  TemporaryFolder folder_;
};

class ScenarioTemplate : public ScenarioCommand, public testing::WithParamInterface<const char*> {};

TEST_P(ScenarioTemplate, IsValidAndItsTakesCanBeDrawn) {
  const auto made = bitemark({"scenario", "new", "mine", "--template", GetParam(), "--out", file("mine.json")});
  EXPECT_EQ(made.code, 0) << made.err;
  EXPECT_THAT(made.out, HasSubstr("bitemark render"));
  const auto checked = bitemark({"scenario", "check", file("mine.json"), "--takes", "2"});
  EXPECT_EQ(checked.code, 0) << checked.out << checked.err;
  EXPECT_THAT(checked.out, HasSubstr("ood: 2 of 2 takes accepted"));
  const auto told = bitemark({"scenario", "explain", file("mine.json")});
  EXPECT_EQ(told.code, 0) << told.err;
  for (const char* words :
       {"mine (", "Drawn for each take", "Captions", "A generator is given", "A draw is rejected unless", "Metrics: "})
    EXPECT_THAT(told.out, HasSubstr(words));
}

INSTANTIATE_TEST_SUITE_P(All, ScenarioTemplate, testing::Values("roll", "cause", "blocks"));

TEST_F(ScenarioCommand, NewOverwritesNothing) {
  ASSERT_EQ(bitemark({"scenario", "new", "mine", "--out", file("mine.json")}).code, 0);
  write_file(file("mine.json"), "my work");
  const auto again = bitemark({"scenario", "new", "mine", "--out", file("mine.json")});
  EXPECT_EQ(again.code, 4);
  EXPECT_THAT(again.err, HasSubstr("is there already"));
  EXPECT_EQ(read_file(file("mine.json")), "my work");
  EXPECT_EQ(bitemark({"scenario", "new", "../Mine", "--out", file("x.json")}).code, 4);
  EXPECT_THAT(bitemark({"scenario", "new", "x", "--template", "y", "--out", file("x.json")}).err,
              HasSubstr("expected one of blocks, cause, roll"));
}

TEST_F(ScenarioCommand, CheckTellsEveryFaultWithLineAndPointer) {
  ASSERT_EQ(bitemark({"scenario", "new", "mine", "--out", file("mine.json")}).code, 0);
  replace("mine.json", "\"family\": \"mechanics\",", "");  // line 5
  replace("mine.json", "\"duration_s\": 2.0", "\"duration_s\": 200");
  replace("mine.json", "\"-speed * side\", 0, 0]", "\"-sped * side\", 0, 0]");
  const auto said = bitemark({"scenario", "check", file("mine.json")});
  EXPECT_EQ(said.code, 4);
  EXPECT_THAT(said.out, HasSubstr("mine.json:1: /family: is missing"));
  EXPECT_THAT(said.out, HasSubstr("mine.json:7: /duration_s: found 200, expected at most 60"));
  EXPECT_THAT(said.out, HasSubstr("mine.json:30: /bodies/2/velocity/0: unknown name 'sped'"));
}

TEST_F(ScenarioCommand, CheckTellsWhatTheSchemaDoesNotKnow) {
  ASSERT_EQ(bitemark({"scenario", "new", "mine", "--out", file("mine.json")}).code, 0);
  replace("mine.json", "\"continuity\"", "\"beauty\"");
  const auto metric = bitemark({"scenario", "check", file("mine.json")});
  EXPECT_EQ(metric.code, 4);
  EXPECT_THAT(metric.out, HasSubstr("/metrics/1: \"beauty\" is no metric"));
  replace("mine.json", "\"beauty\"", "\"continuity\"");
  replace("mine.json", "\"material\": \"octants\"", "\"material\": \"marble\"");
  EXPECT_THAT(bitemark({"scenario", "check", file("mine.json")}).out,
              HasSubstr("/bodies/2/material: unknown material"));
  replace("mine.json", "\"marble\"", "\"octants\"");
  replace("mine.json", "\"shape\": \"sphere\"", "\"shape\": \"spere\"");
  EXPECT_THAT(bitemark({"scenario", "check", file("mine.json")}).out, HasSubstr("'spere' is no shape"));
  replace("mine.json", "\"spere\"", "\"sphere\"");
  replace("mine.json", "\"friction\": 0.5", "\"friction\": 0.5, \"friction\": 0.6");
  EXPECT_THAT(bitemark({"scenario", "check", file("mine.json")}).out, HasSubstr("/bodies/2/friction: is there twice"));
}

TEST_F(ScenarioCommand, CheckTellsWhyTakesCannotBeDrawn) {
  ASSERT_EQ(bitemark({"scenario", "new", "mine", "--out", file("mine.json")}).code, 0);
  replace("mine.json", "\"min_m\": 0.8", "\"min_m\": 80");
  const auto said = bitemark({"scenario", "check", file("mine.json"), "--takes", "1"});
  EXPECT_EQ(said.code, 4);
  EXPECT_THAT(said.out, HasSubstr("train: 0 of 1 takes accepted, 200 draws rejected"));
  EXPECT_THAT(said.out, HasSubstr("x ball moves by # m"));
}

TEST_F(ScenarioCommand, CheckGoesOnAfterAFileThatIsNone) {
  write_file(file("a.json"), "{\n\"name\": \n}");
  ASSERT_EQ(bitemark({"scenario", "new", "b", "--out", file("b.json")}).code, 0);
  const auto said =
      bitemark({"scenario", "check", file("a.json"), file("missing.json"), file("b.json"), "--takes", "0"});
  EXPECT_EQ(said.code, 4);
  EXPECT_THAT(said.out, HasSubstr("a.json:3: /: line 3, column"));
  EXPECT_THAT(said.out, HasSubstr("missing.json: cannot be read"));
  EXPECT_THAT(said.out, HasSubstr("b.json: no fault found"));
}

TEST_F(ScenarioCommand, EveryShippedScenarioIsExplained) {
  for (const auto& entry : fs::directory_iterator(std::string(BITEMARK_SOURCE_DIR) + "/scenarios")) {
    const std::string name = entry.path().stem().string();
    if (entry.path().extension() != ".json" || name == "faults" || name == "scenario.schema") continue;
    const auto told = bitemark({"scenario", "explain", name});
    EXPECT_EQ(told.code, 0) << name << told.err;
    EXPECT_THAT(told.out, HasSubstr(name + " ("));
  }
}

// The numbers of the clip belong to whoever renders it.
TEST_F(ScenarioCommand, SizeRateAndLengthBelongToTheRender) {
  struct Asked {
    std::vector<std::string> flags;
    const char* answer;
  };
  const Asked all[] = {{{"--size", "36x64", "--fps", "30000/1001", "--duration", "1"}, "29 frames of 36x64"},
                       {{"--size", "64x36", "--fps", "24", "--duration", "2.5"}, "60 frames of 64x36"},
                       {{"--size", "64", "--fps", "5", "--duration", "8"}, "40 frames of 64x64"}};
  for (const Asked& asked : all) {
    std::vector<std::string> words{"render", "bounce", "--out", file("clip")};
    words.insert(words.end(), asked.flags.begin(), asked.flags.end());
    const auto said = bitemark(words);
    EXPECT_EQ(said.code, 0) << said.err;
    EXPECT_THAT(said.out, HasSubstr(asked.answer));
  }
  EXPECT_EQ(bitemark({"render", "bounce", "--duration", "61", "--out", file("x")}).code, 4);
  EXPECT_EQ(bitemark({"render", "bounce", "--size", "8", "--out", file("x")}).code, 4);
}

}  // namespace
}  // namespace bitemark
