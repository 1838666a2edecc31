// Streaming causal video VAE: two-dimensional convolutions only (three-dimensional ones with few channels are 5 to 8
// times slower a FLOP on a CPU); time enters through blocks that see their own input one frame earlier, as in TAEHV.
// The posterior has one fixed standard deviation, so that its KL term is the squared mean.
#pragma once

#include <functional>
#include <memory>
#include <vector>

#include "model/config.h"
#include "model/torch_compat.h"

namespace bitemark::model {

/// What a block remembers between calls; one entry a block, undefined before the first frame.
using StreamState = std::vector<Tensor>;

/// ReLU(conv3(ReLU(conv3(ReLU(conv3([x, x one frame earlier]))))) + x). Without memory: of x alone.
class MemoryBlock : public torch::nn::Module {
 public:
  MemoryBlock(std::int64_t channels, bool memory);
  /// x: [B*T, C, H, W], frames of one clip together. `last`: [B, C, H, W] or undefined; replaced by the last frame.
  Tensor forward(const Tensor& x, std::int64_t frames, Tensor& last);

 private:
  bool memory_;
  torch::nn::Conv2d conv1_{nullptr}, conv2_{nullptr}, conv3_{nullptr};
};

class Vae : public torch::nn::Module {
 public:
  explicit Vae(const VaeConfig& config);
  const VaeConfig& config() const { return config_; }

  /// Posterior mean in the VAE's own units, |mean| < 3. frames: [B, T, 3, H, W] in [-1, 1], T a multiple of
  /// config().temporal, H and W of 8 -> [B, T / temporal, C, H/8, W/8]. `state` carries a clip over several calls.
  Tensor posterior_mean(const Tensor& frames, StreamState& state);
  /// Inverse. Values may leave [-1, 1] a little.
  Tensor decode_mean(const Tensor& latents, StreamState& state);

  /// The diffusion's latents: zero mean and unit variance in each channel over the training set.
  Tensor encode(const Tensor& frames, StreamState& state) { return normalise(posterior_mean(frames, state)); }
  Tensor decode(const Tensor& latents, StreamState& state) { return decode_mean(denormalise(latents), state); }
  Tensor normalise(const Tensor& mean) const;
  Tensor denormalise(const Tensor& latents) const;
  /// mean, std: [C].
  void set_normalisation(const Tensor& mean, const Tensor& std);

 private:
  VaeConfig config_;
  torch::nn::Conv2d pool_{nullptr}, grow_{nullptr};
  std::vector<std::shared_ptr<MemoryBlock>> encoder_blocks_, decoder_blocks_;
  std::vector<torch::nn::Conv2d> encoder_convs_, decoder_convs_;
  Tensor latent_mean_, latent_std_;
};

/// Front padding by repeating the first frame, to a multiple of `temporal`. frames: [B, T, ...].
Tensor pad_front(const Tensor& frames, std::int64_t temporal);

/// [1, T', C, h, w] of `frames` frames, padded at the front: a piece at a time, so that memory grows by the latents
/// alone. pixels(begin, end): [1, end - begin, 3, H, W] in [-1, 1].
Tensor encode_in_pieces(Vae& vae, std::int64_t frames,
                        const std::function<Tensor(std::int64_t begin, std::int64_t end)>& pixels);

/// u8 [.., H, W, 3] -> float [.., 3, H, W] in [-1, 1], and back with rounding and clamping.
Tensor frames_from_bytes(const Tensor& bytes);
Tensor bytes_from_frames(const Tensor& frames);
/// [N, C, H, W] -> [N, C, height, width], bilinear and without aliasing.
Tensor resized(const Tensor& frames, std::int64_t height, std::int64_t width);

}  // namespace bitemark::model
