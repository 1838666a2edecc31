// Retrieval by hand, and the space of captions and clips with towers that are trained here.
#include "model/retrieval.h"

#include <gmock/gmock.h>

#include <cmath>

#include "base/error.h"
#include "base/files.h"
#include "model/caption_space.h"
#include "model/noise.h"
#include "model/weights.h"
#include "toy_run.h"
#include "toys.h"

namespace bitemark::model {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::ThrowsMessage;

const std::vector<bool> kAll{true, true, true};

TEST(Retrieval, RanksOfAKnownMatrix) {
  // Query 0: its only right answer is the nearest. Query 1: right ones at 0.3 and 0.7, wrong ones at 0.9 and 0.8.
  // Query 2: everything is as near as everything, so the wrong ones come first.
  const Tensor similarity =
      at::tensor({0.9F, 0.1F, 0.2F, 0.3F, 0.9F, 0.3F, 0.8F, 0.7F, 0.5F, 0.5F, 0.5F, 0.5F}).view({3, 4});
  const Tensor right = at::tensor({1, 0, 0, 0, 0, 1, 0, 1, 0, 0, 1, 0}).view({3, 4}).to(at::kBool);
  const Retrieval found = retrieve(similarity, right);
  EXPECT_THAT(found.rank, ElementsAre(1, 3, 4));
  EXPECT_THAT(found.right, ElementsAre(1, 2, 1));
  const RetrievalSummary all = summarise(found, kAll, 3);
  EXPECT_DOUBLE_EQ(all.recall1.value, 1.0 / 3);
  EXPECT_NEAR(all.recall1.chance, (0.25 + 0.5 + 0.25) / 3, 1e-12);
  EXPECT_DOUBLE_EQ(all.recall5.value, 1);
  EXPECT_DOUBLE_EQ(all.recall5.chance, 1);  // there are but four
  EXPECT_DOUBLE_EQ(all.median_rank, 3);
  EXPECT_NEAR(all.chance_rank, (5.0 / 2 + 5.0 / 3 + 5.0 / 2) / 3, 1e-12);
  const RetrievalSummary two = summarise(found, {true, false, true}, 1);
  EXPECT_EQ(two.queries, 2U);
  EXPECT_DOUBLE_EQ(two.recall1.value, 0.5);
  EXPECT_DOUBLE_EQ(two.median_rank, 2.5);
}

TEST(Retrieval, WhatIsNotANumberIsNotFound) {
  const float nan = std::nanf("");
  const Tensor similarity = at::tensor({nan, nan, nan, 0.9F, nan, 0.1F}).view({2, 3});
  const Tensor right = at::tensor({1, 0, 0, 1, 0, 0}).view({2, 3}).to(at::kBool);
  EXPECT_THAT(retrieve(similarity, right).rank, ElementsAre(3, 2));
}

TEST(Retrieval, QueriesThatAskTheSameNarrowNothing) {
  Retrieval found{{1, 1, 1}, {1, 1, 1}, 9};
  const auto width = [&](std::size_t trials) {
    const Share share = summarise(found, kAll, trials).recall1;
    EXPECT_DOUBLE_EQ(share.value, 1);
    return share.high - share.low;
  };
  EXPECT_GT(width(1), width(3));
  EXPECT_NEAR(1 - width(3), 3 / (3 + 1.959964 * 1.959964), 1e-5);  // Wilson of 3 in 3: n / (n + z^2)
}

TEST(Retrieval, BlindHitsAgreeWithCounting) {
  EXPECT_DOUBLE_EQ(blind_hit(10, 1, 5), 0.5);
  EXPECT_NEAR(blind_hit(6, 2, 3), 1 - 4.0 / 20, 1e-12);  // C(4, 3) of C(6, 3) draws hold no right one
  EXPECT_DOUBLE_EQ(blind_hit(4, 1, 5), 1);
  EXPECT_DOUBLE_EQ(blind_hit(5, 5, 1), 1);
}

/// The text stage learns the toy world, and then the image stage anew for its text tower.
class CaptionSpaceTest : public ToyRun {
 protected:
  static constexpr const char* kSlide = "a square that will slide";
  static constexpr const char* kDrop = "a drop of a square";
  std::filesystem::path learned(const std::string& stage, const std::filesystem::path& from) {
    TrainOptions o = options(
        stage, stage, 120,
        {{"batch", 16}, {"rate", 3e-3}, {"decay", 40}, {"ema", 0.9}, {"windows", {12, 20}}, {"save_every_s", 60}});
    o.from = {from};
    train(o);
    return o.out / "checkpoint";
  }
  Tensor clip(const std::string& scenario, std::int64_t row) const {
    return to_tensor(SafetensorsFile(folder / "data" / (scenario + "-000.safetensors")), "frames")[row];
  }
  const torch::NoGradGuard no_grad;
};

TEST_F(CaptionSpaceTest, TellsWhatACaptionMeansFromWhatItDoesNot) {
  const torch::AutoGradMode training(true);
  const auto text = learned("text", folder / "parts");
  const auto image = learned("image", text);
  EXPECT_EQ(read_file(text / "text.safetensors"), read_file(image / "text.safetensors")) << "it is locked";
  EXPECT_EQ(read_file(text / "tokenizer.json"), read_file(image / "tokenizer.json"));
  EXPECT_NE(read_file(text / "image.safetensors"), read_file(image / "image.safetensors"));
  const torch::NoGradGuard none;
  for (const auto& checkpoint : {text, image}) {
    const CaptionSpace space = caption_space(checkpoint);
    const Tensor said = space.captions({kSlide, kDrop});
    EXPECT_NEAR(said.norm(2, {-1})[0].item<double>(), 1, 1e-5);
    for (std::int64_t row = 0; row < 8; ++row) {
      const Tensor slide = at::mv(said, space.clip(clip("slide", row))),
                   drop = at::mv(said, space.clip(clip("drop", row)));
      EXPECT_GT(slide[0].item<float>(), slide[1].item<float>() + 0.2F) << checkpoint << row;
      EXPECT_GT(drop[1].item<float>(), drop[0].item<float>() + 0.2F) << checkpoint << row;
    }
  }
  EvaluateTextOptions evaluate;
  evaluate.checkpoint = image;
  evaluate.data = evaluate.train = folder / "data";
  evaluate.out = folder / "numbers.json";
  evaluate_text(evaluate);
  const Json json = load_json(evaluate.out);
  EXPECT_EQ(json.at("takes"), 16);
  EXPECT_EQ(json.at("captions"), 4);
  EXPECT_EQ(json.at("meanings"), 2);
  EXPECT_EQ(json.at("caption_to_take").at("recall_at_1").at("value"), 1);
  EXPECT_DOUBLE_EQ(json.at("caption_to_take").at("recall_at_1").at("chance"), 0.5);
  EXPECT_EQ(json.at("scenarios").at("all").at("scenario_named").at("value"), 1);
  EXPECT_TRUE(json.at("new_caption_to_take").is_null()) << "all of them were in training";
}

TEST_F(CaptionSpaceTest, TheExportedTowerAnswersAsTheTrainedOne) {
  ImageConfig config;
  config.width = config.height = 32;
  config.channels = {4, 4, 8, 8};
  config.embedding = 8;
  ImageTower tower(config);
  randomise(tower, 7);
  save_weights(folder / "parts/image.safetensors", weights_of(tower), false);
  write_config(folder / "parts", {{"image", to_json(config)}});
  const CaptionSpace space = caption_space(folder / "parts");
  const Tensor frames = clip("slide", 3);
  // By hand: frames 0, 10 and 19 of 20, channels first, black -1 and white 1.
  const Tensor picked = at::stack({frames[0], frames[10], frames[19]}).permute({0, 3, 1, 2}).to(at::kFloat) / 127.5 - 1;
  const Tensor expected = tower.forward(picked.flatten(0, 1).unsqueeze(0)).squeeze(0);
  EXPECT_LT((space.clip(frames).cpu() - expected).abs().max().item<float>(), 1e-5F);
  // Twice the size, each pixel four times: scaled down again it is nearly the same picture.
  const Tensor larger = frames.repeat_interleave(2, 1).repeat_interleave(2, 2);
  EXPECT_GT(at::dot(space.clip(larger).cpu(), expected).item<float>(), 0.98F);
  EXPECT_EQ(space.clip(frames.slice(0, 0, 1)).numel(), 8) << "one frame is a clip";
}

TEST_F(CaptionSpaceTest, EmbedWritesClipsAndCaptions) {
  ImageConfig config;
  config.embedding = 8;
  ImageTower tower(config);
  save_weights(folder / "parts/image.safetensors", weights_of(tower), true);
  write_config(folder / "parts", {{"image", to_json(config)}});
  std::filesystem::create_directories(folder / "clips");
  save_tensors(folder / "clips/a.safetensors", {{"frames", clip("slide", 0)}});
  save_tensors(folder / "clips/b.safetensors", {{"frames", clip("drop", 0)}});
  save_json(folder / "clips/clips.json", {{"clips", {"b", "a"}}, {"captions", {kSlide, kDrop, ""}}});
  EmbedOptions options{folder / "parts", folder / "clips", folder / "out.safetensors", 1};
  embed(options);
  const SafetensorsFile out(options.out);
  const CaptionSpace space = caption_space(folder / "parts");
  EXPECT_TRUE(at::allclose(to_tensor(out, "clips")[1], space.clip(clip("slide", 0)).cpu(), 1e-5, 1e-6));
  EXPECT_TRUE(at::allclose(to_tensor(out, "captions")[1], space.captions({kDrop})[0].cpu(), 1e-5, 1e-6));
  save_tensors(folder / "clips/a.safetensors", {{"frames", at::zeros({0, 32, 32, 3}, at::kByte)}});
  EXPECT_THAT([&] { embed(options); }, ThrowsMessage<InputError>(HasSubstr("a.safetensors: frames: is empty")));
}

TEST_F(CaptionSpaceTest, AnImageTowerThatIsMissingOrDoesNotFitGetsASentence) {
  EXPECT_THAT([&] { caption_space(folder / "parts"); },
              ThrowsMessage<InputError>(HasSubstr("parts: has no image tower (image.safetensors)")));
  ImageConfig config;
  config.embedding = 24;
  ImageTower tower(config);
  save_weights(folder / "parts/image.safetensors", weights_of(tower), true);
  write_config(folder / "parts", {{"image", to_json(config)}});
  EXPECT_THAT([&] { caption_space(folder / "parts"); },
              ThrowsMessage<InputError>(HasSubstr("/image/embedding: is 24, expected 8 as /text/embedding")));
}

}  // namespace
}  // namespace bitemark::model
