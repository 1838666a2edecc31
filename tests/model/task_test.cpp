// What a generator can be asked for beside continuations.
#include <gmock/gmock.h>

#include <fstream>
#include <functional>

#include "base/error.h"
#include "model/commands.h"
#include "model/generator.h"
#include "model/weights.h"
#include "toys.h"

namespace bitemark::model {
namespace {

using testing::HasSubstr;
using testing::ThrowsMessage;

class Tasks : public testing::Test {
 protected:
  /// A toy's checkpoint whose weights are so large that whatever the network sees reaches the pixels.
  static Generator altered(const std::string& name, const std::function<void(DitConfig&)>& change,
                           double text_guidance = 1.0) {
    const auto folder = fresh_folder(name);
    write_toy_checkpoint(folder);
    DitConfig config = Checkpoint(folder).dit_settings();
    change(config);
    Dit dit(config);
    randomise(dit, 21, 0.3);
    const torch::NoGradGuard no_grad;
    for (auto& parameter : dit.named_parameters())  // no copies of copies, which would run into black and white
      if (parameter.key().starts_with("skip")) parameter.value().zero_();
    save_weights(folder / "dit.safetensors", weights_of(dit), true);
    write_config(folder, {{"dit", to_json(config)}});
    const Checkpoint checkpoint(folder);
    RolloutConfig rollout = checkpoint.rollout();
    rollout.text_guidance = text_guidance;
    return {checkpoint, rollout};
  }
  static Generator with(bool orders) {
    return altered(orders ? "ordered" : "plain", [&](DitConfig& config) { config.orders = orders; });
  }
  /// Knows actions, cuts and labels.
  static Generator played() {
    return altered("played", [](DitConfig& config) {
      config.actions = static_cast<std::int64_t>(Actions::width());
      config.shots = 2;
      config.labels = {"slide", "drop"};
    });
  }
  template <typename Options>
  static Options options_for(std::filesystem::path Options::*input) {
    Options options;
    options.checkpoint = fresh_folder("checkpoint");
    options.*input = fresh_folder("input");
    options.out = fresh_folder("answer");
    options.threads = 2;
    write_toy_checkpoint(options.checkpoint);
    return options;
  }
  /// Somebody walks, and turns from frame 6 on.
  static Conditioning walk(int frames) {
    Conditioning take = toy_conditioning("t", 2, frames);
    take.actions.values.assign(static_cast<std::size_t>(frames) * Actions::width(), 0.0F);
    for (std::size_t t = 0; t < static_cast<std::size_t>(frames); ++t) {
      take.actions.values[t * Actions::width() + 11] = 1;
      if (t >= 6) take.actions.values[t * Actions::width() + 16] = 0.5F;
    }
    return take;
  }
  static Conditioning at_places(std::vector<int> places, int frames) {
    Conditioning take = toy_conditioning("t", static_cast<int>(places.size()), frames);
    take.places = std::move(places);
    return take;
  }
};

TEST_F(Tasks, EveryOrderAnswersWhatIsNotGiven) {
  const Generator generator = with(true);
  EXPECT_EQ(generator.run(at_places({0, 1}, 9)).size(), 7U);
  EXPECT_EQ(generator.run(at_places({7, 8}, 9)).size(), 7U);
  EXPECT_EQ(generator.run(at_places({0, 7, 8}, 9)).size(), 6U);
}

TEST_F(Tasks, GivenEndsReachEveryFrameMade) {
  const Generator generator = with(true);
  Conditioning take = at_places({0, 7, 8}, 9);
  const auto before = generator.run(take);
  for (std::size_t i : {1, 2})
    for (auto& value : take.context[i].rgb) value = static_cast<std::uint8_t>(255 - value);
  const auto after = generator.run(take);
  for (std::size_t t = 0; t < before.size(); ++t) EXPECT_NE(before[t], after[t]) << t;
}

TEST_F(Tasks, BackwardsTheFrameBesideTheGivenOneIsMadeFirst) {
  // The first caption is told while frames 3 to 0 are made, after all others: those stay, but for the few that the
  // decoder shows after changed ones.
  const Generator generator = with(true);
  constexpr std::size_t kDecoderMemory = 6;
  Conditioning take = at_places({18, 19}, 20);
  take.changes = {{4, "something else"}};
  const auto one = generator.run(take);
  take.caption = "a square falls in the dark";
  const auto other = generator.run(take);
  for (std::size_t t = 0; t < 4; ++t) EXPECT_NE(one[t], other[t]) << t;
  for (std::size_t t = 4 + kDecoderMemory; t < 18; ++t) EXPECT_EQ(one[t], other[t]) << t;
}

TEST_F(Tasks, ForksShareThePastToTheBit) {
  const Generator generator = with(false);
  Conditioning take = toy_conditioning("t", 2, 12);
  const auto unchanged = generator.run(take);
  Conditioning told = take;
  told.changes = {{7, "a square falls in the dark"}};
  Conditioning pushed = take;
  for (std::size_t t = 7; t < 12; ++t) pushed.controls.values[t * Controls::width()] += 2.0F;
  for (const auto& fork : {generator.run(told), generator.run(pushed)})
    for (std::size_t t = 0; t < unchanged.size(); ++t) EXPECT_EQ(fork[t] == unchanged[t], t + 2 < 7) << t;
}

TEST_F(Tasks, FramesComeAsTheyAreMade) {
  // The third frame is handed over before the tenth is begun: what the tenth is told may still change then.
  const Generator generator = with(false);
  Conditioning take = toy_conditioning("t", 2, 14);
  const auto unchanged = generator.run(take);
  std::vector<Frame> seen;
  generator.stream(take, [&](Frame&& frame) {
    seen.push_back(std::move(frame));
    if (seen.size() == 3)
      for (std::size_t t = 10; t < 14; ++t) take.controls.values[t * Controls::width()] += 2.0F;
  });
  ASSERT_EQ(seen.size(), unchanged.size());
  for (std::size_t t = 0; t < seen.size(); ++t) EXPECT_EQ(seen[t] == unchanged[t], t + 2 < 10) << t;
}

TEST_F(Tasks, LatentsThatStandForFourFrames) {
  constexpr std::int64_t kTemporal = 4;
  const auto folder = fresh_folder("four");
  write_toy_checkpoint(folder);
  VaeConfig config = tiny_vae();
  config.temporal = kTemporal;
  Vae vae(config);
  save_weights(folder / "vae.safetensors", weights_of(vae), false);
  write_config(folder, {{"vae", to_json(config)}});
  const Checkpoint checkpoint(folder);
  const Generator generator(checkpoint, checkpoint.rollout());
  for (const int context : {0, 1, 3, 4, 6}) {
    Conditioning take = toy_conditioning("t", context, 15);
    const auto frames = generator.run(take);
    ASSERT_EQ(frames.size(), static_cast<std::size_t>(15 - context)) << context;
    // A latent is told the controls of its last frame: those of frame 11 reach back to the first frame of its latent.
    const std::int64_t padded = (kTemporal - context % kTemporal) % kTemporal;
    const std::int64_t latent = (11 + padded) / kTemporal * kTemporal - padded;
    for (std::int64_t t = latent; t < std::min<std::int64_t>(latent + kTemporal, 15); ++t)
      take.controls.values[static_cast<std::size_t>(t) * Controls::width()] += 2.0F;
    const auto other = generator.run(take);
    for (int t = context; t < 15; ++t)
      EXPECT_EQ(frames[static_cast<std::size_t>(t - context)] == other[static_cast<std::size_t>(t - context)],
                t < latent)
          << context << " " << t;
  }
}

TEST_F(Tasks, ACaptionThatComesLaterLeavesTheFramesBeforeIt) {
  const Generator generator = with(false);
  Conditioning silent = toy_conditioning("t", 2, 12);
  silent.caption = "";
  Conditioning told = silent;
  told.changes = {{7, "a square falls in the dark"}};
  const auto one = generator.run(silent), two = generator.run(told);
  for (std::size_t t = 0; t < one.size(); ++t) EXPECT_EQ(one[t] == two[t], t + 2 < 7) << t;
}

TEST_F(Tasks, SurpriseKnowsNoLastFramesThatAreGiven) {
  const Generator generator = with(true);
  Conditioning take = at_places({8}, 9);
  take.watched.assign(8, take.context.front());
  EXPECT_THAT([&] { generator.surprise(take); }, ThrowsMessage<InputError>(HasSubstr("context_places")));
}

TEST_F(Tasks, LastFramesAreRefusedByACheckpointThatDidNotLearnThem) {
  const Generator generator = with(false);
  EXPECT_THAT([&] { generator.run(at_places({8}, 9)); }, ThrowsMessage<InputError>(HasSubstr("not trained")));
}

TEST_F(Tasks, AnActionChangesTheNextFrameAndNoneBefore) {
  const Generator generator = played();
  const Conditioning take = walk(12);
  Conditioning other = take;
  other.actions.values[8 * Actions::width() + 17] = 1;  // a jump at frame 8
  const auto one = generator.run(take), two = generator.run(other);
  for (std::size_t t = 0; t < one.size(); ++t) EXPECT_EQ(one[t] == two[t], t + 2 < 8) << t;
  Conditioning led = take;  // who plays is not told the camera's path
  for (auto& value : led.controls.values) value = 1;
  EXPECT_EQ(generator.run(led), one);
}

TEST_F(Tasks, PlayingFrameByFrameIsTheRolloutToTheBit) {
  const Generator generator = played();
  const Conditioning take = walk(12);
  const auto whole = generator.run(take);
  Conditioning start = take;
  start.actions.values.resize(2 * Actions::width());
  start.controls.values.resize(2 * Controls::width());
  Play game(generator, start);
  for (std::size_t t = 2; t < 12; ++t) {
    const auto row = take.actions.values.begin() + static_cast<std::ptrdiff_t>(t * Actions::width());
    EXPECT_EQ(game.next({row, row + static_cast<std::ptrdiff_t>(Actions::width())}), whole[t - 2]) << t;
  }
}

TEST_F(Tasks, OnlyWhatWasTrainedWithActionsCanBePlayed) {
  const Generator generator = with(false);
  EXPECT_THAT([&] { Play(generator, walk(4)); }, ThrowsMessage<InputError>(HasSubstr("without actions")));
}

TEST_F(Tasks, ACutChangesWhatFollows) {
  const Generator generator = played();
  Conditioning take = toy_conditioning("t", 2, 12);
  const auto one = generator.run(take);
  take.cuts = {7};
  const auto two = generator.run(take);
  for (std::size_t t = 0; t < one.size(); ++t) EXPECT_EQ(one[t] == two[t], t + 2 < 7) << t;
}

TEST_F(Tasks, LabelsAreThoseOfTheTraining) {
  const Generator generator = played();
  Conditioning take = toy_conditioning("t", 2, 6);
  const auto none = generator.run(take);
  take.label = "drop";
  EXPECT_NE(generator.run(take), none);
  Conditioning silent = toy_conditioning("t", 2, 6);
  silent.caption.clear();
  const auto nothing_said = generator.run(silent);
  silent.caption = " ";  // an empty caption is none, and not one without words
  EXPECT_NE(generator.run(silent), nothing_said);
  take.label = "juggle";
  EXPECT_THAT([&] { generator.run(take); }, ThrowsMessage<InputError>(HasSubstr("one of: slide, drop")));
  EXPECT_THAT([&] { with(false).run(take); }, ThrowsMessage<InputError>(HasSubstr("without labels")));
}

std::int64_t resident_kb() {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);)
    if (line.starts_with("VmRSS:")) return std::stoll(line.substr(6));
  return 0;
}

TEST_F(Tasks, MemoryDoesNotGrowWithTheLength) {
  const Generator generator = with(false);
  std::int64_t early = 0, late = 0;
  int seen = 0;
  generator.stream(toy_conditioning("t", 2, 900, {128, 128}), [&](Frame&&) {
    ++seen;
    if (seen == 100) early = resident_kb();
    if (seen == 898) late = resident_kb();
  });
  // The 800 frames between would be 39 MB, of the 150 to 250 MB that a process with LibTorch takes. Keys and values are
  // too few bytes here to show: Protocol.MemoryOfALongRolloutIsThatOfAShortOne counts them.
  EXPECT_LT(static_cast<double>(late), 1.02 * static_cast<double>(early));
}

TEST_F(Tasks, ReconstructionsAreAnswersToWhatTheyWereMadeOf) {
  const auto options = options_for(&ReconstructOptions::clips);
  EXPECT_THAT([&] { reconstruct(options); }, ThrowsMessage<InputError>(HasSubstr("holds no clip")));
  const auto frames = toy_conditioning("a", 5, 6).context;
  write_rollout(options.clips, "a", frames);
  std::filesystem::rename(options.clips / "a/rollout.safetensors", options.clips / "a.safetensors");
  reconstruct(options);
  const auto answer = read_rollout_tensor(options.out / "a/rollout.safetensors");
  ASSERT_EQ(answer.size(), frames.size());
  EXPECT_EQ(answer.front().width, frames.front().width);
  EXPECT_NE(answer.front(), frames.front());  // the toy's VAE has learned nothing
  write_rollout(options.clips, "b", toy_conditioning("b", 2, 3, {36, 36}).context);
  std::filesystem::rename(options.clips / "b/rollout.safetensors", options.clips / "b.safetensors");
  EXPECT_THAT([&] { reconstruct(options); }, ThrowsMessage<InputError>(HasSubstr("multiples of 8")));
}

TEST_F(Tasks, TextIsGuidedWhereNothingIsGiven) {
  const auto same = [](DitConfig&) {};
  const Generator plain = altered("plain", same), guided = altered("guided", same, 3.0);
  const Conditioning from_text = toy_conditioning("t", 0, 4), from_frames = toy_conditioning("t", 2, 4);
  EXPECT_NE(plain.run(from_text), guided.run(from_text));
  EXPECT_EQ(plain.run(from_frames), guided.run(from_frames));
}

TEST_F(Tasks, SurpriseHasItsNoiseInCommon) {
  const Generator generator = with(false);
  Conditioning take = toy_conditioning("t", 2, 10);
  take.watched = toy_conditioning("t", 8, 10).context;
  const auto once = generator.surprise(take);
  ASSERT_EQ(once.size(), 8U);
  EXPECT_EQ(once, generator.surprise(take));
  Conditioning twin = take;
  for (std::size_t t = 4; t < 8; ++t)
    for (auto& value : twin.watched[t].rgb) value = static_cast<std::uint8_t>(255 - value);
  const auto other = generator.surprise(twin);
  for (std::size_t t = 0; t < 8; ++t) EXPECT_EQ(once[t] == other[t], t < 4) << t;
}

TEST_F(Tasks, SurpriseGoesThroughTheProtocol) {
  const auto options = options_for(&RolloutOptions::request);
  Conditioning take = toy_conditioning("a", 3, 9);
  take.watched = toy_conditioning("a", 6, 9).context;
  write_request(options.request, {take});
  rollout(options);
  EXPECT_EQ(read_surprise(options.out, "a", 6).size(), 6U);
  EXPECT_FALSE(std::filesystem::exists(options.out / "a" / "rollout.safetensors"));
}

}  // namespace
}  // namespace bitemark::model
