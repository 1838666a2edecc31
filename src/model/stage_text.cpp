// CLIP: captions and frames of the same take together, others apart (Radford et al. 2021). Stage "text" trains both
// towers; stage "image" trains an image tower against a text tower that stays as it is, so that what was conditioned on
// it still fits (the mirror image of locked-image tuning, Zhai et al. 2022). Two things make word order count, which a
// contrast of captions from many scenarios hardly asks for (Yuksekgonul et al. 2023): "mirror" puts beside each take
// its mirror image, said with left and right exchanged; "alike" is the share of the steps whose takes are of one
// scenario.
#include "base/error.h"
#include "model/checkpoint.h"
#include "model/mirror.h"
#include "model/stage.h"
#include "model/weights.h"

namespace bitemark::model {
namespace {

/// What moves in training: a locked text tower is beside the network, not in it.
class Towers : public torch::nn::Module {
 public:
  Towers(std::shared_ptr<TextTower> text_tower, bool locked, const ImageConfig& image_config)
      : text(locked ? std::move(text_tower) : register_module("text", std::move(text_tower))),
        image(register_module("image", std::make_shared<ImageTower>(image_config))),
        logit_scale(register_parameter("logit_scale", at::full({1}, std::log(1.0 / 0.07)))) {}
  std::shared_ptr<TextTower> text;
  std::shared_ptr<ImageTower> image;
  Tensor logit_scale;
};

constexpr std::size_t kMerges = 400;
constexpr double kMaxLogitScale = 4.6052;  // ln 100, as in CLIP

class ClipStage final : public Stage {
 public:
  ClipStage(const StageInput& input, bool locked) : recipe_(input.recipe), source_(input.source), locked_(locked) {
    check_more(recipe_, {"mirror", "alike", "image"});
    if (recipe_.more.contains("mirror")) mirror_ = json_member<bool>(recipe_.more, "mirror", recipe_.file, "/more");
    if (recipe_.more.contains("alike")) alike_ = json_member<double>(recipe_.more, "alike", recipe_.file, "/more");
    if (mirror_ && recipe_.batch / recipe_.parts % 2 != 0)
      throw InputError(recipe_.file, "/batch", "must be even in each part: half of it are mirror images");
    tokenizer_ = std::make_unique<Tokenizer>(tokenizer_for(input));
    std::shared_ptr<TextTower> text;
    ImageConfig image;
    if (locked) {
      text = Checkpoint(input.checkpoint).text();
      image = image_config(recipe_.model, recipe_.file, "/model");
    } else {
      if (recipe_.more.contains("image")) image = image_config(recipe_.more.at("image"), recipe_.file, "/more/image");
      TextConfig config = text_config(recipe_.model, recipe_.file, "/model");
      config.vocabulary = tokenizer_->size();
      text = std::make_shared<TextTower>(config);
    }
    image.embedding = text->config().embedding;
    const FrameSize size = source_.size("an image tower");
    image.width = size.width;
    image.height = size.height;
    towers_ = std::make_shared<Towers>(text, locked, image);
  }

  torch::nn::Module& network() override { return *towers_; }

  /// All parts of a step have windows of one length, and takes of one scenario or of all.
  StepData prepare(const StepPart& part) const override {
    const auto& windows = recipe_.windows;
    Pcg32 shared = step_stream(recipe_.seed, {part.step, -1});
    StepData data;
    data.window = windows[shared.below(static_cast<std::uint32_t>(windows.size()))];
    std::optional<std::size_t> only;
    if (alike_ > 0 && shared.uniform() < alike_) only = source_.draw_scenario(data.window, shared);
    data.random = step_stream(recipe_.seed, part);
    const std::int64_t clips = recipe_.batch / recipe_.parts;
    data.drawn = source_.draw(mirror_ ? clips / 2 : clips, data.window, data.random, only);
    data.batch = source_.load(data.drawn, data.window);
    if (mirror_) add_mirror_images(data.batch);
    return data;
  }

  StepLoss loss(const StepPart&, StepData& data) override {
    const ClipBatch& batch = data.batch;
    const Tensor frames = frames_from_bytes(three_frames(batch.frames).to(default_device())).flatten(1, 2);
    const Tensor tokens = tokenize(*tokenizer_, batch.captions, towers_->text->config().context).to(default_device());
    const Tensor scale = towers_->logit_scale.clamp_max(kMaxLogitScale).exp();
    const Tensor logits = scale * at::matmul(towers_->image->forward(frames), towers_->text->embed(tokens).t());
    // Takes with the same caption are all right answers.
    const Tensor same = (tokens.unsqueeze(0) == tokens.unsqueeze(1)).all(-1).to(at::kFloat);
    const Tensor target = same / same.sum(1, true);
    const Tensor by_frame = -(target * at::log_softmax(logits, 1)).sum(1).mean();
    const Tensor by_caption = -(target * at::log_softmax(logits.t(), 1)).sum(1).mean();
    const Tensor floor = -(target * target.clamp_min(1e-9).log()).sum(1).mean();
    const Tensor hit = same.gather(1, logits.argmax(1, true)).mean();
    return {0.5 * (by_frame + by_caption), {{"above_floor", 0.5 * (by_frame + by_caption) - floor}, {"hit", hit}}};
  }

  void export_to(const std::filesystem::path& checkpoint) override {
    if (!locked_) {
      tokenizer_->save(checkpoint / "tokenizer.json");
      save_weights(checkpoint / "text.safetensors", weights_of(*towers_->text), false);
      write_config(checkpoint, {{"text", to_json(towers_->text->config())}});
    }
    save_weights(checkpoint / "image.safetensors", weights_of(*towers_->image), true);
    write_config(checkpoint, {{"image", to_json(towers_->image->config())}});
  }

  double flop_per_step() const override {
    const double passes = locked_ ? 2.0 : 6.0;  // forwards alone, or with the gradients
    const auto& text = *towers_->text;
    const double said = passes * static_cast<double>(parameter_count(text) * text.config().context);
    return static_cast<double>(recipe_.batch) * (said + 6.0 * image_products());
  }

 private:
  Tokenizer tokenizer_for(const StageInput& input) const {
    if (locked_) return Checkpoint(input.checkpoint).tokenizer();
    std::vector<std::string> captions = source_.all_captions();
    if (mirror_)
      for (std::size_t i = 0, said = captions.size(); i < said; ++i) captions.push_back(mirrored_caption(captions[i]));
    return Tokenizer::train(captions, kMerges);
  }

  /// Multiplications of one clip's way through the image tower.
  double image_products() const {
    const ImageConfig& config = towers_->image->config();
    auto pixels = static_cast<double>(config.width * config.height);
    double products = 0;
    std::int64_t in = 3 * ImageTower::kFrames;
    for (const std::int64_t out : config.channels) {
      pixels /= 4;
      products += pixels * static_cast<double>(9 * in * out);
      in = out;
    }
    return products;
  }

  const Recipe& recipe_;
  const ClipSource& source_;
  bool locked_;
  bool mirror_ = false;
  double alike_ = 0;
  std::unique_ptr<Tokenizer> tokenizer_;
  std::shared_ptr<Towers> towers_;
};

}  // namespace

std::unique_ptr<Stage> make_text_stage(const StageInput& input) { return std::make_unique<ClipStage>(input, false); }
std::unique_ptr<Stage> make_image_stage(const StageInput& input) { return std::make_unique<ClipStage>(input, true); }

}  // namespace bitemark::model
