#include "toys.h"

#include <gtest/gtest.h>

#include <cstdlib>

#include "base/files.h"
#include "base/random.h"
#include "model/noise.h"
#include "model/weights.h"

namespace bitemark::model {
namespace {

constexpr std::int64_t kTakes = 8, kFrames = 20, kSide = 8;

/// Of at least 32 x 32 pixels.
Tensor toy_frames(bool falls, const FrameSize& size, Pcg32& random, Tensor& states) {
  Tensor frames = at::full({kTakes, kFrames, size.height, size.width, 3}, 128, at::kByte);
  states = at::zeros({kTakes, kFrames, 4, 7});
  for (std::int64_t n = 0; n < kTakes; ++n) {
    const auto colour = static_cast<std::int64_t>(random.below(3));
    const std::int64_t fixed = random.below(24);
    for (std::int64_t t = 0; t < kFrames; ++t) {
      const std::int64_t x = falls ? fixed : t, y = falls ? t : fixed;
      frames[n][t].slice(0, y, y + kSide).slice(1, x, x + kSide).select(2, colour).fill_(250);
      states[n][t][0][0] = 1.0;
      states[n][t][0][1] = static_cast<double>(x + kSide / 2) / size.width;
      states[n][t][0][2] = static_cast<double>(y + kSide / 2) / size.height;
    }
  }
  return frames;
}

}  // namespace

std::filesystem::path fresh_folder(const std::string& name) {
  const auto* test = testing::UnitTest::GetInstance()->current_test_info();
  // Set where the same tests run twice at a time.
  const char* apart = std::getenv("TEST_TMPDIR");
  const auto base =
      apart != nullptr ? std::filesystem::path(apart) : std::filesystem::path(BITEMARK_BINARY_DIR) / "test-model";
  const auto folder = base / (std::string(test->test_suite_name()) + "." + test->name()) / name;
  std::filesystem::remove_all(folder);
  std::filesystem::create_directories(folder);
  return folder;
}

void write_toy_shards(const std::filesystem::path& folder, const std::vector<FrameSize>& sizes) {
  std::filesystem::create_directories(folder);
  Pcg32 random(1, 1);
  Json rows = Json::array();
  for (const std::string scenario : {"slide", "drop"}) {
    Json captions = Json::array();
    for (int n = 0; n < kTakes; ++n)
      captions.push_back({"a square that will " + scenario, "a " + scenario + " of a square"});
    for (const FrameSize& size : sizes) {
      Tensor states;
      const Tensor frames = toy_frames(scenario == "drop", size, random, states);
      const std::string file = scenario + (sizes.size() == 1 ? "" : "-" + to_text(size)) + "-000.safetensors";
      save_tensors(folder / file,
                   {{"frames", frames},
                    {"controls", at::zeros({kTakes, kFrames, static_cast<std::int64_t>(Controls::width())})},
                    {"states", states},
                    {"context_frames", at::full({kTakes}, 6, at::kInt)}},
                   {{"scenario", scenario}, {"split", "train"}, {"captions", captions.dump()}});
      rows.push_back({{"file", file}, {"scenario", scenario}, {"takes", kTakes}, {"frames", kFrames}});
    }
  }
  save_json(folder / "index.json", {{"shards", rows}});
}

VaeConfig tiny_vae() {
  VaeConfig config;
  config.latent_channels = 4;
  config.encoder_channels = {8, 8, 8};
  config.decoder_channels = {8, 8, 8};
  return config;
}

DitConfig tiny_dit() {
  DitConfig config;
  config.latent_channels = 4;
  config.width = 24;
  config.depth = 3;
  config.heads = 2;
  config.text_width = 16;
  config.spacetime_every = 2;
  config.text_every = 2;
  return config;
}

void randomise(torch::nn::Module& module, std::uint64_t seed, double scale) {
  const torch::NoGradGuard no_grad;
  std::uint32_t index = 0;
  for (auto& parameter : module.parameters())
    parameter.copy_(scale * normal_noise(parameter.sizes(), {seed, index++, 0}));
}

void write_toy_checkpoint(const std::filesystem::path& folder, const std::string& path) {
  std::filesystem::create_directories(folder);
  const Tokenizer tokenizer = Tokenizer::train({"a square that will slide", "a drop of a square"}, 10);
  TextConfig text;
  text.vocabulary = tokenizer.size();
  text.context = 16;
  text.width = 16;
  text.depth = 1;
  text.embedding = 8;
  FeatureConfig features;
  features.size = 32;
  features.width = 12;
  features.scenarios = {"slide", "drop"};
  torch::manual_seed(3);  // in C++ LibTorch begins with a random one
  Vae vae(tiny_vae());
  DiffusionConfig diffusion;
  diffusion.path = path;
  DitConfig dit_config = tiny_dit();
  if (path != "flow") {
    diffusion.prediction = "v";
    diffusion.solver = "ancestral";
    diffusion.learned_variance = dit_config.learned_variance = true;
  }
  Dit dit(dit_config);
  TextTower tower(text);
  FeatureNet net(features);
  randomise(dit, 1);
  randomise(net, 2);
  save_weights(folder / "vae.safetensors", weights_of(vae), false);
  save_weights(folder / "dit.safetensors", weights_of(dit), true);
  save_weights(folder / "text.safetensors", weights_of(tower), false);
  save_weights(folder / "features.safetensors", weights_of(net), false);
  tokenizer.save(folder / "tokenizer.json");
  RolloutConfig rollout;
  rollout.steps = 2;
  rollout.window = 8;
  rollout.history_level = 0.9;
  const std::vector<float> zeros(Controls::width(), 0.0F), ones(Controls::width(), 1.0F);
  write_config(folder, {{"name", "toy"},
                        {"sizes", to_json(std::vector<FrameSize>{{32, 32}})},
                        {"vae", to_json(vae.config())},
                        {"dit", to_json(dit.config())},
                        {"text", to_json(text)},
                        {"features", to_json(features)},
                        {"diffusion", to_json(diffusion)},
                        {"rollout", to_json(rollout)},
                        {"controls", {{"mean", zeros}, {"std", ones}}}});
}

void set_sizes(const std::filesystem::path& checkpoint, const std::vector<FrameSize>& sizes) {
  write_config(checkpoint, {{"sizes", to_json(sizes)}});
}

Conditioning toy_conditioning(const std::string& id, int context, int frames, const FrameSize& size) {
  Conditioning take;
  take.id = id;
  take.caption = "a square that will slide";
  take.width = size.width;
  take.height = size.height;
  take.frame_count = frames;
  take.seed = seed_from_text(id);
  for (int t = 0; t < context; ++t) {
    Frame frame(size.width, size.height);
    std::fill(frame.rgb.begin(), frame.rgb.end(), std::uint8_t{128});
    for (int y = 8; y < 16; ++y)
      for (int x = t; x < t + 8; ++x) frame.at(x, y)[0] = 250;
    take.context.push_back(frame);
  }
  take.controls.values.assign(static_cast<std::size_t>(frames) * Controls::width(), 0.0F);
  return take;
}

}  // namespace bitemark::model
