// The network behind FVD-sim: names the scenario and tells the body states at both ends of a window.
#include "base/error.h"
#include "model/checkpoint.h"
#include "model/stage.h"
#include "model/vae.h"
#include "model/weights.h"

namespace bitemark::model {
namespace {

class FeatureStage final : public Stage {
 public:
  explicit FeatureStage(const StageInput& input) : recipe_(input.recipe), source_(input.source) {
    check_more(recipe_, {});
    FeatureConfig config = feature_config(recipe_.model, recipe_.file, "/model");
    config.scenarios = source_.scenarios();
    net_ = std::make_shared<FeatureNet>(config);
    const FrameSize size = source_.size("a feature network");
    if (size.width != config.size || size.height != config.size)
      throw InputError(recipe_.file, "/model/size", "is not the size of the training frames");
    if (config.window > source_.longest())
      throw InputError(recipe_.file, "/model/window",
                       "is " + std::to_string(config.window) + ", expected at most the longest take's " +
                           std::to_string(source_.longest()) + " frames");
  }

  torch::nn::Module& network() override { return *net_; }

  StepData prepare(const StepPart& part) const override {
    return drawn_frames(recipe_, source_, part, net_->config().window);
  }

  StepLoss loss(const StepPart&, StepData& data) override {
    ClipBatch& batch = data.batch;
    const std::int64_t window = data.window;
    const Tensor features = net_->features(frames_from_bytes(batch.frames.to(default_device())));
    const Tensor logits = net_->scenario_logits(features);
    batch.scenario = batch.scenario.to(logits.device());
    batch.states = batch.states.to(logits.device());
    const Tensor naming = at::cross_entropy_loss(logits, batch.scenario);
    const Tensor truth = at::stack({batch.states.select(1, 0), batch.states.select(1, window - 1)}, 1) / scale();
    const Tensor present = truth.slice(-1, 0, 1);
    const Tensor error = (net_->states(features) - truth).abs();
    const Tensor states = error.slice(-1, 0, 1).mean() + (error.slice(-1, 1) * present).sum() / (6 * present.sum() + 1);
    const Tensor hit = (logits.argmax(1) == batch.scenario).to(at::kFloat).mean();
    return {naming + 2.0 * states, {{"naming", naming}, {"states", states}, {"hit", hit}}};
  }

  void export_to(const std::filesystem::path& checkpoint) override {
    save_weights(checkpoint / "features.safetensors", weights_of(*net_), false);
    write_config(checkpoint, {{"features", to_json(net_->config())}});
  }

  double flop_per_step() const override {
    return 6.0 * static_cast<double>(parameter_count(*net_)) *
           static_cast<double>(recipe_.batch * net_->config().window);
  }

 private:
  /// Shares of the width and height, metres / 5, metres a second / 5: all of order one.
  static Tensor scale() { return at::tensor(std::vector<float>{1, 1, 1, 5, 5, 5, 5}).to(default_device()); }

  const Recipe& recipe_;
  const ClipSource& source_;
  std::shared_ptr<FeatureNet> net_;
};

}  // namespace

std::unique_ptr<Stage> make_feature_stage(const StageInput& input) { return std::make_unique<FeatureStage>(input); }

}  // namespace bitemark::model
