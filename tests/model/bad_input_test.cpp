// Bad input through the program: one sentence, exit code 4, nothing half written. And odd input that is not bad.
#include <gmock/gmock.h>

#include <algorithm>
#include <functional>
#include <limits>

#include "base/error.h"
#include "base/files.h"
#include "child.h"
#include "model/weights.h"
#include "toy_run.h"
#include "toys.h"

namespace bitemark::model {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

/// A command that stops before or after it read the checkpoint, with what its one sentence must hold.
struct Case {
  std::string name;
  std::string command;                                      ///< dit, vae, image, rollout, evaluate-dit or evaluate-text
  std::function<void(const std::filesystem::path&)> spoil;  ///< changes the folder that holds everything
  std::vector<std::string> sentence;
};
void PrintTo(const Case& c, std::ostream* out) { *out << c.name; }

void set_member(const std::filesystem::path& file, const std::string& pointer, const Json& value) {
  Json json = load_json(file);
  json[Json::json_pointer(pointer)] = value;
  save_json(file, json);
}
auto recipe(const std::string& pointer, const Json& value) {
  return [=](const std::filesystem::path& folder) { set_member(folder / "recipe.json", pointer, value); };
}
auto config(const std::string& pointer, const Json& value) {
  return [=](const std::filesystem::path& folder) { set_member(folder / "parts/config.json", pointer, value); };
}
auto conditioning(const std::string& pointer, const Json& value) {
  return
      [=](const std::filesystem::path& folder) { set_member(folder / "request/a/conditioning.json", pointer, value); };
}
/// One number of one tensor of a file becomes `value`.
auto number(const std::string& file, const std::string& tensor, float value) {
  return [=](const std::filesystem::path& folder) {
    const Stored stored = read_all(folder / file);
    bool found = false;
    for (const auto& [name, weights] : stored.tensors) {
      if (name != tensor) continue;
      weights.view({-1})[0] = value;
      found = true;
    }
    EXPECT_TRUE(found) << tensor;
    save_tensors(folder / file, stored.tensors);
  };
}
auto controls_of_width(std::int64_t width) {
  return [=](const std::filesystem::path& folder) {
    const auto file = folder / "request/a/conditioning.safetensors";
    const Tensor context = to_tensor(SafetensorsFile(file), "context");
    save_tensors(file, {{"context", context}, {"controls", at::zeros({5, width})}});
  };
}

constexpr float kNan = std::numeric_limits<float>::quiet_NaN(), kInf = std::numeric_limits<float>::infinity();

std::vector<Case> cases() {
  return {
      {"RecipeWidthAndHeads", "dit", recipe("/model/heads", 5), {"recipe.json: /model/heads: "}},
      {"RecipePatch", "dit", recipe("/model/patch", 3), {"/model/patch: is 3", "32x32 pixels"}},
      {"RecipeSize", "dit", recipe("/model/size", "tiny"), {"/model/size: is 'tiny'", "nano, small, mid, base, XL"}},
      {"RecipeUnknownMember", "dit", recipe("/model/widht", 8), {"/model/widht: is not a known setting"}},
      {"RecipeNoSteps", "dit", recipe("/steps", 0), {"/steps: is 0, expected 1 to"}},
      {"RecipeNegativeSteps", "dit", recipe("/steps", -3), {"/steps: is -3"}},
      {"RecipeStepsAsText", "dit", recipe("/steps", "many"), {"/steps"}},
      {"RecipeNegativeRate", "dit", recipe("/rate", -0.1), {"/rate: is -0.1, expected 0 to 1"}},
      {"RecipeNegativeMatrixRate", "dit", recipe("/matrix_rate", -1), {"/matrix_rate: is -1"}},
      {"RecipeNegativeDecay", "dit", recipe("/weight_decay", -1), {"/weight_decay: is -1"}},
      {"RecipeNegativeMix", "dit", recipe("/mix", {{"slide", -1}}), {"/mix/slide: is -1"}},
      {"RecipeMixOfNothing",
       "dit",
       recipe("/mix", {{"slyde", 1}}),
       {"/shards: has no shard of 'slyde', which the mix"}},
      {"RecipeLongWindow", "dit", recipe("/windows", {8, 21}), {"/windows: has 21", "20"}},
      {"RecipeLongWindowOfFrames", "vae", recipe("/windows", {21}), {"/windows: has 21", "20"}},
      {"RecipeNoWindow", "dit", recipe("/windows", Json::array()), {"/windows: is empty"}},
      {"RecipeParts", "dit", recipe("/parts", 3), {"/parts"}},
      {"RecipeAllHeldOut", "dit", recipe("/held_out", 8), {"index.json: /shards: hold no take of 'slide'", "8"}},
      {"RecipePathOfNoise", "dit", recipe("/more", {{"diffusion", {{"path", "brown"}}}}), {"/more/diffusion/path"}},
      {"RecipeWindowWithoutHistory", "dit", recipe("/windows", {8, 1}), {"/windows: has 1 frame"}},
      {"RecipeWindowOfOneFrame", "vae", recipe("/windows", {1}), {"/windows: expected one window of at least 2"}},
      {"RecipeTwoWindowsOfFrames", "vae", recipe("/windows", {8, 4}), {"/windows: expected one window"}},
      {"RecipeUnknownMore", "dit", recipe("/more/ownhistory", 1), {"/more/ownhistory: is not a known setting of"}},
      {"RecipeUnknownMoreOfFrames", "vae", recipe("/more/drop", 1), {"/more/drop: is not a known setting of"}},
      {"RecipeShare", "dit", recipe("/more/history_noise", 1.5), {"/more/history_noise: is 1.5, expected 0 to 1"}},
      {"RecipeOwnFrom", "dit", recipe("/more/own_from", 2), {"/more/own_from: is 2, expected 0 to 1"}},
      {"RecipeWeightOfTheVae", "vae", recipe("/more/kl_weight", -1), {"/more/kl_weight: is -1", "expected 0 to"}},
      {"RecipeTemperature",
       "dit",
       recipe("/more", {{"rollout", {{"temperature", 1.5}}}}),
       {"/more/rollout/temperature: is 1.5, expected 0 to 1"}},
      {"RecipeMoreIsAList", "dit", recipe("/more", {1, 2}), {"/more: is not an object"}},
      {"DataIndex",
       "dit",
       [](const auto& folder) {
         set_member(folder / "data/index.json", "/shards", {{"a", 1}});
       },
       {"index.json: /shards: is not an array"}},
      {"RecipeNotJson",
       "dit",
       [](const auto& folder) { write_file(folder / "recipe.json", "{\"stage\": "); },
       {"recipe.json"}},
      {"TrainOnNanWeights",
       "dit",
       number("parts/vae.safetensors", "encoder_conv0.weight", kNan),
       {"vae.safetensors: encoder_conv0.weight: ", "finite"}},
      {"TrainWithoutPartsBefore",
       "dit",
       [](const auto& folder) {
         save_json(folder / "parts/config.json", {{"format", 1}});
       },
       {"recipe.json: /stage: is dit", "--from", "vae"}},
      {"TrainWithoutVae",
       "dit",
       [](const auto& folder) { std::filesystem::remove(folder / "parts/vae.safetensors"); },
       {"vae.safetensors"}},
      {"NanInTransformer",
       "rollout",
       number("parts/dit.safetensors", "head.bias", kNan),
       {"dit.safetensors: head.bias: ", "finite"}},
      {"InfInTransformer",
       "rollout",
       number("parts/dit.safetensors", "null_text", kInf),
       {"dit.safetensors: null_text: ", "finite"}},
      {"InfInText",
       "rollout",
       number("parts/text.safetensors", "token_embedding.weight", kInf),
       {"text.safetensors: token_embedding.weight: ", "finite"}},
      {"ConfigHeads", "rollout", config("/dit/heads", 5), {"config.json: /dit/heads: "}},
      {"ConfigPatch", "rollout", config("/dit/patch", 3), {"config.json: /dit/patch: is 3", "4 x 4 latents"}},
      {"ConfigSizes", "rollout", config("/sizes/0", "30x32"), {"config.json: /sizes/0: is 30x32"}},
      {"ConfigNoSize", "rollout", config("/sizes", Json::array()), {"config.json: /sizes: is empty"}},
      {"ConfigSizeOfAnotherKind", "rollout", config("/sizes/0", "32 by 32"), {"config.json: /sizes/0: \"32 by 32\""}},
      {"ConfigNoSteps", "rollout", config("/rollout/steps", 0), {"config.json: /rollout/steps: is 0"}},
      {"ConfigSinks", "rollout", config("/rollout/sinks", 7), {"config.json: /rollout/sinks: "}},
      {"ConfigLatents",
       "rollout",
       config("/dit/latent_channels", 5),
       {"/dit/latent_channels: is 5, expected the VAE's 4"}},
      {"ConfigTextWidth",
       "rollout",
       config("/text/width", 32),
       {"/dit/text_width: is 16, expected the text tower's 32"}},
      {"ConfigVariance", "rollout", config("/diffusion/learned_variance", true), {"/dit/learned_variance: is 0"}},
      {"ConfigControls", "rollout", config("/controls/mean", {1, 2}), {"/controls/mean: expected 10 finite numbers"}},
      {"ConfigDeviations",
       "rollout",
       config("/controls/std", std::vector<float>(10, 0.0F)),
       {"/controls/std: expected 10 finite numbers above 0"}},
      {"TakeInAnotherFolder", "rollout", conditioning("/id", "../b"), {"conditioning.json: /id: is '../b'"}},
      {"ConfigBeyondAllMemory",
       "rollout",
       [](const auto& folder) {
         for (const auto& [member, value] : {std::pair{"/dit/width", 4096}, {"/dit/depth", 64}, {"/dit/heads", 64}})
           config(member, value)(folder);
       },
       {"dit.safetensors: has ", "expected more than 17179869184 for the network that config.json describes"}},
      {"ConfigAnotherWidth", "rollout", config("/dit/width", 48), {"dit.safetensors: ", "24", "48"}},
      {"ControlsOfAnotherWidth", "rollout", controls_of_width(3), {"conditioning.safetensors: controls: ", "3"}},
      {"ControlsNotFinite",
       "rollout",
       number("request/a/conditioning.safetensors", "controls", kNan),
       {"conditioning.safetensors: controls: ", "finite"}},
      {"ControlsInAnotherOrder",
       "rollout",
       conditioning("/control_names/0", "camera_y"),
       {"conditioning.json: /control_names: are not the protocol's"}},
      {"ActionsOfOtherNames",
       "rollout",
       conditioning("/action_names", {"fly"}),
       {"/action_names: are not the protocol's"}},
      {"FramesGivenThatAreNotThere", "rollout", conditioning("/context_frames", 24), {"/context_frames: is not", "2"}},
      {"RateOfNothing", "rollout", conditioning("/fps", "0"), {"conditioning.json: /fps: \"0\" is not a frame rate"}},
      {"NoFrames", "rollout", conditioning("/frame_count", 0), {"conditioning.json: /frame_count: is 0"}},
      {"NegativeSize", "rollout", conditioning("/width", -32), {"conditioning.json: /width: is -32"}},
      {"CaptionIsNoText", "rollout", conditioning("/caption", 7), {"conditioning.json: /caption"}},
      {"EvaluateTextWithoutImageTower", "evaluate-text", [](const auto&) {}, {"parts: has no image tower"}},
      {"TrainImageWithoutText",
       "image",
       [](const auto& folder) { std::filesystem::remove(folder / "parts/text.safetensors"); },
       {"text.safetensors"}},
      {"RecipeImageChannels", "image", recipe("/model/channels", {8, 8}), {"/model/channels: must be 4 widths"}},
      {"EvaluateMissingShard",
       "evaluate-dit",
       [](const auto& folder) { std::filesystem::remove(folder / "data/slide-000.safetensors"); },
       {"slide-000.safetensors"}},
  };
}

class BadInput : public ToyRun, public testing::WithParamInterface<Case> {
 protected:
  void SetUp() override {
    ToyRun::SetUp();
    write_request(folder / "request", {toy_conditioning("a", 2, 5)});
  }
  std::vector<std::string> words_of(const std::string& command) {
    if (command == "rollout") return {"rollout", "--checkpoint", folder / "parts", folder / "request", folder / "out"};
    if (command.starts_with("evaluate-"))
      return {command, "--checkpoint", folder / "parts", "--data", folder / "data", "--out", folder / "out"};
    return {"train", folder / "recipe.json", "--data", folder / "data",
            "--out", folder / "out",         "--from", folder / "parts"};
  }
};

TEST_P(BadInput, GetsOneSentence) {
  const Case& given = GetParam();
  if (given.command == "dit" || given.command == "vae" || given.command == "image")
    save_json(folder / "recipe.json", toy_recipe(given.command));
  given.spoil(folder);
  Child child(words_of(given.command), {}, folder / "error.log");
  EXPECT_EQ(child.wait(60), 4);
  const std::string error = child.error();
  EXPECT_THAT(error, StartsWith("bitemark-model: "));
  EXPECT_EQ(std::count(error.begin(), error.end(), '\n'), 1) << error;
  for (const auto& part : given.sentence) EXPECT_THAT(error, HasSubstr(part));
  EXPECT_FALSE(std::filesystem::exists(folder / "out"));
}
INSTANTIATE_TEST_SUITE_P(Slow, BadInput, testing::ValuesIn(cases()),
                         [](const auto& value) { return value.param.name; });

TEST(Options, WhatIsNoNumberIsInNoRange) {
  for (const char* text : {"nan", "inf"}) {
    const auto log = fresh_folder("options") / "error.log";
    Child child({"class-dit", "none.safetensors", "--classes", "1", "--out", "none", "--guidance", text}, {}, log);
    EXPECT_EQ(child.wait(60), 4);
    EXPECT_THAT(child.error(), HasSubstr("--guidance: Value"));
  }
}

class OddInput : public testing::Test {
 protected:
  void SetUp() override {
    options.checkpoint = fresh_folder("checkpoint");
    options.request = fresh_folder("request");
    options.out = fresh_folder("answer");
    options.threads = 1;
    write_toy_checkpoint(options.checkpoint);
  }
  std::vector<Frame> answer_to(const Conditioning& take) const {
    write_request(options.request, {take});
    rollout(options);
    return read_rollout_tensor(options.out / take.id / "rollout.safetensors");
  }
  RolloutOptions options;
};

TEST_F(OddInput, PromptsOfAnyLengthAndScript) {
  std::string longest;
  while (longest.size() < 10000) longest += "a square that will slide ";
  const std::vector<std::string> prompts{"",
                                         " ",
                                         longest,
                                         std::string(10000, 'x'),
                                         "квадрат упадёт",
                                         "مربع أزرق يتحرك",
                                         "四角が右へ動く",
                                         "चौकोर गिरता है",
                                         "\u1f7e\u200d\U0001f98b\U0001f469\u200d\U0001f680",
                                         "e\u0301\u0302\u0303",
                                         std::string("nul\0in the middle", 17),
                                         "\u202eright to left\u202c",
                                         "\uffff\U0010ffff"};
  for (std::size_t i = 0; i < prompts.size(); ++i) {
    Conditioning take = toy_conditioning("prompt" + std::to_string(i), 1, 3);
    take.caption = prompts[i];
    EXPECT_EQ(answer_to(take).size(), 2U) << i;
  }
}

TEST_F(OddInput, SizesThatDoNotDivideAndNoContext) {
  Conditioning take = toy_conditioning("odd", 0, 3);
  take.width = 37;
  take.height = 53;
  const auto frames = answer_to(take);
  ASSERT_EQ(frames.size(), 3U);
  EXPECT_EQ(frames.front().width, 37);
  EXPECT_EQ(frames.front().height, 53);
  take = toy_conditioning("odd-context", 2, 4, {37, 37});
  EXPECT_EQ(answer_to(take).size(), 2U);
}

}  // namespace
}  // namespace bitemark::model
