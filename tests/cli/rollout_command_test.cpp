// rollout as a user calls it: what is given, what is made, what is refused.
#include "cli/generator_commands.h"
#include "episode/conditioning.h"
#include "video/png.h"

namespace bitemark {
namespace {

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

TEST_F(RolloutCommand, WishesThatTheGeneratorDoesNotLookAtAreTold) {
  const auto played = rollout(kFreeze, {"--scenario", "voxel-walk", "--change", "20:jump=1"});
  EXPECT_EQ(played.code, 0) << played.err;
  EXPECT_THAT(played.err, HasSubstr("does not look at actions"));
  const auto cut = bounce(kFreeze, {"--shot", "9:the same, from the left"});
  EXPECT_THAT(cut.err, HasSubstr("does not look at cuts"));
  EXPECT_THAT(bounce(kFreeze).err, testing::Not(HasSubstr("does not look at")));
}

TEST_F(RolloutCommand, AFullDiskInOurOwnGeneratorIsAnInterruption) {
  make_folder(path("bin"));
  write_file(path("bin/bitemark-model"), "#!/bin/sh\necho 'rollout.safetensors: the disk is full' >&2\nexit 2\n");
  fs::permissions(path("bin/bitemark-model"), fs::perms::owner_all);
  make_folder(path("checkpoint"));
  write_file(path("checkpoint/config.json"), "{}");
  const auto said = bitemark({"rollout", "--generator", "checkpoint:" + path("checkpoint").string(), "--scenario",
                              "bounce", "--size", "32", "--out", out("x.mkv").string()},
                             {{"BITEMARK_BIN", path("bin").string()}});
  EXPECT_EQ(said.code, 2);
  EXPECT_THAT(said.err, HasSubstr("exit code 2: rollout.safetensors: the disk is full"));
  expect_refused(bounce(script("exit 2")), "exit code 2");  // of others it may mean anything, bad usage for one
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

}  // namespace
}  // namespace bitemark
