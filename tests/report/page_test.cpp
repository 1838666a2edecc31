// The page in a real browser: readable without JavaScript, a scrubber with it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include "base/files.h"
#include "base/subprocess.h"
#include "report/report.h"
#include "temporary_folder.h"

namespace bitemark {
namespace {

using testing::HasSubstr;
using testing::Not;

/// The document after the browser has loaded it and run its script.
std::string loaded(const fs::path& page, const fs::path& work) {
  const auto result = run_process({"chromium", "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic",
                                   "--no-first-run", "--disable-background-networking", "--disable-component-update",
                                   "--disable-sync", "--user-data-dir=" + (work / "profile").string(),
                                   "--virtual-time-budget=3000", "--dump-dom", "file://" + page.string()},
                                  {120, 0, 0}, work / "dom.html");
  EXPECT_TRUE(result.ok()) << result.describe();
  return read_file(work / "dom.html");
}

/// A run of one fault over two takes.
fs::path make_report(const fs::path& out, const FrameSize& size = {64, 64}, bool calibrated = true) {
  RunOptions options;
  const fs::path folder = fs::path(BITEMARK_SOURCE_DIR) / "scenarios";
  options.suite = load_suite(folder / "suites" / "nightly.json", calibrated);
  options.suite.size = size;
  options.suite.second_takes = 1;
  options.suite.features.clear();
  options.scenarios.emplace("launch", load_scenario(folder / "launch.json"));
  options.suite.entries = {{"launch", "continuation", "test", 0, 2}};
  options.generators = {"fault:mirror"};
  options.out = out;
  const auto outcome = run_suite(options);
  ReportOptions pages;
  pages.faults = {{"mirror", "motion", Expectation::kMust, {0.5, 0.2, 0.8}, 20}};
  write_reports(options, outcome.report, pages);
  return out / "index.html";
}

TEST(SlowPage, ReadsWithoutScriptAndScrubsWithIt) {
  const TemporaryFolder folder;
  const fs::path page = make_report(folder.path() / "run");
  const auto plain = read_file(page);  // what a browser without script shows
  EXPECT_THAT(plain, HasSubstr("fault-mirror continues 0 of 2 takes"));
  EXPECT_THAT(plain, HasSubstr("Film strip of launch-test-0"));
  EXPECT_THAT(plain, HasSubstr("bitemark repro repro/launch-test-0.case.json"));
  EXPECT_THAT(plain, HasSubstr("does not hold"));
  EXPECT_THAT(plain, Not(HasSubstr("type=\"range\"")));
  const auto live = loaded(page, folder.path());
  EXPECT_THAT(live, HasSubstr("type=\"range\""));
  EXPECT_THAT(live, HasSubstr("first wrong frame"));
  EXPECT_THAT(live, HasSubstr("difference"));
}

TEST(SlowPage, ShowsWidePicturesAsTheyAre) {
  const TemporaryFolder folder;
  const fs::path page = make_report(folder.path() / "run", {96, 64});
  EXPECT_EQ(load_report(folder.path() / "run").size, (FrameSize{96, 64}));
  EXPECT_THAT(read_file(page), HasSubstr("96 x 64 px"));
  const auto live = loaded(page, folder.path());  // three times as large, 24 frames side by side, truth above rollout
  EXPECT_THAT(live, HasSubstr("width: 288px; height: 192px;"));
  EXPECT_THAT(live, HasSubstr("background-size: 6912px 384px;"));
}

TEST(SlowPage, WithoutCalibrationItSaysWhyThereAreNoScores) {
  const TemporaryFolder folder;
  const auto scored = read_file(make_report(folder.path() / "run"));
  EXPECT_THAT(scored, HasSubstr("Capabilities"));
  EXPECT_THAT(scored, HasSubstr("; plausibility 0."));
  EXPECT_THAT(scored, Not(HasSubstr("Without scores")));
  const auto plain = read_file(make_report(folder.path() / "plain", {64, 64}, false));
  EXPECT_THAT(plain, HasSubstr("Without scores: no calibration for these takes (bitemark calibrate --suite "));
  EXPECT_THAT(plain, Not(HasSubstr("Capabilities")));
  EXPECT_THAT(plain, Not(HasSubstr("; plausibility ")));
  const auto markdown = read_file(folder.path() / "plain" / "summary.md");
  EXPECT_THAT(markdown, HasSubstr("Without scores"));
  EXPECT_THAT(markdown, Not(HasSubstr("Plausibility: 1 =")));
}

TEST(SlowPage, IsScrubbedByKeysAndReadableInTheDark) {
  const TemporaryFolder folder;
  const fs::path page = make_report(folder.path() / "run");
  const auto said = run_process({"/usr/bin/python3", BITEMARK_SOURCE_DIR "/tests/report/scrub.py", page.string(),
                                 (folder.path() / "dark.png").string()},
                                {120, 0, 0}, folder.path() / "log");
  EXPECT_TRUE(said.ok()) << said.describe() << " " << said.error_tail;
  EXPECT_GT(fs::file_size(folder.path() / "dark.png"), 10000U);
}

TEST(SlowPage, TheOtherFilesAreThere) {
  const TemporaryFolder folder;
  make_report(folder.path() / "run");
  EXPECT_THAT(read_file(folder.path() / "run" / "junit.xml"),
              HasSubstr("<testcase classname=\"nightly.launch\" name=\"launch-test-1\""));
  EXPECT_THAT(read_file(folder.path() / "run" / "summary.md"), HasSubstr("| fault-mirror |"));
  EXPECT_TRUE(fs::exists(folder.path() / "run" / "repro" / "launch-test-0.case.json"));
}

TEST(Escaped, LeavesNoMarkupAndNoControlCharacters) {
  EXPECT_EQ(escaped("<a href=\"x\">&\x01</a>"), "&lt;a href=&quot;x&quot;&gt;&amp;&lt;/a&gt;");
}

}  // namespace
}  // namespace bitemark
