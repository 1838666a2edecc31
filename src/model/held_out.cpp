#include "model/held_out.h"

#include <cmath>
#include <numeric>

#include "base/interrupt.h"
#include "base/parallel.h"
#include "model/noise.h"

namespace bitemark::model {
namespace {

/// Latents of a window; the encoder has seen the take from its first frame on, as in training.
Tensor encoded(Vae& vae, const Tensor& take, std::int64_t start, std::int64_t latents) {
  const std::int64_t temporal = vae.config().temporal;
  StreamState state;
  const Tensor frames = frames_from_bytes(take.slice(0, 0, start + latents * temporal).unsqueeze(0));
  const Tensor all = vae.encode(pad_front(frames.to(default_device()), temporal), state);
  return all.slice(1, all.size(1) - latents);  // the first latent is padded, the last ends with the window
}

/// The take's clean history once, then all of its frames as targets at each level.
struct Arrangement {
  DitInput input;
  FrameLayout layout;
  std::vector<Tensor> noisy;  ///< by level
};

Arrangement arranged(const DitConfig& config, const Diffusion& diffusion, const HeldOutTake& take) {
  const Tensor& x = take.latents;
  const std::int64_t length = x.size(1);
  Arrangement all;
  std::vector<std::int64_t> times(static_cast<std::size_t>(length));
  std::iota(times.begin(), times.end(), 0);
  const bool played = config.actions > 0 && take.actions.defined();
  Dit::set_past(all.input, x, at::ones({1, length}, x.options()), config.past_frames, times,
                config.shots > 1 ? take.shots : Tensor());
  const auto history = [&](const Tensor& t) { return t.slice(1, 0, length - 1); };
  std::vector<Tensor> z{history(x)}, level{at::ones({1, length - 1}, x.options())};
  std::vector<Tensor> past{history(all.input.past)}, past_level{history(all.input.past_level)};
  std::vector<Tensor> controls{history(take.controls)}, shots{history(take.shots)}, actions;
  if (played) actions.push_back(history(take.actions));
  all.layout.times.assign(times.begin(), times.end() - 1);
  all.layout.history = length - 1;
  const auto& levels = held_out_levels();
  for (std::size_t i = 0; i < levels.size(); ++i) {
    const Tensor noise = normal_noise(x.sizes(), {seed_from_text(take.name), static_cast<std::uint32_t>(i), 0});
    level.push_back(at::full({1, length}, levels[i], x.options()));
    all.noisy.push_back(diffusion.noised(x, noise.to(x.device()), level.back()));
    z.push_back(all.noisy.back());
    past.push_back(all.input.past);
    past_level.push_back(all.input.past_level);
    controls.push_back(take.controls);
    shots.push_back(take.shots);
    if (played) actions.push_back(take.actions);
    all.layout.times.insert(all.layout.times.end(), times.begin(), times.end());
  }
  all.layout.order = all.layout.times;
  all.input.z = at::cat(z, 1);
  all.input.level = at::cat(level, 1);
  all.input.past = at::cat(past, 1);
  all.input.past_level = at::cat(past_level, 1);
  all.input.controls = at::cat(controls, 1);
  all.input.shots = at::cat(shots, 1);
  if (played) all.input.actions = at::cat(actions, 1);
  all.input.text = take.text;
  all.input.keep_text = all.input.keep_actions = at::ones({1}, x.options());
  all.input.keep_controls = played ? at::zeros({1}, x.options()) : at::ones({1}, x.options());
  return all;
}

}  // namespace

std::vector<HeldOutTake> prepare_held_out(const ClipSource& source, const std::vector<ClipWindow>& windows,
                                          std::int64_t latents, const DitSurroundings& around) {
  const torch::NoGradGuard no_grad;
  const std::int64_t temporal = around.vae.config().temporal;
  std::vector<HeldOutTake> takes;
  for (const auto& window : windows) {
    stop_if_interrupted();
    const ClipBatch batch = source.load({window}, latents * temporal);
    HeldOutTake take;
    take.scenario = source.scenarios()[static_cast<std::size_t>(batch.scenario[0].item<std::int64_t>())];
    take.name = source.shard_name(window.shard) + "/" + std::to_string(window.row) + "/" + std::to_string(window.start);
    take.frames = batch.frames[0];
    take.latents = encoded(around.vae, source.shard_frames(window.shard)[window.row], window.start, latents);
    const Tensor controls = (batch.controls - around.control_mean) / around.control_std;
    // A latent that stands for several frames is told the controls of the last of them.
    const auto of_latents = [&](const Tensor& all, std::int64_t which) {
      return all.slice(1, which, all.size(1), temporal).to(take.latents.device());
    };
    take.controls = of_latents(controls, temporal - 1);
    if (batch.played.item<float>() > 0) take.actions = of_latents(batch.actions, temporal - 1);
    take.shots = of_latents(batch.shots, 0);
    take.text = around.text.forward(
        tokenize(around.tokenizer, batch.captions, around.text.config().context).to(take.latents.device()));
    takes.push_back(std::move(take));
  }
  return takes;
}

const std::vector<double>& held_out_levels() {
  static const std::vector<double> levels{0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9};
  return levels;
}

std::vector<double> denoising_error(Dit& dit, const Diffusion& diffusion, const HeldOutTake& take) {
  const torch::NoGradGuard no_grad;
  const std::int64_t length = take.latents.size(1);
  const Arrangement all = arranged(dit.config(), diffusion, take);
  const Tensor answer = dit.forward(all.input, all.layout).answer;
  std::vector<double> errors;
  for (std::size_t i = 0; i < all.noisy.size(); ++i) {
    const std::int64_t first = length - 1 + static_cast<std::int64_t>(i) * length;
    const Tensor level = all.input.level.slice(1, first, first + length);
    const Tensor clean = diffusion.denoised(answer.slice(1, first, first + length), all.noisy[i], level).clean;
    errors.push_back((clean - take.latents).slice(1, 1).to(at::kDouble).pow(2).mean().item<double>());
  }
  return errors;
}

MeanAndError mean_and_error(const std::vector<double>& values) {
  const auto count = static_cast<double>(values.size());
  MeanAndError result;
  result.mean = std::accumulate(values.begin(), values.end(), 0.0) / count;
  double squares = 0;
  for (const double value : values) squares += (value - result.mean) * (value - result.mean);
  if (values.size() > 1) result.error = std::sqrt(squares / (count - 1) / count);
  return result;
}

std::vector<std::vector<double>> held_out_errors(Dit& dit, const Diffusion& diffusion,
                                                 const std::vector<HeldOutTake>& takes, int threads) {
  std::vector<std::vector<double>> errors(takes.size());
  const int previous = at::get_num_threads();
  parallel_for(takes.size(), default_device().is_cpu() ? threads : 1, [&](std::size_t i) {
    stop_if_interrupted();
    at::set_num_threads(1);
    errors[i] = denoising_error(dit, diffusion, takes[i]);
  });
  at::set_num_threads(previous);
  return errors;
}

}  // namespace bitemark::model
