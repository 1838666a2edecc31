// What a user can get wrong: one sentence on stderr, the documented exit code, nothing half written.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <map>

#include "cli/program.h"
#include "temporary_folder.h"

namespace bitemark {
namespace {

using testing::HasSubstr;

class BadInput : public testing::Test {
 protected:
  fs::path path(const char* name) const { return folder_.path() / name; }
  /// Exit code 4, and the sentence holds this; one line.
  static void expect_sentence(const Said& said, const std::string& words) {
    EXPECT_EQ(said.code, 4) << said.err;
    EXPECT_THAT(said.err, HasSubstr(words));
  }
  TemporaryFolder folder_;
};

TEST_F(BadInput, UnknownWords) {
  expect_sentence(bitemark({"frobnicate"}), "frobnicate");
  expect_sentence(bitemark({"render", "no-such-scenario", "--out", path("x").string()}), "no-such-scenario");
  expect_sentence(bitemark({"run", "--suite", "no-such-suite", "--out", path("x").string()}), "no-such-suite");
  expect_sentence(bitemark({"run", "--generator", "magic", "--out", path("x").string()}),
                  "there is no generator \"magic\"");
  expect_sentence(bitemark({"render", "bounce", "--split", "holdout", "--out", path("x").string()}), "holdout");
  expect_sentence(bitemark({"render", "bounce", "--fault", "gremlin", "--out", path("x").string()}), "gremlin");
  EXPECT_FALSE(fs::exists(path("x")));
}

TEST_F(BadInput, AFrameRateThatIsNone) {
  expect_sentence(bitemark({"render", "bounce", "--fps", "23.976", "--out", path("x").string()}), "30000/1001");
}

TEST_F(BadInput, ABrokenScenarioNamesEveryFaultWithItsPlace) {
  make_folder(path("scenarios"));
  write_file(path("scenarios") / "bounce.json", R"({"name": 3, "bodies": "none", "duration_s": -1})");
  const auto said =
      bitemark({"render", "bounce", "--out", path("x").string(), "--scenario-folder", path("scenarios").string()});
  expect_sentence(said, "/name");
  EXPECT_THAT(said.err, HasSubstr("/bodies"));
  EXPECT_THAT(said.err, HasSubstr("/duration_s"));
  write_file(path("scenarios") / "bounce.json", "{\n  \"name\": \n}");
  expect_sentence(
      bitemark({"render", "bounce", "--out", path("x").string(), "--scenario-folder", path("scenarios").string()}),
      "line 3");
}

TEST_F(BadInput, ABrokenSuiteNamesThePointer) {
  const std::map<std::string, std::string> entries{
      {R"({"scenario": "bounce", "takes": 0})", "/entries/0/takes: is 0"},
      {R"({"scenario": "bounce", "takes": 1.5})", "/entries/0/takes: is 1.5"},
      {R"({"scenario": "bounce", "takes": 1, "mode": 3})", "/entries/0/mode: has the wrong type: found number"},
      {R"({"scenario": "bounce", "takes": 1, "first": "x"})", "/entries/0/first: has the wrong type: found string"},
      {R"({"scenario": "bounce", "takes": 1, "frist": 3})", "/entries/0/frist: is not known"},
      {"3", "/entries/0/scenario: is missing"}};
  for (const auto& [entry, pointer] : entries) {
    write_file(path("s.json"),
               R"({"name": "s", "size": 64, "fps": "12", "second_takes": 2, "entries": [)" + entry + "]}");
    expect_sentence(bitemark({"run", "--suite", path("s.json").string(), "--out", path("x").string()}), pointer);
  }
}

TEST_F(BadInput, AnEmptySelectionIsItsOwnExitCode) {
  EXPECT_EQ(bitemark({"run", "--case", "bounce-test-999", "--out", path("x").string()}).code, 5);
}

TEST_F(BadInput, AFolderThatHoldsSomethingElseIsRefused) {
  make_folder(path("mine"));
  write_file(path("mine") / "thesis.tex", "x");
  expect_sentence(bitemark({"run", "--limit", "1", "--scenario", "bounce", "--out", path("mine").string()}),
                  "is not a run");
  EXPECT_EQ(std::distance(fs::directory_iterator(path("mine")), fs::directory_iterator()), 1);
}

TEST_F(BadInput, AnUnwritablePlace) {
  write_file(path("file"), "x");
  expect_sentence(bitemark({"render", "bounce", "--size", "32", "--out", (path("file") / "below").string()}), "file");
}

TEST_F(BadInput, ACheckpointOrReportThatIsNone) {
  expect_sentence(
      bitemark({"run", "--generator", "checkpoint:" + folder_.path().string(), "--out", path("x").string()}),
      "config.json");
  write_file(path("report.json"), "{}");
  expect_sentence(bitemark({"compare", path("report.json").string(), path("report.json").string()}), "/suite");
  expect_sentence(bitemark({"repro", path("report.json").string()}), "/schema");
}

TEST_F(BadInput, AVideoThatIsNone) {
  write_file(path("a.mp4"), "just words\n");
  expect_sentence(bitemark({"score", path("a.mp4").string(), "--scenario", "bounce"}), "is not a video");
}

}  // namespace
}  // namespace bitemark
