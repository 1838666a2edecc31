// rollout with the shipped checkpoints: 64 pixels, few frames.
#include "cli/generator_commands.h"
#include "episode/conditioning.h"

namespace bitemark {
namespace {

using SlowRolloutCommand = ShippedCheckpoint;

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

}  // namespace
}  // namespace bitemark
