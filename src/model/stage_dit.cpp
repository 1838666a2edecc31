// Diffusion transformer: clean (or lightly noised, and told so) history beside noisy targets of every frame at once, so
// that each frame of each clip teaches what a rollout asks for; a share of the clips has an independent level a frame.
#include "base/error.h"
#include "base/sha256.h"
#include "model/checkpoint.h"
#include "model/diffusion.h"
#include "model/latent_cache.h"
#include "model/noise.h"
#include "model/stage.h"
#include "model/weights.h"

namespace bitemark::model {
namespace {

enum Purpose : std::uint32_t { kTargetNoise = 1, kHistoryNoise = 2 };

/// Tells the body states from the tokens at half depth: the simulator's truth as a second teacher. Not shipped.
class StateHead : public torch::nn::Module {
 public:
  StateHead(std::int64_t width, std::int64_t tokens)
      : reduce_(register_module("reduce", torch::nn::Linear(width, 32))),
        hidden_(register_module("hidden", torch::nn::Linear(32 * tokens, 128))),
        out_(register_module("out", torch::nn::Linear(128, FeatureNet::kBodies * FeatureNet::kState))) {}
  /// [B, F, S, D] -> [B, F, bodies, state].
  Tensor forward(const Tensor& tokens) {
    const Tensor x = at::relu(hidden_(at::silu(reduce_(tokens)).flatten(2)));
    return out_(x).view({tokens.size(0), tokens.size(1), FeatureNet::kBodies, FeatureNet::kState});
  }

 private:
  torch::nn::Linear reduce_{nullptr}, hidden_{nullptr}, out_{nullptr};
};

class DitAndHead : public torch::nn::Module {
 public:
  DitAndHead(const DitConfig& config, std::int64_t tokens)
      : dit(register_module("dit", std::make_shared<Dit>(config))),
        head(register_module("head", std::make_shared<StateHead>(config.width, tokens))) {}
  std::shared_ptr<Dit> dit;
  std::shared_ptr<StateHead> head;
};

struct TrainingSettings {
  double plain = 0.1;          ///< share of steps with one causal sequence instead of history and targets
  double clean_history = 0.5;  ///< share of clips whose history is exact
  double free_history = 0.15;  ///< share with an independent level a frame
  double history_noise = 0.3;  ///< the rest: 1 - tau, up to this
  double motion_weight = 3;
  double state_weight = 0.1;
  double drop = 0.1;  ///< captions and controls, each
};

TrainingSettings settings_of(const Recipe& recipe) {
  TrainingSettings s;
  const auto read = [&](const char* key, double& field) {
    if (recipe.more.contains(key)) field = json_member<double>(recipe.more, key, recipe.file, "/more");
  };
  read("plain", s.plain);
  read("clean_history", s.clean_history);
  read("free_history", s.free_history);
  read("history_noise", s.history_noise);
  read("motion_weight", s.motion_weight);
  read("state_weight", s.state_weight);
  read("drop", s.drop);
  return s;
}

Json member_or_empty(const Recipe& recipe, const char* key) {
  return recipe.more.contains(key) ? recipe.more.at(key) : Json::object();
}

class DitStage final : public Stage {
 public:
  explicit DitStage(const StageInput& input)
      : recipe_(input.recipe), source_(input.source), settings_(settings_of(recipe_)) {
    const Checkpoint parts(input.checkpoint);
    const auto vae = parts.vae();
    text_ = parts.text();
    tokenizer_ = std::make_unique<Tokenizer>(parts.tokenizer());
    latents_ =
        std::make_unique<LatentCache>(input.cache, source_, *vae, sha256_of_file(input.checkpoint / "vae.safetensors"));
    temporal_ = vae->config().temporal;
    DitConfig config = dit_config(recipe_.model, recipe_.file, "/model");
    config.latent_channels = vae->config().latent_channels;
    config.text_width = text_->config().width;
    std::tie(control_mean_, control_std_) = source_.control_statistics();
    config.controls = control_mean_.size(0);
    diffusion_config_ = diffusion_config(member_or_empty(recipe_, "diffusion"), recipe_.file, "/more/diffusion");
    rollout_config_ = rollout_config(member_or_empty(recipe_, "rollout"), recipe_.file, "/more/rollout");
    diffusion_ = std::make_unique<Diffusion>(diffusion_config_);
    config.learned_variance = diffusion_config_.learned_variance;
    tokens_ = source_.height() * source_.width() / (64 * config.patch * config.patch);
    network_ = std::make_shared<DitAndHead>(config, tokens_);
    longest_ = *std::max_element(recipe_.windows.begin(), recipe_.windows.end());
    if (longest_ * temporal_ > source_.longest())
      throw InputError(recipe_.file, "/windows",
                       "has " + std::to_string(longest_) + " latents of " + std::to_string(temporal_) +
                           " frames, expected at most the longest take's " + std::to_string(source_.longest()));
  }

  torch::nn::Module& network() override { return *network_; }

  StepData prepare(const StepPart& part) const override {
    StepData data;
    data.random = step_stream(recipe_.seed, part);
    data.window = recipe_.windows[data.random.below(static_cast<std::uint32_t>(recipe_.windows.size()))];
    const std::int64_t count = recipe_.batch / recipe_.parts * longest_ / data.window;
    data.drawn = source_.draw(count, data.window * temporal_, data.random);
    data.batch = source_.load(data.drawn, data.window * temporal_, false);
    data.latents = latents_->load(data.drawn, data.window);
    return data;
  }

  StepLoss loss(const StepPart& part, StepData& data) override {
    Pcg32& random = data.random;
    const ClipBatch& batch = data.batch;
    const std::int64_t window = data.window, count = data.latents.size(0);
    const Tensor x = data.latents.to(default_device());
    const bool plain = random.uniform() < settings_.plain;
    const Tensor history_level = plain ? Tensor() : history_levels(count, window - 1, random).to(x.device());
    const Tensor level = training_levels(count * window, random).view({count, window}).to(x.device());
    DitInput input;
    FrameLayout layout;
    const Tensor eps = noise(x, part, kTargetNoise);
    arrange(x, eps, level, history_level, part, input, layout);
    condition(batch, layout, random, input);
    const DitOutput output = network_->dit->forward(input, layout);
    const std::int64_t first = plain ? 0 : window - 1;
    const Tensor z = input.z.slice(1, first), answer = output.answer.slice(1, first);
    StepLoss loss = weigh(x, eps, level, diffusion_->prediction(answer), output.middle.slice(1, first), batch.states);
    if (diffusion_config_.learned_variance) {
      const Tensor bound = diffusion_->variational_bound(x, z, answer, level).mean();
      loss.total = loss.total + bound;
      loss.parts.emplace_back("bound", bound);
    }
    return loss;
  }

  void export_to(const std::filesystem::path& checkpoint) override {
    save_weights(checkpoint / "dit.safetensors", weights_of(*network_->dit), true);
    const auto list = [](const Tensor& t) {
      return std::vector<float>(t.data_ptr<float>(), t.data_ptr<float>() + t.numel());
    };
    write_config(checkpoint, {{"dit", to_json(network_->dit->config())},
                              {"diffusion", to_json(diffusion_config_)},
                              {"rollout", to_json(rollout_config_)},
                              {"controls", {{"mean", list(control_mean_)}, {"std", list(control_std_)}}}});
  }

  double flop_per_step() const override {
    const auto tokens = static_cast<double>(recipe_.batch * (2 * longest_ - 1) * tokens_);
    return 6.0 * static_cast<double>(parameter_count(*network_->dit)) * tokens;
  }

 private:
  Tensor noise(const Tensor& like, const StepPart& part, Purpose purpose) const {
    return normal_noise(like.sizes(), noise_key(recipe_.seed, part, purpose)).to(like.device());
  }

  /// [count, frames]: by clip, exact, one small amount of noise, or independent a frame.
  Tensor history_levels(std::int64_t count, std::int64_t frames, Pcg32& random) const {
    Tensor levels = at::ones({count, frames});
    auto cell = levels.accessor<float, 2>();
    for (std::int64_t b = 0; b < count; ++b) {
      const double kind = random.uniform(), amount = settings_.history_noise * random.uniform();
      for (std::int64_t t = 0; t < frames; ++t) {
        const double own = random.uniform();
        if (kind < settings_.free_history) {
          cell[b][t] = static_cast<float>(own);
        } else if (kind >= settings_.free_history + settings_.clean_history) {
          cell[b][t] = static_cast<float>(1.0 - amount);
        }
      }
    }
    return levels;
  }

  void arrange(const Tensor& x, const Tensor& eps, const Tensor& level, const Tensor& history_level,
               const StepPart& part, DitInput& input, FrameLayout& layout) const {
    const std::int64_t window = x.size(1), past = network_->dit->config().past_frames;
    const Tensor z = diffusion_->noised(x, eps, level);
    for (std::int64_t t = 0; t < window; ++t) layout.times.push_back(t);
    if (!history_level.defined()) {
      layout.history = window;
      input.z = z;
      input.level = level;
      Dit::set_past(input, z, level, past);
      return;
    }
    layout.times.insert(layout.times.begin(), layout.times.begin(), layout.times.end() - 1);
    layout.history = window - 1;
    const Tensor clean = x.slice(1, 0, window - 1);
    const Tensor history = diffusion_->noised(clean, noise(clean, part, kHistoryNoise), history_level);
    // A target's past is the history's, not the other targets'. The last frame of the extended history is never seen.
    Dit::set_past(input, at::cat({history, history.slice(1, 0, 1)}, 1),
                  at::cat({history_level, history_level.slice(1, 0, 1)}, 1), past);
    input.past = at::cat({input.past.slice(1, 0, window - 1), input.past}, 1);
    input.past_level = at::cat({input.past_level.slice(1, 0, window - 1), input.past_level}, 1);
    input.z = at::cat({history, z}, 1);
    input.level = at::cat({history_level, level}, 1);
  }

  void condition(const ClipBatch& batch, const FrameLayout& layout, Pcg32& random, DitInput& input) const {
    const torch::NoGradGuard no_grad;
    const auto count = static_cast<std::int64_t>(batch.captions.size());
    input.text = text_->forward(tokenize(*tokenizer_, batch.captions, text_->config().context).to(default_device()));
    const Tensor all = (batch.controls - control_mean_) / control_std_;
    // A latent that stands for several frames is told the controls of the last of them.
    const Tensor by_latent = all.slice(1, temporal_ - 1, all.size(1), temporal_);
    input.controls =
        by_latent.index_select(1, at::tensor(at::ArrayRef<std::int64_t>(layout.times))).to(default_device());
    input.keep_text = at::ones({count});
    input.keep_controls = at::ones({count});
    for (std::int64_t b = 0; b < count; ++b) {
      if (random.uniform() < settings_.drop) input.keep_text[b] = 0.0;
      if (random.uniform() < settings_.drop) input.keep_controls[b] = 0.0;
    }
    input.keep_text = input.keep_text.to(default_device());
    input.keep_controls = input.keep_controls.to(default_device());
  }

  StepLoss weigh(const Tensor& x, const Tensor& eps, const Tensor& level, const Tensor& answer, const Tensor& middle,
                 const Tensor& states) {
    const Tensor change = at::diff(x, 1, 1).pow(2).mean(2, true).clamp_max(1.0);
    const Tensor motion = 1.0 + settings_.motion_weight * at::cat({at::zeros_like(change.slice(1, 0, 1)), change}, 1);
    const Tensor error = (answer - diffusion_->target(x, eps, level)).pow(2);
    const Tensor denoise = (error * motion * beside(diffusion_->weight(level), x)).mean();
    const Tensor scale = at::tensor(std::vector<float>{1, 1, 1, 5, 5, 5, 5});
    const Tensor truth = (states.slice(1, temporal_ - 1, states.size(1), temporal_) / scale).to(x.device());
    const Tensor present = truth.slice(-1, 0, 1);
    const Tensor off = (network_->head->forward(middle) - truth).abs();
    const Tensor state = off.slice(-1, 0, 1).mean() + (off.slice(-1, 1) * present).sum() / (6 * present.sum() + 1);
    return {denoise + settings_.state_weight * state,
            {{"denoise", denoise}, {"states", state}, {"plain_mse", error.detach().mean()}}};
  }

  const Recipe& recipe_;
  const ClipSource& source_;
  TrainingSettings settings_;
  std::shared_ptr<TextTower> text_;
  std::unique_ptr<Tokenizer> tokenizer_;
  std::unique_ptr<LatentCache> latents_;
  std::int64_t temporal_ = 1, tokens_ = 0, longest_ = 0;
  Tensor control_mean_, control_std_;
  DiffusionConfig diffusion_config_;
  RolloutConfig rollout_config_;
  std::unique_ptr<Diffusion> diffusion_;
  std::shared_ptr<DitAndHead> network_;
};

}  // namespace

std::unique_ptr<Stage> make_dit_stage(const StageInput& input) { return std::make_unique<DitStage>(input); }

}  // namespace bitemark::model
