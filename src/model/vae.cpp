#include "model/vae.h"

#include "base/error.h"

namespace bitemark::model {
namespace {

torch::nn::Conv2d conv(std::int64_t in, std::int64_t out, std::int64_t kernel, std::int64_t stride = 1) {
  return torch::nn::Conv2d(torch::nn::Conv2dOptions(in, out, kernel).stride(stride).padding(kernel / 2));
}

Tensor channels_last(const Tensor& x) { return x.contiguous(at::MemoryFormat::ChannelsLast); }

Tensor upsample2(const Tensor& x) {
  return at::upsample_nearest2d(x, {x.size(2) * 2, x.size(3) * 2}, c10::optional<double>(2.0),
                                c10::optional<double>(2.0));
}

constexpr double kLatentLimit = 3.0;

}  // namespace

MemoryBlock::MemoryBlock(std::int64_t channels, bool memory)
    : memory_(memory),
      conv1_(register_module("conv1", conv(memory ? 2 * channels : channels, channels, 3))),
      conv2_(register_module("conv2", conv(channels, channels, 3))),
      conv3_(register_module("conv3", conv(channels, channels, 3))) {
  const torch::NoGradGuard no_grad;
  conv3_->weight.mul_(0.2);  // starts near the identity
  conv3_->bias.zero_();
}

Tensor MemoryBlock::forward(const Tensor& x, std::int64_t frames, Tensor& last) {
  Tensor input = x;
  if (memory_) {
    const Tensor clips = x.view({-1, frames, x.size(1), x.size(2), x.size(3)});
    if (!last.defined()) last = at::zeros_like(clips.select(1, 0));
    const Tensor before = at::cat({last.unsqueeze(1), clips.slice(1, 0, frames - 1)}, 1);
    last = clips.select(1, frames - 1);
    input = channels_last(at::cat({x, before.view(x.sizes())}, 1));
  }
  Tensor y = at::relu(conv1_(input));
  y = at::relu(conv2_(y));
  return at::relu(conv3_(y) + x);
}

Vae::Vae(const VaeConfig& config) : config_(config) {
  const auto& e = config.encoder_channels;
  const auto& d = config.decoder_channels;
  const auto add_conv = [this](auto& list, const char* prefix, std::int64_t in, std::int64_t out, std::int64_t stride) {
    list.push_back(register_module(prefix + std::to_string(list.size()), conv(in, out, 3, stride)));
  };
  const auto add_block = [this](auto& list, const char* prefix, std::int64_t channels, bool memory) {
    list.push_back(
        register_module(prefix + std::to_string(list.size()), std::make_shared<MemoryBlock>(channels, memory)));
  };
  add_conv(encoder_convs_, "encoder_conv", 12, e[0], 1);  // 2 x 2 pixels x RGB
  add_conv(encoder_convs_, "encoder_conv", e[0], e[1], 2);
  add_conv(encoder_convs_, "encoder_conv", e[1], e[2], 2);
  add_conv(encoder_convs_, "encoder_conv", e[2], config.latent_channels, 1);
  for (const auto channels : e) add_block(encoder_blocks_, "encoder_block", channels, config.encoder_memory);
  add_conv(decoder_convs_, "decoder_conv", config.latent_channels, d[0], 1);
  add_conv(decoder_convs_, "decoder_conv", d[0], d[1], 1);
  add_conv(decoder_convs_, "decoder_conv", d[1], d[2], 1);
  add_conv(decoder_convs_, "decoder_conv", d[2], 12, 1);
  for (const auto channels : d) add_block(decoder_blocks_, "decoder_block", channels, config.decoder_memory);
  if (config.temporal > 1) {
    pool_ = register_module("pool", conv(config.temporal * e[2], e[2], 1));
    grow_ = register_module("grow", conv(d[0], config.temporal * d[0], 1));
  }
  latent_mean_ = register_buffer("latent_mean", at::zeros({config.latent_channels}));
  latent_std_ = register_buffer("latent_std", at::ones({config.latent_channels}));
}

Tensor Vae::posterior_mean(const Tensor& frames, StreamState& state) {
  std::int64_t count = frames.size(1);
  BITEMARK_CHECK(count % config_.temporal == 0, std::to_string(count));
  state.resize(encoder_blocks_.size());
  Tensor x = channels_last(at::pixel_unshuffle(frames.flatten(0, 1), 2));
  for (std::size_t level = 0; level < encoder_blocks_.size(); ++level) {
    x = at::relu(encoder_convs_[level](x));
    if (level == 2 && config_.temporal > 1) {
      x = channels_last(pool_(x.reshape({-1, config_.temporal * x.size(1), x.size(2), x.size(3)})));
      count /= config_.temporal;
    }
    x = encoder_blocks_[level]->forward(x, count, state[level]);
  }
  x = encoder_convs_.back()(x);
  x = kLatentLimit * at::tanh(x / kLatentLimit);
  return x.contiguous().view({frames.size(0), count, x.size(1), x.size(2), x.size(3)});
}

Tensor Vae::decode_mean(const Tensor& latents, StreamState& state) {
  std::int64_t count = latents.size(1);
  state.resize(decoder_blocks_.size());
  Tensor x = channels_last(latents.flatten(0, 1));
  for (std::size_t level = 0; level < decoder_blocks_.size(); ++level) {
    if (level > 0) x = upsample2(x);
    x = at::relu(decoder_convs_[level](x));
    if (level == 0 && config_.temporal > 1) {
      x = grow_(x).contiguous();
      x = channels_last(x.view({-1, x.size(1) / config_.temporal, x.size(2), x.size(3)}));
      count *= config_.temporal;
    }
    x = decoder_blocks_[level]->forward(x, count, state[level]);
  }
  x = at::pixel_shuffle(decoder_convs_.back()(x).contiguous(), 2);
  return x.view({latents.size(0), count, 3, x.size(2), x.size(3)});
}

Tensor Vae::normalise(const Tensor& mean) const {
  return (mean - latent_mean_.view({-1, 1, 1})) / latent_std_.view({-1, 1, 1});
}

Tensor Vae::denormalise(const Tensor& latents) const {
  return latents * latent_std_.view({-1, 1, 1}) + latent_mean_.view({-1, 1, 1});
}

void Vae::set_normalisation(const Tensor& mean, const Tensor& std) {
  const torch::NoGradGuard no_grad;
  latent_mean_.copy_(mean);
  latent_std_.copy_(std);
}

Tensor pad_front(const Tensor& frames, std::int64_t temporal) {
  const std::int64_t missing = (temporal - frames.size(1) % temporal) % temporal;
  if (missing == 0) return frames;
  std::vector<Tensor> parts(static_cast<std::size_t>(missing), frames.slice(1, 0, 1));
  parts.push_back(frames);
  return at::cat(parts, 1);
}

Tensor encode_in_pieces(Vae& vae, std::int64_t frames,
                        const std::function<Tensor(std::int64_t begin, std::int64_t end)>& pixels) {
  constexpr std::int64_t kPiece = 24;  // a multiple of every `temporal`
  StreamState state;
  std::vector<Tensor> latents;
  for (std::int64_t begin = 0, end = (frames - 1) % kPiece + 1; begin < frames; begin = end, end += kPiece)
    latents.push_back(vae.encode(pad_front(pixels(begin, end), vae.config().temporal), state));
  return at::cat(latents, 1);
}

Tensor frames_from_bytes(const Tensor& bytes) {
  return bytes.to(at::kFloat).div_(127.5).sub_(1.0).movedim(-1, -3).contiguous();
}

Tensor bytes_from_frames(const Tensor& frames) {
  return frames.movedim(-3, -1).add(1.0).mul(127.5).round().clamp(0, 255).to(at::kByte).contiguous();
}

Tensor resized(const Tensor& frames, std::int64_t height, std::int64_t width) {
  if (frames.size(2) == height && frames.size(3) == width) return frames;
  namespace F = torch::nn::functional;
  return F::interpolate(frames, F::InterpolateFuncOptions()
                                    .size(std::vector<std::int64_t>{height, width})
                                    .mode(torch::kBilinear)
                                    .align_corners(false)
                                    .antialias(true));
}

}  // namespace bitemark::model
