// One set of weights for frames of several sizes and shapes.
#include <gmock/gmock.h>

#include "base/error.h"
#include "model/clip_source.h"
#include "model/commands.h"
#include "model/generator.h"
#include "toy_run.h"
#include "toys.h"

namespace bitemark::model {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::ThrowsMessage;

const FrameSize kSquare{32, 32}, kWide{48, 32}, kLarge{64, 64};

TEST(FrameSizes, ABatchIsOfOneSizeAndEachSizeHasItsShare) {
  const auto folder = fresh_folder("data");
  write_toy_shards(folder, {kSquare, kWide});
  const ClipSource source({folder}, {});
  EXPECT_EQ(source.sizes(), (std::vector<FrameSize>{kSquare, kWide}));
  Pcg32 random(1, 1);
  int wide = 0;
  for (int i = 0; i < 400; ++i) {
    const auto windows = source.draw(3, 4, random);
    for (const auto& window : windows) EXPECT_EQ(source.size_of(window), source.size_of(windows.front()));
    const Tensor frames = source.load(windows, 4).frames;
    EXPECT_EQ(frames.size(3), source.size_of(windows.front()).width);
    wide += frames.size(3) == kWide.width ? 1 : 0;
  }
  // As many takes of each: of 400 batches 200 +- 10 (binomial); five deviations.
  EXPECT_NEAR(wide, 200, 50);
}

class TrainedAtSizes : public ToyRun {
 protected:
  void SetUp() override {
    ToyRun::SetUp();
    std::filesystem::remove_all(folder / "data");
    write_toy_shards(folder / "data", {kSquare, kWide});
  }
};

/// Wide takes are last; the state head sees both grids.
const Json kManySteps = {{"picture_every", 3}, {"held_out", 1}, {"more", {{"shortcut", 0.4}, {"own_history", 1.0}}}};

TEST_F(TrainedAtSizes, TheTransformerKnowsAllOfThemAndResumesToTheBit) {
  train(options("dit", "whole", 12, kManySteps));
  train(options("dit", "stopped", 5, kManySteps));
  train(options("dit", "stopped", 12, kManySteps));
  expect_same_tensors(folder / "whole/state.safetensors", folder / "stopped/state.safetensors");
  EXPECT_EQ(Checkpoint(folder / "whole/checkpoint").sizes(), (std::vector<FrameSize>{kSquare, kWide}));
}

TEST_F(TrainedAtSizes, SoDoesTheVae) {
  train(options("vae", "vae", 3));
  EXPECT_EQ(Checkpoint(folder / "vae/checkpoint").sizes(), (std::vector<FrameSize>{kSquare, kWide}));
}

TEST_F(TrainedAtSizes, NetworksThatSeeWholeFramesSayThatTheyWantOneSize) {
  for (const char* stage : {"text", "features"})
    EXPECT_THAT([&] { train(options(stage, stage, 3)); },
                ThrowsMessage<InputError>(AllOf(HasSubstr("one size"), HasSubstr("32x32 and 48x32"))));
}

class RolledOutAtSizes : public testing::Test {
 protected:
  void SetUp() override {
    folder = fresh_folder("checkpoint");
    write_toy_checkpoint(folder);
  }
  std::vector<Frame> answer(const FrameSize& asked, const std::vector<FrameSize>& trained) const {
    set_sizes(folder, trained);
    const Checkpoint checkpoint(folder);
    return Generator(checkpoint, checkpoint.rollout()).run(toy_conditioning("a", 2, 5, asked));
  }
  std::filesystem::path folder;
};

TEST_F(RolledOutAtSizes, FramesAreMadeAtTheNearestShapeAndThenTheNearestArea) {
  struct Case {
    FrameSize asked, made;
  };
  const std::vector<FrameSize> trained{kSquare, kWide, kLarge};
  const Case cases[] = {{kSquare, kSquare}, {kWide, kWide},      {{96, 64}, kWide}, {kLarge, kLarge},
                        {{56, 56}, kLarge}, {{36, 36}, kSquare}, {{64, 32}, kWide}, {{24, 48}, kSquare}};
  for (const auto& [asked, made] : cases)
    EXPECT_EQ(answer(asked, trained), answer(asked, {made})) << to_text(asked) << " at " << to_text(made);
  EXPECT_NE(answer(kWide, trained), answer(kWide, {kSquare})) << "scaled, they are not the same";
}

}  // namespace
}  // namespace bitemark::model
