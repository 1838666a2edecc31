// rollout, play and surprise as a user calls them: what is given, what is made, what is refused.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <sstream>

#include "base/json.h"
#include "cli/program.h"
#include "episode/conditioning.h"
#include "temporary_folder.h"
#include "video/png.h"
#include "video/video_file.h"

namespace bitemark {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

const std::string kSource = BITEMARK_SOURCE_DIR, kBinaries = BITEMARK_BINARY_DIR;
const std::string kNano = "checkpoint:" + kSource + "/checkpoints/nano";
const std::string kVoxel = "checkpoint:" + kSource + "/checkpoints/voxel";
const std::string kFreeze = "command:/usr/bin/python3 '" + kSource + "/examples/freeze_generator.py'";
constexpr int kFrames = 24;  ///< of a take of bounce: 2 s at 12 Hz
constexpr int kGiven = 8;    ///< of them, where nothing else is said: 0.7 s

using Words = std::vector<std::string>;

Words operator+(Words left, const Words& right) {
  left.insert(left.end(), right.begin(), right.end());
  return left;
}

/// Exit code 4, one line on stderr that holds these words, and nothing else said.
void expect_refused(const Said& said, const std::string& words) {
  EXPECT_EQ(said.code, 4) << said.err;
  EXPECT_THAT(said.err, HasSubstr(words));
  EXPECT_EQ(std::count(said.err.begin(), said.err.end(), '\n'), 1) << said.err;
  EXPECT_TRUE(said.err.starts_with("bitemark")) << said.err;
  EXPECT_EQ(said.out, "");
}

void expect_equal(const Frame& frame, const Frame& expected, std::size_t t) {
  EXPECT_TRUE(frame == expected) << "frame " << t;
}

void expect_equal(const std::vector<Frame>& frames, const std::vector<Frame>& expected) {
  ASSERT_EQ(frames.size(), expected.size());
  for (std::size_t t = 0; t < frames.size(); ++t) expect_equal(frames[t], expected[t], t);
}

/// The first frame in which two clips differ; their length where none does.
std::size_t first_difference(const std::vector<Frame>& a, const std::vector<Frame>& b) {
  return static_cast<std::size_t>(std::mismatch(a.begin(), a.end(), b.begin(), b.end()).first - a.begin());
}

void expect_all_different(const std::vector<Frame>& frames) {
  for (std::size_t t = 0; t < frames.size(); ++t)
    for (std::size_t earlier = 0; earlier < t; ++earlier)
      EXPECT_NE(frames[t].rgb, frames[earlier].rgb) << "frame " << t << " repeats frame " << earlier;
}

Frame plain(int width, int height, std::uint8_t value) {
  Frame frame(width, height);
  std::fill(frame.rgb.begin(), frame.rgb.end(), value);
  return frame;
}

/// A folder for scripts and truth, and one in it for what the programs write.
class GeneratorCommands : public testing::Test {
 protected:
  void SetUp() override { make_folder(out()); }
  fs::path path(const std::string& name) const { return folder_.path() / name; }
  fs::path out(const std::string& name = "") const { return folder_.path() / "out" / name; }
  /// Everything below `out`, folders too.
  Words written() const {
    Words names;
    for (const auto& entry : fs::recursive_directory_iterator(out()))
      names.push_back(fs::relative(entry.path(), out()).string());
    std::sort(names.begin(), names.end());
    return names;
  }
  static std::vector<Frame> frames(const fs::path& clip) { return read_clip(clip, {12, 1}).frames; }

  /// Pictures of 32 x 32: who generates here does not care.
  Said rollout(const std::string& generator, const Words& words, const std::string& name = "x.mkv") const {
    return bitemark(Words{"rollout", "--generator", generator, "--size", "32", "--out", out(name).string()} + words);
  }
  Said bounce(const std::string& generator, const Words& words = {}, const std::string& name = "x.mkv") const {
    return rollout(generator, Words{"--scenario", "bounce"} + words, name);
  }
  /// The take that bounce() is about, from the command that renders it.
  std::vector<Frame> truth() const {
    const auto said = bitemark({"render", "bounce", "--size", "32", "--out", path("truth").string()});
    EXPECT_EQ(said.code, 0) << said.err;
    return frames(path("truth") / "video.mkv");
  }
  /// A generator of these lines of Python; `more` are its first words.
  std::string python(const std::string& body, const std::string& more = "") const {
    write_file(path("generator.py"), body);
    return "command:/usr/bin/python3 '" + path("generator.py").string() + "' " + more;
  }
  /// The example with another way to make frames: `continue_clip(context, caption, controls, told)`.
  std::string example_with(const std::string& continue_clip, const std::string& more = "") const {
    return python(
        "import sys\n"
        "sys.dont_write_bytecode = True\n"
        "sys.path.insert(0, '" +
            kSource +
            "/examples')\n"
            "import freeze_generator as generator\n"
            "import numpy as np\n" +
            continue_clip +
            "generator.continue_clip = continue_clip\n"
            "generator.main(*sys.argv[-2:])\n",
        more);
  }
  /// `count` frames of 7, `side` pixels a side, whatever was asked for.
  std::string sevens(int count, int side) const {
    return example_with(
        "def continue_clip(context, caption, controls, told):\n"
        "    count, side = int(sys.argv[1]), int(sys.argv[2])\n"
        "    return np.full((count, side, side, 3), 7, np.uint8)\n",
        std::to_string(count) + " " + std::to_string(side));
  }
  /// A shell script; $1 is the request, $2 the place for answers.
  std::string script(const std::string& body) const {
    write_file(path("generator.sh"), body);
    return "command:sh '" + path("generator.sh").string() + "'";
  }
  /// The example, and the request stays in path("request").
  std::string remembering() const {
    return script("cp -r \"$1\" '" + path("request").string() + "'\nexec /usr/bin/python3 '" + kSource +
                  "/examples/freeze_generator.py' \"$1\" \"$2\"\n");
  }

  TemporaryFolder folder_;
};

// --- rollout: what is given and what is made

using RolloutCommand = GeneratorCommands;

TEST_F(RolloutCommand, GivesTheTruthAtItsPlacesAndFreezesTheRest) {
  const auto true_frames = truth();
  ASSERT_EQ(true_frames.size(), kFrames);
  expect_all_different(true_frames);  // else a frame in the wrong place would not be seen
  struct Asked {
    Words words;
    int first, last;  ///< frames given at the begin and at the end
  };
  const std::vector<Asked> all{{{}, kGiven, 0},
                               {{"--task", "continue", "--given", "3"}, 3, 0},
                               {{"--task", "text"}, 0, 0},
                               {{"--task", "image"}, 1, 0},
                               {{"--task", "before"}, 0, 2},
                               {{"--task", "before", "--given-end", "4"}, 0, 4},
                               {{"--task", "between"}, kGiven, 2},
                               {{"--task", "between", "--given", "3", "--given-end", "4"}, 3, 4}};
  for (const auto& [words, first, last] : all) {
    SCOPED_TRACE(testing::PrintToString(words));
    const auto said = bounce(kFreeze, words);
    ASSERT_EQ(said.code, 0) << said.err;
    EXPECT_THAT(said.out, HasSubstr("24 frames, " + std::to_string(first + last) + " of them given"));
    const auto made = frames(out("x.mkv"));
    ASSERT_EQ(made.size(), kFrames);
    // The example holds the last frame that it was given, and is grey where there is none.
    const Frame held = last > 0    ? true_frames.back()
                       : first > 0 ? true_frames[static_cast<std::size_t>(first) - 1]
                                   : plain(32, 32, 128);
    for (int t = 0; t < kFrames; ++t) {
      const auto at = static_cast<std::size_t>(t);
      expect_equal(made[at], t < first || t >= kFrames - last ? true_frames[at] : held, at);
    }
    EXPECT_THAT(written(), ElementsAre("x.mkv"));
    fs::remove(out("x.mkv"));
  }
}

TEST_F(RolloutCommand, TheLengthMayBeAskedFor) {
  const auto true_frames = truth();
  ASSERT_EQ(bounce(kFreeze, {"--frames", "9"}).code, 0);
  const auto made = frames(out("x.mkv"));
  ASSERT_EQ(made.size(), 9U);
  for (std::size_t t = 0; t < 9; ++t) expect_equal(made[t], true_frames[std::min<std::size_t>(t, kGiven - 1)], t);
}

TEST_F(RolloutCommand, GoesOnFromAPictureOfTheUsersOwn) {
  Frame picture(40, 24);
  for (std::size_t i = 0; i < picture.rgb.size(); ++i) picture.rgb[i] = static_cast<std::uint8_t>(i * 7);
  write_png(path("mine.png"), picture);
  const auto said = rollout(kFreeze, {"--task", "image", "--frames-from", path("mine.png").string(), "--frames", "5"});
  ASSERT_EQ(said.code, 0) << said.err;
  expect_equal(frames(out("x.mkv")), std::vector<Frame>(5, picture));
}

TEST_F(RolloutCommand, LeavesGapsBetweenFramesOfAVideoOfTheUsersOwn) {
  const auto true_frames = truth();
  const auto said = rollout(kFreeze, {"--task", "between", "--given", "2", "--given-end", "1", "--frames", "20",
                                      "--frames-from", (path("truth") / "video.mkv").string()});
  ASSERT_EQ(said.code, 0) << said.err;
  std::vector<Frame> expected(20, true_frames[19]);
  std::copy_n(true_frames.begin(), 2, expected.begin());
  expect_equal(frames(out("x.mkv")), expected);
}

/// Noise by seed and frame, but for the first pixel: length of the caption, act_on and number of the shot.
constexpr const char* kPaint = R"(
def continue_clip(context, caption, controls, told):
    given = set(told.get("context_places", range(len(context))))
    act = told["control_names"].index("act_on")
    frames = []
    for t in range(told["frame_count"]):
        said = [caption] + [c["caption"] for c in told.get("caption_changes", []) if c["frame"] <= t]
        noise = np.random.default_rng([told["seed"], t])
        frame = noise.integers(0, 256, (told["height"], told["width"], 3), np.uint8)
        frame[0, 0] = [len(said[-1]), round(float(controls[t, act])), sum(cut <= t for cut in told.get("cuts", []))]
        if t not in given:
            frames.append(frame)
    return np.stack(frames)
)";

struct Told {
  std::size_t words;  ///< letters of the caption
  int act, shot;
};

void expect_told(const Frame& frame, const Told& told, std::size_t t) {
  SCOPED_TRACE("frame " + std::to_string(t));
  EXPECT_EQ(frame.at(0, 0)[0], told.words);
  EXPECT_EQ(frame.at(0, 0)[1], told.act);
  EXPECT_EQ(frame.at(0, 0)[2], told.shot);
}

TEST_F(RolloutCommand, AForkChangesNothingBeforeItsFrame) {
  const std::string first = "before", later = "afterwards", shot = "the same, from above";
  const auto said =
      bounce(example_with(kPaint), {"--frames", "20", "--caption", first, "--change", "11:act_on=9", "--change",
                                    "14:caption=" + later, "--shot", "17:" + shot, "--seed", "7", "--fork"});
  ASSERT_EQ(said.code, 0) << said.err;
  EXPECT_THAT(written(), ElementsAre("x-unchanged.mkv", "x.mkv"));
  const auto changed = frames(out("x.mkv")), unchanged = frames(out("x-unchanged.mkv"));
  ASSERT_EQ(changed.size(), 20U);
  ASSERT_EQ(unchanged.size(), 20U);
  EXPECT_EQ(first_difference(changed, unchanged), 11U);
  for (std::size_t t = kGiven; t < 20; ++t) {
    const int act = t < 11 ? 0 : 9, number = t < 17 ? 0 : 1;
    const std::size_t words = t < 17 ? first.size() : shot.size();  // a shot is no change: both futures have it
    expect_told(unchanged[t], {words, 0, number}, t);
    expect_told(changed[t], {t < 14 || t >= 17 ? words : later.size(), act, number}, t);
    EXPECT_TRUE(std::equal(changed[t].rgb.begin() + 3, changed[t].rgb.end(), unchanged[t].rgb.begin() + 3))
        << "other noise at frame " << t;
  }
}

TEST_F(RolloutCommand, ShotsWithoutWordsKeepTheCaption) {
  const auto said =
      bounce(example_with(kPaint), {"--caption", "one caption", "--shot", "18:", "--shot", "12:", "--frames", "20"});
  ASSERT_EQ(said.code, 0) << said.err;
  const auto made = frames(out("x.mkv"));
  ASSERT_EQ(made.size(), 20U);
  for (std::size_t t = kGiven; t < 20; ++t) expect_told(made[t], {11, 0, t < 12 ? 0 : t < 18 ? 1 : 2}, t);
}

TEST_F(RolloutCommand, TheSeedDecidesTheNoise) {
  const Words words{"--task", "text", "--frames", "3"};
  ASSERT_EQ(rollout(example_with(kPaint), words + Words{"--seed", "7"}, "a.mkv").code, 0);
  ASSERT_EQ(rollout(example_with(kPaint), words + Words{"--seed", "7"}, "b.mkv").code, 0);
  ASSERT_EQ(rollout(example_with(kPaint), words + Words{"--seed", "8"}, "c.mkv").code, 0);
  expect_equal(frames(out("a.mkv")), frames(out("b.mkv")));
  EXPECT_EQ(first_difference(frames(out("a.mkv")), frames(out("c.mkv"))), 0U);
}

/// Ten thousand characters of Latin, Cyrillic, Chinese, Arabic, Hebrew, Devanagari, joined emoji and combining accents.
std::string long_caption() {
  const std::vector<std::string> letters{"r",  "\u00e9", "e\u0301", "\u0448",     "\u7ea2",     "\u7403",     "\u0643",
                                         "\"", "\u05db", "\u0928",  "\u0940",     "\U0001f3be", "\U0001f468", "\u200d",
                                         " ",  "\\",     "\n",      "\U0001f467", "\u202e",     "a"};
  std::string caption;
  for (std::size_t i = 0; i < 10000; ++i) caption += letters[i * 7 % letters.size()];
  return caption;
}

TEST_F(RolloutCommand, ALongCaptionOfManyScriptsArrivesWhole) {
  const std::string caption = long_caption();
  const auto said = rollout(remembering(), {"--task", "text", "--frames", "2", "--caption", caption});
  ASSERT_EQ(said.code, 0) << said.err;
  EXPECT_EQ(frames(out("x.mkv")).size(), 2U);
  EXPECT_TRUE(read_conditioning(path("request"), "clip").caption == caption);
}

TEST_F(RolloutCommand, MakesTheFoldersOfItsClip) {
  const auto said = rollout(kFreeze, {"--task", "text", "--frames", "3"}, "no/such/x.mkv");
  ASSERT_EQ(said.code, 0) << said.err;
  EXPECT_THAT(written(), ElementsAre("no", "no/such", "no/such/x.mkv"));
  expect_equal(frames(out("no/such/x.mkv")), std::vector<Frame>(3, plain(32, 32, 128)));
}

TEST_F(RolloutCommand, ReplacesAClipThatIsThere) {
  write_file(out("x.mkv"), "an older clip");
  ASSERT_EQ(rollout(kFreeze, {"--task", "text", "--frames", "3"}).code, 0);
  EXPECT_EQ(frames(out("x.mkv")).size(), 3U);
}

// --- rollout: what is refused

TEST_F(RolloutCommand, RefusesWhatNobodyKnows) {
  expect_refused(rollout(kFreeze, {"--scenario", "no-such-scenario"}), "no-such-scenario");
  expect_refused(bounce(kFreeze, {"--task", "backwards"}), "expected one of continue, text, image, before, between");
  expect_refused(bounce(kFreeze, {"--split", "holdout"}), "holdout");
  expect_refused(bounce("magic"), "there is no generator \"magic\"");
  expect_refused(bounce("freeze"), "a rollout needs checkpoint:DIR or command:'WORDS'");
  expect_refused(bounce("checkpoint:" + path("").string()), "config.json");
  expect_refused(bounce("command:no-such-program-here"), "no-such-program-here: cannot be started");
  expect_refused(bounce(kFreeze, {}, "x.avi"), "ends in neither .mkv (lossless) nor .mp4 (H.264)");
  EXPECT_THAT(written(), IsEmpty());
}

TEST_F(RolloutCommand, RefusesChangesThatMakeNoSense) {
  expect_refused(bounce(kFreeze, {"--change", "14:act_no=0"}), "names none of caption, camera_x");
  expect_refused(bounce(kFreeze, {"--change", "14:jump=1"}), "nobody plays in this scenario");
  expect_refused(bounce(kFreeze, {"--change", "14:act_on=much"}), "\"much\" where a number is expected");
  expect_refused(bounce(kFreeze, {"--change", "24:act_on=0"}), "has the frame 24, and frames go from 0 to 23");
  expect_refused(bounce(kFreeze, {"--change", "-1:act_on=0"}), "has the frame -1, and frames go from 0 to 23");
  expect_refused(bounce(kFreeze, {"--change", "1.5:act_on=0"}), "has the frame 1.5");
  expect_refused(bounce(kFreeze, {"--frames", "12", "--change", "12:act_on=0"}), "frames go from 0 to 11");
  expect_refused(bounce(kFreeze, {"--change", "14"}), "is not readable");
  expect_refused(bounce(kFreeze, {"--change", "14:caption=a", "--change", "14:caption=b"}), "is the second caption");
  expect_refused(bounce(kFreeze, {"--shot", "0:from above"}), "frames go from 1 to 23");
  expect_refused(bounce(kFreeze, {"--shot", "24:from above"}), "frames go from 1 to 23");
  expect_refused(bounce(kFreeze, {"--fork"}), "there is no --change");
  EXPECT_THAT(written(), IsEmpty());
}

TEST_F(RolloutCommand, RefusesLengthsThatLeaveNothingToMakeOrToGive) {
  expect_refused(bounce(kFreeze, {"--given", "24"}), "nothing is left to make");
  expect_refused(bounce(kFreeze, {"--task", "between", "--given", "20", "--given-end", "4"}), "nothing is left");
  expect_refused(rollout(kFreeze, {"--task", "text"}), "--frames says how long the clip is to be");
  expect_refused(rollout(kFreeze, {"--frames", "12"}), "there are only 0");
  expect_refused(rollout(kFreeze, {"--frames", "12", "--frames-from", path("none.png").string()}), "does not exist");
  EXPECT_THAT(written(), IsEmpty());
}

TEST_F(RolloutCommand, RefusesAClipShorterThanWhatTheScenarioGives) {
  for (const std::string count : {"1", "2", "5", "8"})
    expect_refused(bounce(kFreeze, {"--frames", count}), "frames of a clip of " + count);
  EXPECT_THAT(written(), IsEmpty());
}

TEST_F(RolloutCommand, AShortClipNeedNotGiveWhatTheScenarioGives) {
  const auto true_frames = truth();
  const auto said = bounce(kFreeze, {"--frames", "2", "--given", "1"});
  ASSERT_EQ(said.code, 0) << said.err;
  expect_equal(frames(out("x.mkv")), std::vector<Frame>(2, true_frames[0]));
}

TEST_F(RolloutCommand, AGeneratorThatFailsLeavesNothing) {
  expect_refused(bounce(script("echo loading >&2; echo out of memory >&2; exit 3")), "exit code 3: out of memory");
  expect_refused(bounce(script("kill -9 $$")), "killed by signal 9");
  expect_refused(bounce(script("sleep 100"), {"--timeout", "0.2"}), "did not finish in time");
  expect_refused(bounce(script("exit 0")), "answered without");
  expect_refused(bounce(script("mkdir -p \"$2/clip\"; echo hello > \"$2/clip/rollout.safetensors\"")), "rollout");
  EXPECT_THAT(written(), IsEmpty());
}

TEST_F(RolloutCommand, WhatIsRefusedLeavesAnOlderClipAlone) {
  write_file(out("x.mkv"), "an older clip");
  expect_refused(bounce(kFreeze, {"--change", "24:act_on=0"}), "24");
  expect_refused(bounce(script("exit 3")), "exit code 3");
  EXPECT_THAT(written(), ElementsAre("x.mkv"));
  EXPECT_EQ(read_file(out("x.mkv")), "an older clip");
}

TEST_F(RolloutCommand, OddSidesAreRefused) {
  write_png(path("odd.png"), plain(33, 33, 9));
  const Words odd{"--task", "image", "--frames", "3", "--frames-from", path("odd.png").string()};
  for (const char* name : {"x.mp4", "x.mkv"}) expect_refused(rollout(kFreeze, odd, name), "cannot be 33 x 33");
  EXPECT_THAT(written(), IsEmpty());
}

TEST_F(RolloutCommand, APlaceThatCannotBeWritten) {
  write_file(out("file"), "x");
  make_folder(out("folder.mkv"));
  const Words text{"--task", "text", "--frames", "3"};
  expect_refused(rollout(kFreeze, text, "file/x.mkv"), "cannot be written");
  expect_refused(rollout(kFreeze, text, "folder.mkv"), "cannot be written");
  EXPECT_THAT(written(), ElementsAre("file", "folder.mkv"));
}

TEST_F(RolloutCommand, WhatTheUserHasBesideTheClipStays) {
  make_folder(out("x.mkv.work"));
  write_file(out("x.mkv.work") / "thesis.tex", "my work");
  rollout(kFreeze, {"--task", "text", "--frames", "3"});
  ASSERT_TRUE(fs::exists(out("x.mkv.work") / "thesis.tex"));
  EXPECT_EQ(read_file(out("x.mkv.work") / "thesis.tex"), "my work");
}

// --- rollout: answers as docs/generator-protocol.md has them

TEST_F(RolloutCommand, AnAnswerThatIsTooShortIsRefused) {
  for (const char* task : {"continue", "before", "between"})
    expect_refused(bounce(sevens(3, 32), {"--task", task}), "3");
  EXPECT_THAT(written(), IsEmpty());
}

TEST_F(RolloutCommand, FramesBeyondTheAskedLengthAreCut) {
  auto expected = truth();
  std::fill(expected.begin() + kGiven, expected.end(), plain(32, 32, 7));
  for (const int answered : {kFrames - kGiven, kFrames - kGiven + 4, kFrames + 6}) {
    SCOPED_TRACE(std::to_string(answered) + " frames in the answer");
    const auto said = bounce(sevens(answered, 32));
    ASSERT_EQ(said.code, 0) << said.err;
    expect_equal(frames(out("x.mkv")), expected);
  }
}

TEST_F(RolloutCommand, AnAnswerOfAnotherSizeIsScaledOrRefused) {
  const auto said = bounce(sevens(kFrames - kGiven, 48));
  if (said.code != 0) {
    expect_refused(said, "48");
    EXPECT_THAT(written(), IsEmpty());
  } else {
    EXPECT_EQ(frames(out("x.mkv")).size(), kFrames);
  }
}

TEST_F(RolloutCommand, AnAnswerMayBeAVideoOrPictures) {
  auto expected = truth();
  std::vector<Frame> answer;
  for (int t = kGiven; t < kFrames; ++t) {
    answer.push_back(plain(32, 32, static_cast<std::uint8_t>(t)));
    expected[static_cast<std::size_t>(t)] = answer.back();
  }
  write_video(path("rollout.mkv"), Codec::kFfv1, make_clip(answer, {12, 1}), {12, 1});
  make_folder(path("frames"));
  for (std::size_t i = 0; i < answer.size(); ++i)
    write_png(path("frames") / (std::to_string(100 + i) + ".png"), answer[i]);
  for (const char* name : {"rollout.mkv", "frames"}) {
    SCOPED_TRACE(name);
    const auto said = bounce(script("mkdir -p \"$2/clip\"; cp -r '" + path(name).string() + "' \"$2/clip/\""));
    EXPECT_EQ(said.code, 0) << said.err;
    if (said.code == 0) expect_equal(frames(out("x.mkv")), expected);
  }
}

// --- with the shipped checkpoints: 64 pixels, few frames

/// On the processor, where all is the same to the bit.
class SlowRolloutCommand : public GeneratorCommands {
 protected:
  void SetUp() override {
    if (!fs::exists(kBinaries + "/bitemark-model")) GTEST_SKIP() << "built without LibTorch";
    GeneratorCommands::SetUp();
  }
  Said rollout(const std::string& generator, const Words& words, const std::string& name = "x.mkv") const {
    return bitemark(Words{"rollout", "--generator", generator, "--out", out(name).string()} + words,
                    {{"BITEMARK_DEVICE", "cpu"}});
  }
  /// `lines` are standard input.
  Said play(const std::string& lines, const std::string& name, const Words& words = {},
            const std::string& threads = "2") const {
    write_file(path("script"), lines);
    const auto result = run_process(
        Words{"sh", "-c", "input=$1; shift; exec \"$@\" < \"$input\"", "sh", path("script").string(),
              kBinaries + "/bitemark", "play", "--generator", kVoxel, "--out", out(name).string()} +
            words,
        {300, 0, 0}, path("said"), {},
        {{"BITEMARK_SCENARIOS", kSource + "/scenarios"}, {"BITEMARK_DEVICE", "cpu"}, {"BITEMARK_THREADS", threads}});
    return {result.timed_out ? -1 : result.exit_code, read_file(path("said")), result.error_tail};
  }
  /// Frame `t` of a played clip, as a line of a script.
  static std::string line(const Conditioning& take, int t) {
    const auto& names = Actions::names();
    std::ostringstream text;
    text.precision(9);  // enough for any float
    for (std::size_t i = 0; i < names.size(); ++i)
      if (const float value = take.actions.values[static_cast<std::size_t>(t) * names.size() + i]; value != 0)
        text << names[i] << "=" << value << " ";
    return text.str() + "\n";
  }
};

TEST_F(SlowRolloutCommand, NoFrameRepeatsAnother) {
  const auto said = rollout(kNano, {"--scenario", "bounce", "--frames", "12"});
  ASSERT_EQ(said.code, 0) << said.err;
  EXPECT_THAT(written(), ElementsAre("x.mkv"));
  const auto made = frames(out("x.mkv"));
  ASSERT_EQ(made.size(), 12U);
  EXPECT_EQ(made[0].width, 64);
  expect_all_different(made);
}

TEST_F(SlowRolloutCommand, ALongCaptionOfManyScriptsIsRead) {
  const auto said = rollout(kNano, {"--task", "text", "--frames", "2", "--caption", long_caption()});
  ASSERT_EQ(said.code, 0) << said.err;
  EXPECT_EQ(frames(out("x.mkv")).size(), 2U);
}

TEST_F(SlowRolloutCommand, AnotherActionShowsAtItsFrameAndPlayingItIsTheSame) {
  // voxel-walk gives six frames; 6 and 7 are made.
  const Words words{"--scenario", "voxel-walk", "--frames", "8", "--change", "7:back=1"};
  ASSERT_EQ(rollout(remembering(), words).code, 0);
  const auto take = read_conditioning(path("request"), "clip");
  ASSERT_EQ(take.context.size(), 6U);
  const auto said = rollout(kVoxel, words + Words{"--fork"});
  ASSERT_EQ(said.code, 0) << said.err;
  EXPECT_THAT(written(), ElementsAre("x-unchanged.mkv", "x.mkv"));
  const auto changed = frames(out("x.mkv")), unchanged = frames(out("x-unchanged.mkv"));
  ASSERT_EQ(changed.size(), 8U);
  ASSERT_EQ(unchanged.size(), 8U);
  EXPECT_EQ(first_difference(changed, unchanged), 7U);
  for (std::size_t t = 0; t < 6; ++t) expect_equal(changed[t], take.context[t], t);
  const auto played = play(line(take, 6) + line(take, 7), "game");
  ASSERT_EQ(played.code, 0) << played.err;
  expect_equal(frames(out("game/frames")), {changed[6], changed[7]});
}

TEST_F(SlowRolloutCommand, ACheckpointSaysWhatItWasNotTrainedFor) {
  expect_refused(rollout(kVoxel, {"--scenario", "voxel-walk", "--frames", "8", "--task", "before"}),
                 "was not trained to work towards them");
  expect_refused(rollout(kNano, {"--task", "text", "--frames", "2", "--label", "no-such-class"}),
                 "expected one of: bounce, launch");
  EXPECT_THAT(written(), IsEmpty());
}

using SlowPlayCommand = SlowRolloutCommand;

TEST_F(SlowPlayCommand, AnActionChangesTheVeryNextFrameAndNoneBefore) {
  const auto straight = play("5 forward\n1 forward\n", "straight");
  ASSERT_EQ(straight.code, 0) << straight.err;
  EXPECT_THAT(straight.out, HasSubstr("6 frames in"));
  ASSERT_EQ(play("5 forward\n1 forward cameraY=1\n", "turn").code, 0);
  const auto a = frames(out("straight/frames")), b = frames(out("turn/frames"));
  ASSERT_EQ(a.size(), 6U);
  ASSERT_EQ(b.size(), 6U);
  EXPECT_EQ(first_difference(a, b), 5U);
  expect_all_different(a);
}

TEST_F(SlowPlayCommand, ItsActionsPlayedAgainGiveTheSameFrames) {
  const auto first = play("forward cameraY=0.3\njump\n1 cameraX=-0.123456 attack\n", "first", {}, "1");
  ASSERT_EQ(first.code, 0) << first.err;
  const auto actions = read_file(out("first/actions.txt"));
  EXPECT_EQ(actions, "1 forward cameraY=0.3\n1 jump\n1 cameraX=-0.123456 attack\n");
  ASSERT_EQ(play(actions, "again", {}, "2").code, 0);
  expect_equal(frames(out("again/frames")), frames(out("first/frames")));
  EXPECT_EQ(frames(out("again/frames")).size(), 3U);
  EXPECT_EQ(read_file(out("again/actions.txt")), actions);
}

TEST_F(SlowPlayCommand, ABadLineIsOneSentenceAndBeginsNoGame) {
  expect_refused(play("forwrd\n", "game"), "standard input, line 1: has \"forwrd\", expected one of: inventory");
  expect_refused(play("forward=3\n", "game"), "line 1: has \"3\", expected a number from -1 to 1");
  for (const char* of_a_game : {"game/frames", "game/actions.txt"}) EXPECT_FALSE(fs::exists(out(of_a_game)));
  // Corrected, the same command works.
  const auto said = play("forward\n", "game", {"--steps", "1"});
  EXPECT_EQ(said.code, 0) << said.err;
}

// --- play: what is refused before the generator is started

class PlayCommand : public GeneratorCommands {
 protected:
  Said play(const std::string& generator, const Words& words = {}) const {
    return bitemark(Words{"play", "--generator", generator, "--out", out("game").string()} + words);
  }
};

TEST_F(PlayCommand, RefusesWhoOrWhatCannotBePlayed) {
  expect_refused(play(kFreeze), "only checkpoint:DIR can be played");
  expect_refused(play(kNano), "was trained without actions");
  expect_refused(play("checkpoint:" + path("").string()), "holds no config.json");
  expect_refused(play(kVoxel, {"--scenario", "bounce"}), "bounce: has no player");
  expect_refused(play(kVoxel, {"--scenario", "no-such-scenario"}), "no-such-scenario");
  EXPECT_THAT(written(), IsEmpty());
}

TEST_F(PlayCommand, LeavesAnEarlierGameAlone) {
  make_folder(out("game/frames"));
  write_file(out("game/frames/000000.png"), "an earlier game");
  expect_refused(play(kVoxel), "is there already; choose another folder");
  EXPECT_THAT(written(), ElementsAre("game", "game/frames", "game/frames/000000.png"));
  EXPECT_EQ(read_file(out("game/frames/000000.png")), "an earlier game");
}

// --- surprise

/// One take of bounce under every fault that applies to it.
class SurpriseCommand : public GeneratorCommands {
 protected:
  Said surprise(const std::string& generator, const std::string& name = "s") const {
    write_file(path("suite.json"), R"({"name": "s", "size": 32, "fps": "12", "second_takes": 2,
                                       "entries": [{"scenario": "bounce", "takes": 1}]})");
    return bitemark({"surprise", "--suite", path("suite.json").string(), "--takes", "1", "--generator", generator,
                     "--out", out(name).string()});
  }
  /// Finds the true clip as surprising as `possible`, the others 0.5, and leaves out the first `lost` others.
  std::string judge(const std::string& possible, const std::string& lost = "0") const {
    return python(R"(
import hashlib, json, os, struct, sys

possible, lost, request, out = float(sys.argv[1]), int(sys.argv[2]), sys.argv[3], sys.argv[4]
asked = json.load(open(os.path.join(request, "request.json")))
assert asked["task"] == "surprise"
# Ids do not tell: only who knows how they are made finds the true clip.
true = "bounce-test-0." + hashlib.sha256(b"bounce-test-0.true").hexdigest()[:12]
assert true in asked["takes"] and asked["takes"] == sorted(asked["takes"])
others = [take for take in asked["takes"] if take != true]
for take in asked["takes"]:
    if take in others[:lost]:
        continue
    told = json.load(open(os.path.join(request, take, "conditioning.json")))
    count = told["frame_count"] - told["context_frames"]
    values = struct.pack("<%df" % count, *[0.5 if take in others else possible] * count)
    head = json.dumps({"surprise": {"dtype": "F32", "shape": [count], "data_offsets": [0, len(values)]}}).encode()
    os.makedirs(os.path.join(out, take))
    with open(os.path.join(out, take, "surprise.safetensors"), "wb") as file:
        file.write(struct.pack("<Q", len(head)) + head + values)
)",
                  possible + " " + lost);
  }
  Json result(const std::string& name) const { return load_json(out(name) / "surprise.json"); }
};

TEST_F(SurpriseCommand, AGeneratorThatOnlyDrawsIsToldSo) {
  expect_refused(surprise(kFreeze), "answered no clip with its surprise");
  EXPECT_FALSE(fs::exists(out("s/surprise.json")));
}

TEST_F(SurpriseCommand, AGeneratorThatExitsSaysWhy) {
  expect_refused(surprise(script("echo I only draw >&2; exit 9")), "exit code 9: I only draw");
  EXPECT_FALSE(fs::exists(out("s/surprise.json")));
}

TEST_F(SurpriseCommand, RefusesWhoCannotBeAsked) {
  expect_refused(surprise("freeze"), "surprise is asked of checkpoint:DIR or command:'WORDS'");
  expect_refused(surprise("magic"), "there is no generator \"magic\"");
  EXPECT_THAT(written(), IsEmpty());
}

TEST_F(SurpriseCommand, WhoKnowsHasNoErrorAndWhoMistakesHasNothingElse) {
  const auto knows = surprise(judge("0"), "knows"), mistakes = surprise(judge("1"), "mistakes");
  ASSERT_EQ(knows.code, 0) << knows.err;
  ASSERT_EQ(mistakes.code, 0) << mistakes.err;
  EXPECT_THAT(knows.out, HasSubstr("change-color"));
  for (const auto& [name, error] : std::map<std::string, double>{{"knows", 0}, {"mistakes", 1}}) {
    SCOPED_TRACE(name);
    const Json json = result(name);
    EXPECT_TRUE(json.at("missing").empty());
    ASSERT_GE(json.at("rows").size(), 3U);
    EXPECT_EQ(json.at("rows").back().at("against").get<std::string>(), "all");
    for (const auto& row : json.at("rows"))
      for (const char* kind : {"relative_error", "absolute_error", "preference_error"})
        EXPECT_DOUBLE_EQ(row.at(kind).at("value").get<double>(), error) << row.at("against") << " " << kind;
  }
}

TEST_F(SurpriseCommand, ClipsWithoutAnAnswerAreNamed) {
  const auto said = surprise(judge("0", "1"));
  EXPECT_EQ(said.code, 7) << said.err;
  EXPECT_THAT(said.err, HasSubstr("no answer to bounce-test-0."));
  EXPECT_EQ(result("s").at("missing").size(), 1U);
}

TEST_F(SurpriseCommand, AnAnswerOfAnotherGeneratorIsNotMixedIn) {
  ASSERT_EQ(surprise(judge("0")).code, 0);
  const auto before = read_file(out("s/surprise.json"));
  expect_refused(surprise(kFreeze), "holds the surprise of another generator or suite");
  EXPECT_EQ(read_file(out("s/surprise.json")), before);
}

}  // namespace
}  // namespace bitemark
