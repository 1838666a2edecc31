// VAE: reconstruction that counts what moves and what is coloured for more, on short windows.
#include "base/error.h"
#include "model/checkpoint.h"
#include "model/noise.h"
#include "model/stage.h"
#include "model/take_over.h"
#include "model/weights.h"

namespace bitemark::model {
namespace {

constexpr double kCharbonnier = 1e-3;
constexpr std::uint32_t kLatentNoise = 1;

/// sqrt(d^2 + e^2): L1 with a smooth foot.
Tensor charbonnier(const Tensor& d) { return at::sqrt(d * d + kCharbonnier * kCharbonnier); }

/// Differences to the pixel on the right and below: edges must be where they are.
Tensor edges(const Tensor& x) {
  const Tensor dx = at::diff(x, 1, -1).slice(-2, 1);
  const Tensor dy = at::diff(x, 1, -2).slice(-1, 1);
  return at::cat({dx, dy}, 2);
}

class VaeStage final : public Stage {
 public:
  explicit VaeStage(const StageInput& input)
      : recipe_(input.recipe),
        source_(input.source),
        vae_(std::make_shared<Vae>(vae_config(recipe_.model, recipe_.file, "/model"))) {
    const std::int64_t temporal = vae_->config().temporal;
    if (recipe_.windows.size() != 1 || recipe_.windows.front() < 2 || recipe_.windows.front() % temporal != 0)
      throw InputError(recipe_.file, "/windows",
                       "expected one window of at least 2 frames, a multiple of the " + std::to_string(temporal) +
                           " that a latent stands for");
    for (const FrameSize& size : source_.sizes())
      if (size.width % 8 != 0 || size.height % 8 != 0)
        throw InputError("the training data", "frames", "are " + to_text(size) + " pixels, expected multiples of 8");
    if (starts_from_checkpoint(recipe_) && !take_over(*Checkpoint(input.checkpoint).vae(), *vae_))
      throw InputError(
          recipe_.file, "/model",
          "is not the VAE of the checkpoint that training is to start from, with as many channels or more");
    check_more(recipe_, {"start", "motion_weight", "colour_weight", "edge_weight", "chroma_weight", "kl_weight"});
    const auto number = [&](const char* key, double standard) {
      constexpr double kMost = 1e6;
      const double weight = json_member_or(recipe_.more, key, standard, recipe_.file, "/more");
      if (!(weight >= 0 && weight <= kMost))
        throw InputError(recipe_.file, std::string("/more/") + key,
                         "is " + std::to_string(weight) + ", expected 0 to " + std::to_string(kMost));
      return weight;
    };
    motion_ = number("motion_weight", 4);
    colour_ = number("colour_weight", 2);
    edge_ = number("edge_weight", 0.5);
    chroma_ = number("chroma_weight", 1);
    kl_ = number("kl_weight", 1e-4);
  }

  torch::nn::Module& network() override { return *vae_; }

  StepData prepare(const StepPart& part) const override {
    return drawn_frames(recipe_, source_, part, recipe_.windows.front());
  }

  StepLoss loss(const StepPart& part, StepData& data) override {
    const Tensor x = frames_from_bytes(data.batch.frames.to(default_device()));
    StreamState encoder, decoder;
    const Tensor mean = vae_->posterior_mean(x, encoder);
    const Tensor noise = normal_noise(mean.sizes(), noise_key(recipe_.seed, part, kLatentNoise));
    const Tensor y = vae_->decode_mean(mean + vae_->config().latent_noise * noise.to(mean.device()), decoder);
    const Tensor weight = pixel_weight(x);
    const Tensor pixel = (charbonnier(y - x) * weight).mean();
    const Tensor edge = (charbonnier(edges(y) - edges(x)) * weight.slice(-2, 1).slice(-1, 1)).mean();
    // Colour apart from brightness: each channel less the mean of the three.
    const Tensor tint = (charbonnier((y - y.mean(2, true)) - (x - x.mean(2, true))) * weight).mean();
    const Tensor kl = 0.5 * mean.pow(2).mean();
    return {pixel + edge_ * edge + chroma_ * tint + kl_ * kl,
            {{"pixel", pixel}, {"edge", edge}, {"tint", tint}, {"kl", kl}}};
  }

  void export_to(const std::filesystem::path& checkpoint) override {
    measure_latents();
    save_weights(checkpoint / "vae.safetensors", weights_of(*vae_), false);
    write_config(checkpoint, {{"vae", to_json(vae_->config())}, {"sizes", to_json(source_.sizes())}});
  }

  double flop_per_step() const override {
    // 2 multiply-adds a weight and place, forward; twice that backward.
    const auto& e = vae_->config().encoder_channels;
    const auto& d = vae_->config().decoder_channels;
    const auto level = [](std::int64_t c, std::int64_t in, bool memory) {
      return 9.0 * static_cast<double>(c * in + c * c * (memory ? 4 : 3));
    };
    const auto& c = vae_->config();
    double places = 0;  // mean over the sizes
    for (const FrameSize& size : source_.sizes())
      places += static_cast<double>(size.width * size.height) / static_cast<double>(source_.sizes().size());
    const double frame =
        places / 4 * (level(e[0], 12, c.encoder_memory) + level(d[2], d[1], c.decoder_memory)) +
        places / 16 * (level(e[1], e[0], c.encoder_memory) + level(d[1], d[0], c.decoder_memory)) +
        places / 64 * (level(e[2], e[1], c.encoder_memory) + level(d[0], c.latent_channels, c.decoder_memory));
    return 6.0 * frame * static_cast<double>(recipe_.batch * recipe_.windows.front());
  }

 private:
  /// [B, window, 3, H, W] in [-1, 1].
  Tensor on_device(const std::vector<ClipWindow>& windows, std::int64_t window) const {
    return frames_from_bytes(source_.load(windows, window).frames.to(default_device()));
  }

  /// 1 + motion * |x - x one frame before| + colour * saturation; mean over colour channels, [B, T, 1, H, W].
  Tensor pixel_weight(const Tensor& x) const {
    const Tensor change = at::diff(x, 1, 1).abs().mean(2, true);
    const Tensor moved =
        at::maximum(at::cat({change.slice(1, 0, 1), change}, 1), at::cat({change, change.slice(1, -1)}, 1));
    const Tensor saturation = 0.5 * (std::get<0>(x.max(2, true)) - std::get<0>(x.min(2, true)));
    return 1.0 + motion_ * moved.clamp_max(1.0) + colour_ * saturation;
  }

  /// Mean and deviation of each latent channel over draws of the training set.
  void measure_latents() {
    const torch::NoGradGuard no_grad;
    Pcg32 random = stream_for(recipe_.seed, "latent statistics");
    std::vector<Tensor> means;
    const std::int64_t window = recipe_.windows.front();
    for (int i = 0; i < 16; ++i) {
      const Tensor x = on_device(source_.draw(16, window, random), window);
      StreamState state;
      means.push_back(vae_->posterior_mean(x, state).transpose(0, 2).flatten(1));
    }
    const Tensor all = at::cat(means, 1).to(at::kDouble);
    vae_->set_normalisation(all.mean(1).to(at::kFloat), all.std(1, false).clamp_min(1e-3).to(at::kFloat));
  }

  const Recipe& recipe_;
  const ClipSource& source_;
  std::shared_ptr<Vae> vae_;
  double motion_ = 0, colour_ = 0, edge_ = 0, chroma_ = 0, kl_ = 0;
};

}  // namespace

std::unique_ptr<Stage> make_vae_stage(const StageInput& input) { return std::make_unique<VaeStage>(input); }

}  // namespace bitemark::model
