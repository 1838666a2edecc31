#include "model/clip_maker.h"

#include <utility>

namespace bitemark::model {

ClipMaker::ClipMaker(const DitTrainingSettings& settings, const DitConfig& network, std::int64_t temporal,
                     Tensor control_mean, Tensor control_std, std::shared_ptr<TextTower> text, Tokenizer tokenizer)
    : settings_(settings),
      network_(network),
      temporal_(temporal),
      control_mean_(std::move(control_mean)),
      control_std_(std::move(control_std)),
      text_(std::move(text)),
      tokenizer_(std::move(tokenizer)) {}

Clips ClipMaker::clips_of(StepData& data, bool forwards) const {
  Pcg32& random = data.random;
  const ClipBatch& batch = data.batch;
  const std::int64_t window = data.window;
  const Tensor by_time = data.latents.to(default_device());
  Clips clips;
  clips.plain = random.uniform() < settings_.plain && !forwards;
  clips.sequence =
      clips.plain || forwards ? in_time(window) : draw_sequence(settings_.backwards, settings_.between, window, random);
  const auto& times = clips.sequence.times;
  const Tensor change = at::diff(by_time, 1, 1).pow(2).mean(2, true).clamp_max(1.0);
  const Tensor moving = at::cat({at::zeros_like(change.slice(1, 0, 1)), change}, 1);
  clips.x = in_order(by_time, times);
  clips.motion = in_order(1.0 + settings_.motion_weight * moving, times);
  clips.motion.select(1, 0).mul_(settings_.first_weight);
  // A latent that stands for several frames has the states and is told the controls of the last of them.
  const auto of_latents = [&](const Tensor& all) {
    return in_order(all.slice(1, temporal_ - 1, all.size(1), temporal_), times).to(default_device());
  };
  clips.states = of_latents(batch.states);
  clips.controls = of_latents((batch.controls - control_mean_) / control_std_);
  clips.captions = batch.captions;
  if (network_.actions > 0) clips.actions = of_latents(batch.actions);
  clips.played = batch.played;
  if (network_.shots > 1) {
    const Tensor begins = batch.shots.slice(1, 0, batch.shots.size(1), temporal_);  // of a latent's first frame
    clips.shots = in_order(begins, times).to(default_device());
  }
  if (!network_.labels.empty()) clips.label = batch.scenario;
  return clips;
}

DitInput ClipMaker::conditions_of(const Clips& clips, Pcg32& random) const {
  const torch::NoGradGuard no_grad;
  const auto count = static_cast<std::int64_t>(clips.captions.size());
  DitInput input;
  input.text = text_->forward(tokenize(tokenizer_, clips.captions, text_->config().context).to(default_device()));
  input.keep_text = at::ones({count});
  input.keep_controls = at::ones({count});
  input.keep_actions = at::zeros({count});
  if (clips.label.defined()) input.label = clips.label.clone();
  for (std::int64_t b = 0; b < count; ++b) {
    if (random.uniform() < settings_.drop) input.keep_text[b] = 0.0;
    if (random.uniform() < settings_.drop) input.keep_controls[b] = 0.0;
    if (clips.label.defined() && random.uniform() < settings_.label_drop) input.label[b] = -1;
    if (!clips.actions.defined() || clips.played[b].item<float>() < 0.5F) continue;
    if (random.uniform() < settings_.drop) continue;
    // Who plays is not told the camera's path, which says where the actions lead.
    input.keep_actions[b] = 1.0;
    input.keep_controls[b] = 0.0;
  }
  for (Tensor* all : {&input.keep_text, &input.keep_controls, &input.keep_actions, &input.label})
    if (all->defined()) *all = all->to(default_device());
  return input;
}

}  // namespace bitemark::model
