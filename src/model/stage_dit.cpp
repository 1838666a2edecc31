// Diffusion transformer: clean (or lightly noised, and told so) history beside noisy targets of every frame at once, so
// that each frame of each clip teaches what a rollout asks for; a share of the clips has an independent level a frame.
// Where the recipe asks for it, clips are also made from their end and towards given last frames, steps learn to be
// long, histories are the network's own, and whole rollouts are charged for where they lead.
#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "base/sha256.h"
#include "episode/episode.h"
#include "model/checkpoint.h"
#include "model/clip_maker.h"
#include "model/diffusion.h"
#include "model/dit_clips.h"
#include "model/dit_settings.h"
#include "model/latent_cache.h"
#include "model/noise.h"
#include "model/sampler.h"
#include "model/stage.h"
#include "model/state_head.h"
#include "model/take_over.h"
#include "model/unroll.h"
#include "model/weights.h"

namespace bitemark::model {
namespace {

enum Purpose : std::uint32_t {
  kTargetNoise = 1,
  kHistoryNoise = 2,
  kOwnNoise = 3,
  kStains = 4,
  kUnrolled = 5,
  kUnrolledHistory = 6
};

class DitAndHead : public torch::nn::Module {
 public:
  DitAndHead(const DitConfig& config, const StateHead::Grid& grid)
      : dit(register_module("dit", std::make_shared<Dit>(config))),
        head(register_module("head", std::make_shared<StateHead>(config.width, grid))) {}
  std::shared_ptr<Dit> dit;
  std::shared_ptr<StateHead> head;
};

/// Draws only where there is something to decide, so that a recipe without it keeps its stream.
bool happens(double share, Pcg32& random) { return share > 0 && random.uniform() < share; }

Json member_or_empty(const Recipe& recipe, const char* key) {
  return recipe.more.contains(key) ? recipe.more.at(key) : Json::object();
}

class DitStage final : public Stage {
 public:
  explicit DitStage(const StageInput& input)
      : recipe_(input.recipe), source_(input.source), settings_(dit_training_settings(recipe_)) {
    const Checkpoint parts(input.checkpoint);
    for (const char* part : {"vae", "text"})
      if (!parts.config().contains(part))
        throw InputError(recipe_.file, "/stage",
                         std::string("is dit, which builds on a VAE and a text tower; no checkpoint named with --from "
                                     "has the part ") +
                             part);
    const auto vae = parts.vae();
    const auto text = parts.text();
    temporal_ = vae->config().temporal;
    DitConfig config = dit_config(recipe_.model, recipe_.file, "/model");
    config.latent_channels = vae->config().latent_channels;
    config.text_width = text->config().width;
    std::tie(control_mean_, control_std_) = source_.control_statistics();
    config.controls = control_mean_.size(0);
    diffusion_config_ = diffusion_config(member_or_empty(recipe_, "diffusion"), recipe_.file, "/more/diffusion");
    rollout_config_ = rollout_config(member_or_empty(recipe_, "rollout"), recipe_.file, "/more/rollout");
    diffusion_ = std::make_unique<Diffusion>(diffusion_config_);
    config.learned_variance = diffusion_config_.learned_variance;
    config.orders = settings_.backwards + settings_.between > 0;
    config.shortcut = settings_.shortcut > 0;
    config.actions = source_.has_actions() ? static_cast<std::int64_t>(Actions::width()) : 0;
    if (recipe_.more.contains("label_drop")) config.labels = source_.scenarios();
    if (diffusion_config_.path != "flow" || diffusion_config_.prediction != "x")
      for (const char* member : {"shortcut", "own_history", "unrolled"})
        if (recipe_.more.contains(member))
          throw InputError(recipe_.file, std::string("/more/") + member,
                           "needs the diffusion's path flow and prediction x");
    if (settings_.unrolled > 0 && diffusion_config_.solver == "ancestral")
      throw InputError(recipe_.file, "/more/unrolled", "needs a solver without noise of its own: ddim or dpm++2m");
    const std::int64_t pixels = 8 * config.patch;
    for (const FrameSize& size : source_.sizes()) {
      if (size.width % pixels != 0 || size.height % pixels != 0)
        throw InputError(recipe_.file, "/model/patch",
                         "is " + std::to_string(config.patch) +
                             ", expected one that divides the latents of frames of " + to_text(size) + " pixels");
      tokens_ += static_cast<double>(size.width * size.height) / static_cast<double>(pixels * pixels) /
                 static_cast<double>(source_.sizes().size());
    }
    const FrameSize& first = source_.sizes().front();
    network_ = std::make_shared<DitAndHead>(config, StateHead::Grid{first.height / pixels, first.width / pixels});
    if (starts_from_checkpoint(recipe_)) start_from(parts);
    if (*std::min_element(recipe_.windows.begin(), recipe_.windows.end()) < 2)
      throw InputError(recipe_.file, "/windows", "has 1 frame, expected at least a history of one and a target");
    longest_ = *std::max_element(recipe_.windows.begin(), recipe_.windows.end());
    if (longest_ * temporal_ > source_.longest())
      throw InputError(recipe_.file, "/windows",
                       "has " + std::to_string(longest_) + " latents of " + std::to_string(temporal_) +
                           " frames, expected at most the longest take's " + std::to_string(source_.longest()));
    maker_ =
        std::make_unique<ClipMaker>(settings_, config, temporal_, control_mean_, control_std_, text, parts.tokenizer());
    // Last: it may take minutes.
    latents_ =
        std::make_unique<LatentCache>(input.cache, source_, *vae, sha256_of_file(input.checkpoint / "vae.safetensors"));
  }

  torch::nn::Module& network() override { return *network_; }

  StepData prepare(const StepPart& part) const override {
    StepData data;
    data.random = step_stream(recipe_.seed, part);
    data.window = is_unrolled(part.step)
                      ? longest_
                      : recipe_.windows[data.random.below(static_cast<std::uint32_t>(recipe_.windows.size()))];
    const std::int64_t count = recipe_.batch / recipe_.parts * longest_ / data.window;
    data.drawn = source_.draw(count, data.window * temporal_, data.random);
    for (auto& window : data.drawn) latents_->align(window, data.window);
    data.batch = source_.load(data.drawn, data.window * temporal_, false);
    data.latents = latents_->load(data.drawn, data.window);
    return data;
  }

  StepLoss loss(const StepPart& part, StepData& data) override {
    Pcg32& random = data.random;
    if (is_unrolled(part.step)) return unrolled_loss(part, data);
    const Clips clips = maker_->clips_of(data, false);
    const std::int64_t count = clips.x.size(0), window = clips.x.size(1);
    const bool plain = clips.plain;
    Tensor history_level = plain ? Tensor() : history_levels(count, window - 1, random).to(clips.x.device());
    Noised targets;
    targets.eps = noise(clips.x, part, kTargetNoise);
    const bool stretch = !plain && happens(settings_.shortcut, random);
    if (stretch) {
      draw_strides(count, window, random, targets);
    } else {
      targets.level = training_levels(count * window, random).view({count, window}).to(clips.x.device());
    }
    const DitInput conditions = maker_->conditions_of(clips, random);
    Tensor history = clips.x;
    if (!plain && settings_.worn_history > 0)
      history = worn(clips.x, noise(clips.x.slice(1, 0, 1), part, kStains), settings_.worn_history, random);
    const bool late = static_cast<double>(part.step) >= settings_.own_from * static_cast<double>(recipe_.steps);
    if (late && !plain && happens(settings_.own_history, random))
      std::tie(history, history_level) = own_history(clips, conditions, part, random);

    const FrameLayout layout = layout_of(clips);
    const DitInput input = arrange(conditions, clips, history, history_level, targets, part);
    const Tensor goal =
        stretch ? two_half_steps(input, layout, targets) : diffusion_->target(clips.x, targets.eps, targets.level);
    const DitOutput output = network_->dit->forward(input, layout);
    const std::int64_t first = first_target(layout);
    const Tensor answer = output.answer.slice(1, first);
    StepLoss loss = weigh(clips, goal, targets.level, diffusion_->prediction(answer), output.middle.slice(1, first));
    if (diffusion_config_.learned_variance) {
      const Tensor bound =
          diffusion_->variational_bound(clips.x, input.z.slice(1, first), answer, targets.level).mean();
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
    write_config(checkpoint, {{"sizes", to_json(source_.sizes())},
                              {"dit", to_json(network_->dit->config())},
                              {"diffusion", to_json(diffusion_config_)},
                              {"rollout", to_json(rollout_config_)},
                              {"controls", {{"mean", list(control_mean_)}, {"std", list(control_std_)}}}});
  }

  double flop_per_step() const override {
    const auto tokens = static_cast<double>(recipe_.batch * (2 * longest_ - 1)) * tokens_;
    return 6.0 * static_cast<double>(parameter_count(*network_->dit)) * tokens;
  }

 private:
  void start_from(const Checkpoint& parts) {
    if (!take_over(*parts.dit(), *network_->dit))
      throw InputError(recipe_.file, "/model",
                       "is not the transformer of the checkpoint that training is to start from");
    std::tie(control_mean_, control_std_) = parts.control_statistics();  // the units that it knows
  }

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

  /// The same steps in every run; that share of them, evenly spread.
  bool is_unrolled(std::int64_t step) const {
    const auto so_far = [&](std::int64_t steps) { return std::floor(settings_.unrolled * static_cast<double>(steps)); };
    return so_far(step + 1) > so_far(step);
  }

  StepLoss unrolled_loss(const StepPart& part, StepData& data) {
    const Clips clips = without_cuts(maker_->clips_of(data, true));
    const Stretch stretch = draw_stretch(data.window, settings_.unrolled_frames, data.random);
    Tensor error = at::zeros({}, default_device());
    error.set_requires_grad(true);  // where all clips have cuts
    if (!clips.captions.empty()) {
      const UnrollNoise noises{noise(clips.x, part, kUnrolled), noise(clips.x, part, kUnrolledHistory)};
      error = unrolled_error(unroll(*network_->dit, *diffusion_, rollout_config_,
                                    maker_->conditions_of(clips, data.random), clips, stretch, noises),
                             clips, stretch);
    }
    return {settings_.unrolled_weight * error, {{"unrolled", error}}};
  }

  DitInput arrange(const DitInput& conditions, const Clips& clips, const Tensor& shown, const Tensor& history_level,
                   const Noised& targets, const StepPart& part) const {
    const std::int64_t window = clips.x.size(1), past = network_->dit->config().past_frames;
    const auto& times = clips.sequence.times;
    const Tensor z = diffusion_->noised(clips.x, targets.eps, targets.level);
    DitInput input = conditions;
    input.controls = clips.controls;
    input.actions = clips.actions;
    input.shots = clips.shots;
    if (clips.plain) {
      input.z = z;
      input.level = targets.level;
      Dit::set_past(input, z, targets.level, past, times, clips.shots);
      return input;
    }
    const auto and_history = [&](const Tensor& all) { return at::cat({all.slice(1, 0, window - 1), all}, 1); };
    const Tensor clean = shown.slice(1, 0, window - 1);
    const Tensor history = diffusion_->noised(clean, noise(clean, part, kHistoryNoise), history_level);
    // A target's past is the history's, not the other targets'. The last frame of the extended history is never seen.
    Dit::set_past(input, at::cat({history, history.slice(1, 0, 1)}, 1),
                  at::cat({history_level, history_level.slice(1, 0, 1)}, 1), past, times, clips.shots);
    input.past = and_history(input.past);
    input.past_level = and_history(input.past_level);
    input.controls = and_history(input.controls);
    if (input.actions.defined()) input.actions = and_history(input.actions);
    if (input.shots.defined()) input.shots = and_history(input.shots);
    input.z = at::cat({history, z}, 1);
    input.level = at::cat({history_level, targets.level}, 1);
    if (targets.stride.defined()) input.stride = at::cat({at::zeros_like(history_level), targets.stride}, 1);
    return input;
  }

  /// Strides of 1/8, 1/4, 1/2 and 1, from levels that so many whole strides lead to.
  void draw_strides(std::int64_t count, std::int64_t window, Pcg32& random, Noised& targets) const {
    targets.level = at::zeros({count, window});
    targets.stride = at::zeros({count, window});
    auto level = targets.level.accessor<float, 2>(), stride = targets.stride.accessor<float, 2>();
    for (std::int64_t b = 0; b < count; ++b) {
      for (std::int64_t t = 0; t < window; ++t) {
        const std::uint32_t strides = 1U << random.below(4);
        stride[b][t] = 1.0F / static_cast<float>(strides);
        level[b][t] = static_cast<float>(random.below(strides)) * stride[b][t];
      }
    }
    targets.level = targets.level.to(default_device());
    targets.stride = targets.stride.to(default_device());
  }

  /// Where two steps of half the stride lead, said as the clean latent that one step of the whole stride must be told
  /// (Frans et al. 2024, "One step diffusion via shortcut models", equations 4 and 5; for x-prediction on the flow
  /// path, whose velocity is (x - z) / (1 - tau)). Half of the shortest stride counts as none.
  Tensor two_half_steps(const DitInput& input, const FrameLayout& layout, const Noised& targets) const {
    const torch::NoGradGuard no_grad;
    const std::int64_t first = layout.history;
    const Tensor half = 0.5 * targets.stride;
    const Tensor told = at::where(half < kShortestStride, at::zeros_like(half), half);
    const auto velocity = [&](const Tensor& z, const Tensor& level) {
      DitInput at_level = input;
      at_level.z = at::cat({input.z.slice(1, 0, first), z}, 1);
      at_level.level = at::cat({input.level.slice(1, 0, first), level}, 1);
      at_level.stride = at::cat({input.stride.slice(1, 0, first), told}, 1);
      const Tensor x = network_->dit->forward(at_level, layout).answer.slice(1, first);
      return (x - z) / beside(1.0 - level, z);
    };
    const Tensor z = input.z.slice(1, first);
    const Tensor v1 = velocity(z, targets.level);
    const Tensor v2 = velocity(z + beside(half, z) * v1, targets.level + half);
    return z + beside(1.0 - targets.level, z) * 0.5 * (v1 + v2);
  }

  /// From some frame on, what the network itself makes of the frames before in two steps: a rollout's history has its
  /// maker's faults. Each round makes them again of what the round before made. Said to be at the level that rollouts
  /// tell.
  std::pair<Tensor, Tensor> own_history(const Clips& clips, const DitInput& conditions, const StepPart& part,
                                        Pcg32& random) const {
    const torch::NoGradGuard no_grad;
    const std::int64_t count = clips.x.size(0), window = clips.x.size(1);
    const auto from = static_cast<std::int64_t>(random.below(static_cast<std::uint32_t>(window - 1)));
    const std::int64_t rounds =
        settings_.own_rounds > 1 ? 1 + random.below(static_cast<std::uint32_t>(settings_.own_rounds)) : 1;
    const FrameLayout layout = layout_of(clips);
    const auto levels = [&](std::int64_t frames, double level) {
      return at::full({count, frames}, level, clips.x.options());
    };
    Noised start;
    start.eps = noise(clips.x, part, kOwnNoise);
    start.eps.slice(1, 1).mul_(rollout_config_.temperature);  // as rollouts draw frames after the first
    start.level = levels(window, 0.0);
    Tensor history = clips.x, told = levels(window - 1, 1.0);
    for (std::int64_t round = 0; round < rounds; ++round) {
      DitInput input = arrange(conditions, clips, history, told, start, part);
      const auto answer = [&] { return network_->dit->forward(input, layout).answer.slice(1, layout.history); };
      const Tensor middle = 0.5 * (start.eps + answer());
      input.z = at::cat({input.z.slice(1, 0, layout.history), middle}, 1);
      input.level = at::cat({input.level.slice(1, 0, layout.history), levels(window, 0.5)}, 1);
      history = at::cat({clips.x.slice(1, 0, from), answer().slice(1, from)}, 1);
      told = at::cat({levels(from, 1.0), levels(window - 1 - from, rollout_config_.history_level)}, 1);
    }
    return {history, told};
  }

  StepLoss weigh(const Clips& clips, const Tensor& goal, const Tensor& level, const Tensor& answer,
                 const Tensor& middle) {
    const Tensor error = (answer - goal).pow(2);
    const Tensor denoise = (error * clips.motion * beside(diffusion_->weight(level), goal)).mean();
    const Tensor scale = at::tensor(std::vector<float>{1, 1, 1, 5, 5, 5, 5}).to(goal.device());
    const Tensor truth = clips.states / scale;
    const Tensor present = truth.slice(-1, 0, 1);
    const std::int64_t patch = network_->dit->config().patch;
    const StateHead::Grid grid{clips.x.size(3) / patch, clips.x.size(4) / patch};
    const Tensor off = (network_->head->forward(middle, grid) - truth).abs();
    const Tensor state = off.slice(-1, 0, 1).mean() + (off.slice(-1, 1) * present).sum() / (6 * present.sum() + 1);
    return {denoise + settings_.state_weight * state,
            {{"denoise", denoise}, {"states", state}, {"plain_mse", error.detach().mean()}}};
  }

  const Recipe& recipe_;
  const ClipSource& source_;
  DitTrainingSettings settings_;
  std::unique_ptr<LatentCache> latents_;
  std::int64_t temporal_ = 1, longest_ = 0;
  double tokens_ = 0;  ///< of a frame, mean over the sizes
  Tensor control_mean_, control_std_;
  DiffusionConfig diffusion_config_;
  RolloutConfig rollout_config_;
  std::unique_ptr<Diffusion> diffusion_;
  std::shared_ptr<DitAndHead> network_;
  std::unique_ptr<ClipMaker> maker_;
};

}  // namespace

std::unique_ptr<Stage> make_dit_stage(const StageInput& input) { return std::make_unique<DitStage>(input); }

}  // namespace bitemark::model
