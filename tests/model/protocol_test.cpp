// The generator protocol from the generator's side.
#include <gmock/gmock.h>

#include <algorithm>
#include <cstdlib>
#include <limits>

#include "base/error.h"
#include "base/files.h"
#include "model/commands.h"
#include "model/generator.h"
#include "model/torchscript_compat.h"
#include "model/weights.h"
#include "toys.h"

namespace bitemark::model {
namespace {

using testing::HasSubstr;
using testing::ThrowsMessage;

class Protocol : public testing::Test {
 protected:
  void SetUp() override {
    options.checkpoint = fresh_folder("checkpoint");
    options.request = fresh_folder("request");
    options.out = fresh_folder("answer");
    options.threads = 2;
    write_toy_checkpoint(options.checkpoint);
  }
  std::vector<Frame> answer(const std::string& id) const {
    return read_rollout_tensor(options.out / id / "rollout.safetensors");
  }
  RolloutOptions options;
};

TEST_F(Protocol, AnswersEveryTakeWithTheMissingFrames) {
  write_request(options.request, {toy_conditioning("a", 3, 12), toy_conditioning("from-text", 0, 4)});
  rollout(options);
  EXPECT_EQ(answer("a").size(), 9U);
  EXPECT_EQ(answer("from-text").size(), 4U);
  EXPECT_EQ(answer("a").front().width, 32);
  const Json json = load_json(options.out / "answer.json");
  EXPECT_EQ(json.at("protocol"), 1);
  EXPECT_EQ(json.at("uses"), (Json{"context", "caption", "controls"}));
  EXPECT_EQ(json.at("checkpoint_digest"), Checkpoint(options.checkpoint).digest());
}

TEST_F(Protocol, ATakesBitsDependNeitherOnOthersNorOnThreads) {
  write_request(options.request,
                {toy_conditioning("a", 3, 9), toy_conditioning("b", 2, 11), toy_conditioning("c", 3, 9)});
  rollout(options);
  const auto together = answer("c");
  options.out = fresh_folder("alone");
  options.threads = 1;
  write_request(options.request, {toy_conditioning("c", 3, 9)});
  rollout(options);
  EXPECT_EQ(answer("c"), together);
}

TEST_F(Protocol, KeepsWhatIsAnsweredAndAddsWhatIsNot) {
  write_request(options.request, {toy_conditioning("a", 2, 5)});
  rollout(options);
  const std::vector<Frame> mark(3, Frame(32, 32));
  write_rollout(options.out, "a", mark);
  write_request(options.request, {toy_conditioning("a", 2, 5), toy_conditioning("b", 2, 5)});
  rollout(options);
  EXPECT_EQ(answer("a"), mark);
  EXPECT_EQ(answer("b").size(), 3U);
}

TEST_F(Protocol, AnotherSizeIsScaled) {
  write_request(options.request, {toy_conditioning("big", 2, 4, {48, 48})});
  rollout(options);
  EXPECT_EQ(answer("big").front().width, 48);
  EXPECT_EQ(answer("big").front().height, 48);
}

TEST_F(Protocol, AnswersOfOtherSettingsAreNotMixed) {
  write_request(options.request, {toy_conditioning("a", 2, 4)});
  rollout(options);
  const auto refused = [&](const RolloutOptions& other) {
    EXPECT_THAT([&] { rollout(other); }, ThrowsMessage<InputError>(HasSubstr("other settings")));
  };
  RolloutOptions more_steps = options, colder = options;
  more_steps.steps = 3;
  colder.temperature = 0.25;
  refused(more_steps);
  refused(colder);
}

TEST_F(Protocol, BadRequestsGetASentence) {
  EXPECT_THAT([&] { rollout(options); }, ThrowsMessage<InputError>(HasSubstr("request.json")));
  write_request(options.request, {toy_conditioning("a", 2, 4)});
  std::filesystem::remove(options.request / "a/conditioning.safetensors");
  EXPECT_THAT([&] { rollout(options); }, ThrowsMessage<InputError>(HasSubstr("conditioning.safetensors")));
  write_file(options.request / "a/conditioning.json", "{\"id\": \"a\"}");
  EXPECT_THAT([&] { rollout(options); }, ThrowsMessage<InputError>(HasSubstr("/caption")));
  write_file(options.request / "request.json", R"({"protocol": 2, "takes": []})");
  EXPECT_THAT([&] { rollout(options); }, ThrowsMessage<InputError>(HasSubstr("/protocol")));
}

TEST_F(Protocol, WhatIsNoNumberIsNoFrame) {
  Conditioning take = toy_conditioning("a", 2, 6);
  std::fill(take.controls.values.end() - static_cast<std::ptrdiff_t>(Controls::width()), take.controls.values.end(),
            std::numeric_limits<float>::max());
  write_request(options.request, {take});
  EXPECT_THAT([&] { rollout(options); }, ThrowsMessage<InputError>(HasSubstr("a: frame 5: came out as no numbers")));
  EXPECT_FALSE(std::filesystem::exists(options.out / "a/rollout.safetensors"));
}

TEST_F(Protocol, TellsWhichPartOfACheckpointIsMissing) {
  write_request(options.request, {toy_conditioning("a", 2, 4)});
  std::filesystem::remove(options.checkpoint / "dit.safetensors");
  EXPECT_THAT([&] { rollout(options); }, ThrowsMessage<InputError>(HasSubstr("dit.safetensors")));
}

TEST_F(Protocol, ContextMattersAndNothingIsLeftToChance) {
  const Checkpoint checkpoint(options.checkpoint);
  const Generator generator(checkpoint, checkpoint.rollout());
  const Conditioning take = toy_conditioning("a", 2, 5);
  const auto frames = generator.run(take);
  EXPECT_EQ(generator.run(take), frames);
  Conditioning other = take;
  std::fill(other.context.back().rgb.begin(), other.context.back().rgb.end(), std::uint8_t{0});
  EXPECT_NE(generator.run(other), frames);
}

TEST_F(Protocol, SeedMattersWhereNothingIsGiven) {
  const Checkpoint checkpoint(options.checkpoint);
  auto settings = checkpoint.rollout();
  settings.history_level = 0.0;  // the history is noise, and the skip of a random network shows it
  const Generator generator(checkpoint, settings);
  Conditioning take = toy_conditioning("a", 0, 5);
  const auto frames = generator.run(take);
  take.seed += 1;
  EXPECT_NE(generator.run(take), frames);
}

TEST_F(Protocol, WithoutTemperatureTheFirstFrameAloneIsDrawn) {
  const Checkpoint checkpoint(options.checkpoint);
  auto settings = checkpoint.rollout();
  settings.history_level = 1.0;
  const auto of_two_seeds = [&](int given, double temperature) {
    settings.temperature = temperature;
    const Generator generator(checkpoint, settings);
    Conditioning take = toy_conditioning("a", given, 5);
    const auto frames = generator.run(take);
    take.seed += 1;
    return std::pair(frames, generator.run(take));
  };
  const auto [cold, cold_too] = of_two_seeds(2, 0.0);
  EXPECT_EQ(cold, cold_too);
  const auto [warm, warm_too] = of_two_seeds(2, 0.5);
  EXPECT_NE(warm, warm_too);
  EXPECT_NE(warm, cold);
  const auto [of_nothing, of_nothing_too] = of_two_seeds(0, 0.0);
  EXPECT_NE(of_nothing.front(), of_nothing_too.front());
}

TEST_F(Protocol, MemoryOfALongRolloutIsThatOfAShortOne) {
  // The ring and the latest latents are all that a stream keeps; tested by counting what it holds.
  KvRing ring(8, 2);
  const Tensor part = at::zeros({1, 4, 2, 12});
  for (int n = 0; n < 200; ++n) ring.push({{part, part}}, n);
  EXPECT_EQ(ring.keys(0).size(1), 7 * 4);
}

TEST_F(Protocol, GuidanceChangesTheAnswerAndScaleOneDoesNot) {
  const Checkpoint checkpoint(options.checkpoint);
  RolloutConfig settings = checkpoint.rollout();
  const Conditioning take = toy_conditioning("a", 2, 5);
  settings.guidance = 1.0;
  const auto plain = Generator(checkpoint, settings).run(take);
  EXPECT_EQ(Generator(checkpoint, checkpoint.rollout()).run(take), plain);
  settings.guidance = 4.0;
  EXPECT_NE(Generator(checkpoint, settings).run(take), plain);
}

TEST_F(Protocol, DdpmRunsBehindTheSameDoor) {
  options.checkpoint = fresh_folder("cosine");
  write_toy_checkpoint(options.checkpoint, "cosine");
  write_request(options.request, {toy_conditioning("a", 2, 5)});
  rollout(options);
  EXPECT_EQ(answer("a").size(), 3U);
}

TEST(Example, FreezesTheLastFrame) {
  const auto request = fresh_folder("request"), out = fresh_folder("out");
  const Conditioning take = toy_conditioning("a", 3, 8);
  write_request(request, {take, toy_conditioning("text", 0, 3)});
  const std::string command =
      "/usr/bin/python3 " BITEMARK_SOURCE_DIR "/examples/freeze_generator.py " + request.string() + " " + out.string();
  ASSERT_EQ(std::system(command.c_str()), 0);
  const auto frames = read_rollout_tensor(out / "a/rollout.safetensors");
  ASSERT_EQ(frames.size(), 5U);
  for (const auto& frame : frames) EXPECT_EQ(frame, take.context.back());
  EXPECT_EQ(read_rollout_tensor(out / "text/rollout.safetensors").size(), 3U);
  EXPECT_EQ(load_json(out / "answer.json").at("generator"), "freeze");
}

TEST(Features, OneRowAWindow) {
  FeatureOptions options;
  options.checkpoint = fresh_folder("checkpoint");
  options.clips = fresh_folder("clips");
  options.out = fresh_folder("out") / "features.safetensors";
  write_toy_checkpoint(options.checkpoint);
  // Windows of 16 frames every 8: 32 frames give 3, 16 give 1, 15 give none.
  for (const auto& [id, frames] : {std::pair{"long", 32}, std::pair{"one", 16}, std::pair{"short", 15}})
    save_tensors(options.clips / (std::string(id) + ".safetensors"),
                 {{"frames", at::randint(256, {frames, 40, 40, 3}, at::kByte)}});
  save_json(options.clips / "clips.json", {{"clips", {"long", "short", "one"}}});
  features(options);
  const SafetensorsFile file(options.out);
  EXPECT_EQ(file.at("features").shape, (std::vector<std::int64_t>{4, 16}));
  EXPECT_TRUE(at::equal(to_tensor(file, "owner"), at::tensor({0, 0, 0, 2}, at::kInt)));
  EXPECT_TRUE(at::isfinite(to_tensor(file, "features")).all().item<bool>());
}

/// Clips of one colour each, and a TorchScript file with the given forward.
class TorchScriptFeatures : public testing::Test {
 protected:
  void SetUp() override {
    options.clips = fresh_folder("clips");
    options.out = fresh_folder("out") / "features.safetensors";
    options.torchscript = fresh_folder("network") / "network.pt";
    for (const auto& [id, level] : {std::pair{"dark", 51}, std::pair{"bright", 204}})
      save_tensors(options.clips / (std::string(id) + ".safetensors"),
                   {{"frames", at::full({16, 40, 40, 3}, level, at::kByte)}});
    save_json(options.clips / "clips.json", {{"clips", {"dark", "bright"}}});
  }
  void write_network(const std::string& forward) const {
    torch::jit::Module module("Network");
    module.define(forward);
    module.save(options.torchscript.string());
  }
  FeatureOptions options;
};

TEST_F(TorchScriptFeatures, TheSwitchesOfAPublishedI3dFileAreSet) {
  write_network(R"(
def forward(self, x, rescale: bool = True, resize: bool = True, return_features: bool = False):
    assert x.size(1) == 3 and x.size(2) == 16 and x.size(3) == 224 and x.size(4) == 224
    assert not rescale and not resize and return_features
    return x.mean([2, 3, 4])
)");
  features(options);
  // 51 and 204 of 255 are -0.6 and 0.6 of [-1, 1], in each of the three colours.
  const Tensor expected = at::tensor({-0.6F, 0.6F}).unsqueeze(1).expand({2, 3});
  EXPECT_TRUE(at::allclose(to_tensor(SafetensorsFile(options.out), "features"), expected, 0, 1e-5));
}

TEST_F(TorchScriptFeatures, AnswersOfAnotherShapeAreTold) {
  write_network("def forward(self, x):\n    return x.mean()\n");
  EXPECT_THAT([&] { features(options); }, ThrowsMessage<InputError>(HasSubstr("expected [1, features]")));
  EXPECT_FALSE(std::filesystem::exists(options.out));
}

TEST_F(TorchScriptFeatures, AFileOfAnotherKindIsTold) {
  write_file(options.torchscript, "this is no network");
  EXPECT_THAT([&] { features(options); }, ThrowsMessage<InputError>(HasSubstr("is not a TorchScript file")));
}

}  // namespace
}  // namespace bitemark::model
