// play as a user calls it, with the shipped checkpoint, and what is refused before it is started.
#include "cli/generator_commands.h"

namespace bitemark {
namespace {

using SlowPlayCommand = ShippedCheckpoint;

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

}  // namespace
}  // namespace bitemark
