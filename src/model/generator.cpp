#include "model/generator.h"

#include <cstring>

#include "base/error.h"
#include "model/noise.h"
#include "model/sampler.h"

namespace bitemark::model {
namespace {

/// `step` of a NoiseKey.
enum Purpose : std::uint32_t { kStart = 0, kHistory = 1, kFirstStep = 2 };

Tensor resized(const Tensor& frames, std::int64_t height, std::int64_t width) {
  if (frames.size(2) == height && frames.size(3) == width) return frames;
  namespace F = torch::nn::functional;
  return F::interpolate(frames, F::InterpolateFuncOptions()
                                    .size(std::vector<std::int64_t>{height, width})
                                    .mode(torch::kBilinear)
                                    .align_corners(false)
                                    .antialias(true));
}

/// u8 [T, H, W, 3].
Tensor bytes_of(const std::vector<Frame>& frames) {
  Tensor bytes =
      at::empty({static_cast<std::int64_t>(frames.size()), frames.front().height, frames.front().width, 3}, at::kByte);
  auto* out = bytes.data_ptr<std::uint8_t>();
  for (const auto& frame : frames) out = std::copy(frame.rgb.begin(), frame.rgb.end(), out);
  return bytes;
}

}  // namespace

HistoryStream::HistoryStream(Dit& dit, const RolloutConfig& rollout, DitInput conditions, Tensor controls)
    : dit_(dit),
      conditions_(std::move(conditions)),
      controls_(std::move(controls)),
      ring_(rollout.window, rollout.sinks) {}

DitInput HistoryStream::input_at(const Tensor& z, double level) const {
  DitInput input = conditions_;
  input.z = z;
  std::vector<Tensor> past;
  for (std::int64_t back = 0; back < dit_.config().past_frames; ++back)
    past.push_back(back < static_cast<std::int64_t>(latest_.size()) ? latest_[static_cast<std::size_t>(back)]
                                                                    : at::zeros_like(z));
  input.past = past.empty() ? z.slice(2, 0, 0) : at::cat(past, 2);
  input.level = at::full({1, 1}, level, z.options());
  input.past_level = at::full({1, 1}, latest_level_, z.options());
  input.controls = controls_.slice(1, frame_, frame_ + 1);
  return input;
}

Tensor HistoryStream::answer(const Tensor& z, double level) const {
  return dit_.forward(input_at(z, level), {}, &ring_).answer;
}

void HistoryStream::append(const Tensor& latent, double level) {
  ring_.push(dit_.forward(input_at(latent, level), {}, &ring_).frame);
  latest_.push_front(latent);
  if (static_cast<std::int64_t>(latest_.size()) > dit_.config().past_frames) latest_.pop_back();
  latest_level_ = level;
  ++frame_;
}

Generator::Generator(const Checkpoint& checkpoint, const RolloutConfig& rollout)
    : vae_(checkpoint.vae()),
      dit_(checkpoint.dit()),
      text_(checkpoint.text()),
      tokenizer_(checkpoint.tokenizer()),
      diffusion_(checkpoint.diffusion()),
      rollout_(rollout) {
  std::tie(control_mean_, control_std_) = checkpoint.control_statistics();
  std::tie(width_, height_) = checkpoint.size();
}

Tensor Generator::encode(const Conditioning& request) const {
  if (request.context.empty()) return {};
  StreamState state;
  const Tensor frames =
      resized(frames_from_bytes(bytes_of(request.context).to(default_device())), height_, width_).unsqueeze(0);
  return vae_->encode(pad_front(frames, vae_->config().temporal), state);
}

std::vector<Frame> Generator::run(const Conditioning& request) const {
  const torch::NoGradGuard no_grad;
  const torch::Device device = default_device();
  const std::int64_t temporal = vae_->config().temporal;
  const auto frames = static_cast<std::int64_t>(request.frame_count);
  const auto context_frames = static_cast<std::int64_t>(request.context.size());
  const std::int64_t pad = (temporal - context_frames % temporal) % temporal;
  const std::int64_t total = (pad + frames + temporal - 1) / temporal;

  const Tensor context = encode(request);
  const std::int64_t known = context.defined() ? context.size(1) : 0;
  // A latent that stands for several frames is told the controls of the last of them.
  const Tensor last = (at::arange(total) * temporal + (temporal - 1 - pad)).clamp(0, frames - 1);
  const Tensor raw = at::tensor(request.controls.values).view({frames, -1}).index_select(0, last);
  const Tensor controls = ((raw - control_mean_) / control_std_).unsqueeze(0).to(device);

  DitInput conditions;
  conditions.text = text_->forward(tokenize(tokenizer_, {request.caption}, text_->config().context).to(device));
  conditions.keep_text = conditions.keep_controls = at::ones({1}, device);
  std::vector<HistoryStream> streams;
  streams.emplace_back(*dit_, rollout_, conditions, controls);
  if (rollout_.guidance != 1.0) {
    conditions.keep_text = conditions.keep_controls = at::zeros({1}, device);
    streams.emplace_back(*dit_, rollout_, conditions, controls);
  }

  std::vector<Tensor> latents;
  const std::vector<std::int64_t> shape{1, 1, vae_->config().latent_channels, height_ / 8, width_ / 8};
  for (std::int64_t n = 0; n < total; ++n) {
    const auto frame = static_cast<std::uint32_t>(n);
    Tensor latent;
    if (n < known) {
      latent = context.slice(1, n, n + 1);
      for (auto& stream : streams) stream.append(latent, 1.0);
    } else {
      const auto denoise = [&](const Tensor& z, double level) {
        return guided(
            streams[0].answer(z, level), [&] { return streams[1].answer(z, level); }, rollout_.guidance);
      };
      const auto noise = [&](std::uint32_t purpose) {
        return normal_noise(shape, {request.seed, frame, purpose}).to(device);
      };
      latent = sample(diffusion_, diffusion_.config().solver, noise(kStart), rollout_.steps, denoise,
                      [&](std::int64_t step) { return noise(kFirstStep + static_cast<std::uint32_t>(step)); });
      const Tensor level = at::full({1, 1}, rollout_.history_level, device);
      const Tensor seen = rollout_.history_level >= 1.0 ? latent : diffusion_.noised(latent, noise(kHistory), level);
      if (n + 1 < total)
        for (auto& stream : streams) stream.append(seen, rollout_.history_level);
    }
    latents.push_back(latent);
  }
  auto answer =
      decode(at::cat(latents, 1), static_cast<std::size_t>(pad + context_frames), request.width, request.height);
  answer.resize(static_cast<std::size_t>(frames - context_frames));
  return answer;
}

std::vector<Frame> Generator::decode(const Tensor& latents, std::size_t context, int width, int height) const {
  StreamState state;
  std::vector<Frame> frames;
  std::size_t index = 0;
  for (std::int64_t n = 0; n < latents.size(1); ++n) {
    const Tensor decoded = vae_->decode(latents.slice(1, n, n + 1), state)[0];
    const Tensor bytes = bytes_from_frames(resized(decoded, height, width)).to(at::kCPU);
    for (std::int64_t t = 0; t < bytes.size(0); ++t, ++index) {
      if (index < context) continue;
      Frame frame(width, height);
      std::memcpy(frame.rgb.data(), bytes[t].data_ptr<std::uint8_t>(), frame.rgb.size());
      frames.push_back(std::move(frame));
    }
  }
  return frames;
}

}  // namespace bitemark::model
