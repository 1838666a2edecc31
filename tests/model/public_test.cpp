// Public weights against tests/reference: the same equations in plain PyTorch, from the same files.
#include <gmock/gmock.h>

#include <fstream>

#include "base/error.h"
#include "base/files.h"
#include "model/caption_space.h"
#include "model/checkpoint.h"
#include "model/commands.h"
#include "model/noise.h"
#include "model/public/class_dit.h"
#include "model/public/clip_weights.h"
#include "toys.h"

namespace bitemark::model {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::ThrowsMessage;

/// Runs tests/reference/NAME.py once; its folder. Where there is no PyTorch for Python the tests are skipped: it is one
/// of `scripts/bootstrap.sh --tests`.
class Reference : public testing::Test {
 protected:
  static std::filesystem::path run(const std::string& name) {
    if (std::system("/usr/bin/python3 -c 'import torch' 2>/dev/null") != 0) return {};
    const auto out = fresh_folder("reference-" + name);
    const std::string command = "PYTHONDONTWRITEBYTECODE=1 /usr/bin/python3 " BITEMARK_SOURCE_DIR "/tests/reference/" +
                                name + ".py " + out.string();
    return std::system(command.c_str()) == 0 ? out : std::filesystem::path("failed");
  }
};
#define NEED(folder)                                             \
  if ((folder).empty()) GTEST_SKIP() << "no python3-torch here"; \
  ASSERT_NE(folder, "failed") << "the reference program stopped"

/// Largest difference over largest magnitude.
double relative_error(const Tensor& ours, const Tensor& theirs) {
  return ((ours.cpu() - theirs).abs().max() / theirs.abs().max()).item<double>();
}

/// float32 on both sides, sums of up to 200 terms in another order: some 1e-6; the promise is 1e-4.
constexpr double kAgreement = 1e-4;

class PublicDit : public Reference {
 protected:
  void SetUp() override {
    if (folder.empty()) folder = run("dit");
  }
  static inline std::filesystem::path folder;
  const torch::NoGradGuard no_grad;
};

TEST_F(PublicDit, AgreesWithItsEquations) {
  NEED(folder);
  const auto network = read_class_dit(folder / "weights.safetensors", 4);
  EXPECT_EQ(network->config().depth, 2);
  EXPECT_EQ(network->config().classes, 10);
  const SafetensorsFile cases(folder / "cases.safetensors");
  const auto given = [&](const char* name) { return to_tensor(cases, name).to(default_device()); };
  const auto expected = [&](const char* name) { return to_tensor(cases, name); };
  EXPECT_LT(relative_error(sincos_positions(48, 4), expected("positions")), kAgreement);
  EXPECT_LT(relative_error(network->forward(given("x"), given("t"), given("y")), expected("output")), kAgreement);
  EXPECT_LT(relative_error(network->guided(given("x"), given("t"), given("y"), 4.0), expected("guided")), kAgreement);
}

TEST_F(PublicDit, WritesWhatItRead) {
  NEED(folder);
  const auto network = read_class_dit(folder / "weights.safetensors", 4);
  save_weights(folder / "again.safetensors", weights_of(*network), false);
  const SafetensorsFile before(folder / "weights.safetensors"), after(folder / "again.safetensors");
  ASSERT_EQ(before.tensors().size(), after.tensors().size());
  for (const auto& [name, view] : before.tensors())
    EXPECT_TRUE(at::equal(map_tensor(before, name), map_tensor(after, name))) << name;
}

TEST_F(PublicDit, DrawsLatentsByClass) {
  NEED(folder);
  ClassDitOptions options;
  options.weights = folder / "weights.safetensors";
  options.out = folder / "latents.safetensors";
  options.classes = {1, 9};
  options.steps = 5;
  options.heads = 4;
  draw_classes(options);
  const Tensor latents = to_tensor(SafetensorsFile(options.out), "latents");
  EXPECT_EQ(latents.sizes(), (std::vector<std::int64_t>{2, 4, 8, 8}));
  EXPECT_TRUE(at::isfinite(latents).all().item<bool>());
  draw_classes(options);
  EXPECT_TRUE(at::equal(latents, to_tensor(SafetensorsFile(options.out), "latents")))
      << "noise hangs on the seed alone";
  options.classes = {10};
  EXPECT_THAT([&] { draw_classes(options); }, ThrowsMessage<InputError>(HasSubstr("names 10, expected 0 to 9")));
}

TEST_F(PublicDit, ErrorsNameTheParameter) {
  NEED(folder);
  StoredWeights weights = read_weights(folder / "weights.safetensors");
  EXPECT_THAT([&] { read_class_dit(folder / "weights.safetensors", 0); },
              ThrowsMessage<InputError>(AllOf(HasSubstr("x_embedder.proj.weight"), HasSubstr("width 48"))));
  std::vector<NamedTensor> changed;
  for (const auto& [name, weight] : weights)
    changed.push_back({name, name == "blocks.1.mlp.fc1.weight" ? weight.value.t() : weight.value});
  save_tensors(folder / "changed.safetensors", changed);
  EXPECT_THAT([&] { read_class_dit(folder / "changed.safetensors", 4); },
              ThrowsMessage<InputError>(
                  AllOf(HasSubstr("blocks.1.mlp.fc1.weight"), HasSubstr("has shape [48, 192], expected [192, 48]"))));
}

class PublicClip : public Reference {
 protected:
  void SetUp() override {
    if (folder.empty()) folder = run("clip");
  }
  static inline std::filesystem::path folder;
  const torch::NoGradGuard no_grad;
};

TEST_F(PublicClip, AgreesWithItsEquationsUnderEveryNaming) {
  NEED(folder);
  const SafetensorsFile cases(folder / "cases.safetensors");
  const auto unit = [](const Tensor& x) { return x / x.norm(2, {-1}, true); };
  for (const char* name : {"openai.safetensors", "huggingface.safetensors", "sharded"}) {
    const StoredWeights weights = as_openai_clip(read_weights(folder / name));
    const auto text = clip_text_tower(weights, name);
    const auto vision = clip_vision_tower(weights, name);
    EXPECT_EQ(text->config().heads, 2);
    EXPECT_EQ(vision->config().size, 12);
    const Tensor tokens = to_tensor(cases, "tokens");
    const TextInput out = text->forward(tokens);
    EXPECT_LT(relative_error(out.tokens, to_tensor(cases, "states")), kAgreement) << name;
    EXPECT_LT(relative_error(out.pooled, to_tensor(cases, "pooled")), kAgreement) << name;
    EXPECT_LT(relative_error(text->embed(tokens), unit(to_tensor(cases, "text"))), kAgreement) << name;
    EXPECT_LT(relative_error(vision->forward(to_tensor(cases, "pixels")), to_tensor(cases, "image")), kAgreement);
  }
}

TEST_F(PublicClip, PrefixesAreTakenOff) {
  NEED(folder);
  StoredWeights prefixed;
  for (const auto& [name, weight] : read_weights(folder / "huggingface.safetensors"))
    if (name.starts_with("text_model.")) prefixed["cond_stage_model.transformer." + name] = weight;
  const auto tower = clip_text_tower(as_openai_clip(prefixed), "prefixed");
  EXPECT_EQ(tower->config().embedding, tower->config().width) << "no projection in the file: the identity";
}

TEST_F(PublicClip, ErrorsNameTheParameter) {
  NEED(folder);
  StoredWeights weights = read_weights(folder / "huggingface.safetensors");
  StoredWeights missing = weights;
  missing.erase("text_model.encoder.layers.1.self_attn.k_proj.weight");
  EXPECT_THAT([&] { clip_text_tower(as_openai_clip(missing), "f"); },
              ThrowsMessage<InputError>(HasSubstr("transformer.resblocks.1.attn.in_proj_weight: is missing")));
  StoredWeights wrong = weights;
  wrong["text_model.encoder.layers.0.mlp.fc1.bias"].value = at::zeros({7});
  EXPECT_THAT([&] { clip_text_tower(as_openai_clip(wrong), "f"); },
              ThrowsMessage<InputError>(AllOf(HasSubstr("text_model.encoder.layers.0.mlp.fc1.bias"),
                                              HasSubstr("has shape [7], expected [512]"))));
  wrong = weights;
  wrong["vision_model.embeddings.position_embedding.weight"].value = at::zeros({9, 64});
  EXPECT_THAT([&] { clip_vision_tower(as_openai_clip(wrong), "f"); },
              ThrowsMessage<InputError>(HasSubstr("has 9 rows")));
}

TEST_F(PublicClip, ShardsThatLieAreRefused) {
  NEED(folder);
  const auto index = folder / "sharded/bad.index.json";
  const auto refused = [&](const std::string& file, const std::string& problem) {
    save_json(index, {{"weight_map", {{"logit_scale", file}}}});
    EXPECT_THAT([&] { read_weights(index); }, ThrowsMessage<InputError>(HasSubstr(problem)));
  };
  refused("../openai.safetensors", "expected a file beside the index");
  refused("model-00002-of-00002.safetensors", "is missing, and the index says that it is here");
  refused("none.safetensors", "none.safetensors");
}

TEST_F(PublicClip, BecomesTheTextPartOfACheckpoint) {
  NEED(folder);
  const auto merges = folder / "merges.txt";
  std::ofstream lines(merges);
  lines << "#version: 0.2\n";
  for (int i = 0; i < 600 - 514; ++i)
    lines << static_cast<char>('a' + i / 26) << ' ' << static_cast<char>('a' + i % 26) << "</w>\n";
  lines.close();
  ImportClipOptions options{folder / "sharded", merges, folder / "checkpoint"};
  import_clip(options);
  const Checkpoint checkpoint(folder / "checkpoint");
  EXPECT_EQ(checkpoint.tokenizer().size(), 600);
  EXPECT_EQ(checkpoint.text()->config().width, 128);
  // Three pictures one by one, normalised as CLIP does, and the mean of their directions.
  const auto vision = clip_vision_tower(as_openai_clip(read_weights(options.weights)), "sharded");
  const Tensor clip = (normal_noise({3, 12, 12, 3}, {5, 0, 0}) * 60 + 128).clamp(0, 255).to(at::kByte);
  const Tensor mean = at::tensor({0.48145466, 0.4578275, 0.40821073}),
               std = at::tensor({0.26862954, 0.26130258, 0.27577711});
  const Tensor pixels = ((clip.to(at::kFloat) / 255 - mean) / std).to(at::kFloat).permute({0, 3, 1, 2});
  const Tensor seen = vision->forward(pixels);
  const Tensor whole = (seen / seen.norm(2, {1}, true)).mean(0);
  // Weights were written in half precision.
  EXPECT_LT(relative_error(caption_space(folder / "checkpoint").clip(clip), whole / whole.norm()), 1e-2);
  EXPECT_THAT([&] { import_clip(options); }, ThrowsMessage<InputError>(HasSubstr("holds a checkpoint already")));
  write_file(merges, "#version: 0.2\na b\n");
  options.out = folder / "other";
  EXPECT_THAT([&] { import_clip(options); }, ThrowsMessage<InputError>(HasSubstr("gives 515 tokens, expected 600")));
  EXPECT_FALSE(std::filesystem::exists(options.out)) << "nothing half made";
}

TEST(ClipMerges, CompressedAndPlainReadAlike) {
  const auto folder = fresh_folder("merges");
  write_file(folder / "merges.txt", "#version: 0.2\nt h\nth e</w>\n");
  ASSERT_EQ(std::system(("gzip -k " + (folder / "merges.txt").string()).c_str()), 0);
  for (const char* name : {"merges.txt", "merges.txt.gz"}) {
    const Tokenizer tokenizer = Tokenizer::load_merges(folder / name);
    EXPECT_EQ(tokenizer.encode("the"), (std::vector<std::int64_t>{513})) << name;
  }
  write_file(folder / "damaged.gz", read_file(folder / "merges.txt.gz").substr(0, 20));
  EXPECT_THROW(Tokenizer::load_merges(folder / "damaged.gz"), InputError);
  write_file(folder / "one.txt", "#version: 0.2\nthe\n");
  EXPECT_THAT([&] { Tokenizer::load_merges(folder / "one.txt"); }, ThrowsMessage<InputError>(HasSubstr("line 2")));
}

}  // namespace
}  // namespace bitemark::model
