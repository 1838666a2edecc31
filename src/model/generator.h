// A checkpoint as a generator of videos: frame by frame, with bounded memory.
#pragma once

#include <deque>
#include <memory>
#include <vector>

#include "episode/conditioning.h"
#include "model/checkpoint.h"
#include "model/diffusion.h"

namespace bitemark::model {

class Generator {
 public:
  Generator(const Checkpoint& checkpoint, const RolloutConfig& rollout);
  /// The continuation: frame_count less the context. Bits depend on the request and the seed, not on other takes.
  /// Thread-safe. Another size than the checkpoint's is scaled on the way in and out.
  std::vector<Frame> run(const Conditioning& request) const;

 private:
  /// [1, T, C, h, w] for the context; undefined without one.
  Tensor encode(const Conditioning& request) const;
  std::vector<Frame> decode(const Tensor& latents, std::size_t context, int width, int height) const;

  std::shared_ptr<Vae> vae_;
  std::shared_ptr<Dit> dit_;
  std::shared_ptr<TextTower> text_;
  Tokenizer tokenizer_;
  Diffusion diffusion_;
  RolloutConfig rollout_;
  Tensor control_mean_, control_std_;
  std::int64_t width_ = 0, height_ = 0;
};

/// The history of one rollout under one set of conditions: ring of keys and values, and the latest latents.
class HistoryStream {
 public:
  HistoryStream(Dit& dit, const RolloutConfig& rollout, DitInput conditions, Tensor controls);
  /// The network's answer for the next frame. z: [1, 1, C, h, w].
  Tensor answer(const Tensor& z, double level) const;
  /// Takes `latent`, as seen at `level`, into the history, and moves on by one frame.
  void append(const Tensor& latent, double level);

 private:
  DitInput input_at(const Tensor& z, double level) const;
  Dit& dit_;
  DitInput conditions_;
  Tensor controls_;  ///< [1, F, channels]
  KvRing ring_;
  std::deque<Tensor> latest_;  ///< latest first
  double latest_level_ = 0;
  std::int64_t frame_ = 0;
};

}  // namespace bitemark::model
