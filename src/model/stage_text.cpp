// CLIP: captions and frames of the same take together, others apart (Radford et al. 2021).
#include "base/error.h"
#include "model/checkpoint.h"
#include "model/stage.h"
#include "model/weights.h"

namespace bitemark::model {
namespace {

class Towers : public torch::nn::Module {
 public:
  explicit Towers(const TextConfig& config)
      : text(register_module("text", std::make_shared<TextTower>(config))),
        image(register_module("image", std::make_shared<ImageTower>(config.embedding))),
        logit_scale(register_parameter("logit_scale", at::full({1}, std::log(1.0 / 0.07)))) {}
  std::shared_ptr<TextTower> text;
  std::shared_ptr<ImageTower> image;
  Tensor logit_scale;
};

constexpr std::size_t kMerges = 400;
constexpr double kMaxLogitScale = 4.6052;  // ln 100, as in CLIP

class TextStage final : public Stage {
 public:
  explicit TextStage(const StageInput& input)
      : recipe_(input.recipe), source_(input.source), tokenizer_(Tokenizer::train(source_.all_captions(), kMerges)) {
    TextConfig config = text_config(recipe_.model, recipe_.file, "/model");
    config.vocabulary = tokenizer_.size();
    towers_ = std::make_shared<Towers>(config);
  }

  torch::nn::Module& network() override { return *towers_; }

  StepData prepare(const StepPart& part) const override {
    return drawn_frames(recipe_, source_, part, recipe_.windows.front());
  }

  StepLoss loss(const StepPart&, StepData& data) override {
    const ClipBatch& batch = data.batch;
    const std::int64_t window = data.window;
    const Tensor picked = at::stack(
        {batch.frames.select(1, 0), batch.frames.select(1, window / 2), batch.frames.select(1, window - 1)}, 1);
    const Tensor frames = frames_from_bytes(picked.to(default_device())).flatten(1, 2);
    const Tensor tokens = tokenize(tokenizer_, batch.captions, towers_->text->config().context).to(default_device());
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
    tokenizer_.save(checkpoint / "tokenizer.json");
    save_weights(checkpoint / "text.safetensors", weights_of(*towers_->text), false);
    write_config(checkpoint, {{"text", to_json(towers_->text->config())}});
  }

  double flop_per_step() const override {
    const auto tokens = static_cast<double>(recipe_.batch * towers_->text->config().context);
    return 6.0 * static_cast<double>(parameter_count(*towers_->text)) * tokens;
  }

 private:
  const Recipe& recipe_;
  const ClipSource& source_;
  Tokenizer tokenizer_;
  std::shared_ptr<Towers> towers_;
};

}  // namespace

std::unique_ptr<Stage> make_text_stage(const StageInput& input) { return std::make_unique<TextStage>(input); }

}  // namespace bitemark::model
