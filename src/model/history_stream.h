// What a rollout knows of the frames before the one that it is making.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>

#include "model/config.h"
#include "model/diffusion.h"
#include "model/dit.h"
#include "model/kv_ring.h"

namespace bitemark::model {

/// What a rollout is told of one latent.
struct LatentTold {
  Tensor controls;  ///< [B, 1, channels], normalised
  Tensor actions;   ///< [B, 1, actions]; undefined = nobody plays
  std::int64_t shot = 0;
};

/// The history of one rollout under one set of conditions: ring of keys and values, and the latest latents. Or of B
/// rollouts side by side that are told of cuts at the same places; gradients flow through what is kept.
class HistoryStream {
 public:
  /// `conditions`: what holds for the whole clip.
  HistoryStream(Dit& dit, const RolloutConfig& rollout, DitInput conditions, bool backwards = false);
  /// The latent that answer() and append() are about. Those that do not lie side by side, or not in the same shot, are
  /// not each other's past.
  void move_to(std::int64_t time, const LatentTold& told);
  /// From now on; a caption that is not `said` is withheld.
  void tell(const TextInput& text, bool said);
  /// The network's answer for this frame. z: [B, 1, C, h, w]; stride: see DitInput.
  Tensor answer(const Tensor& z, double level, double stride = 0) const;
  /// Takes this frame's `latent`, as seen at `level`, into the history. `ahead`: it was given and lies in the future.
  void append(const Tensor& latent, double level, bool ahead = false);
  /// The same of one that was made: at the rollout's history_level and, below 1, with that much `noise`.
  void append_made(const Diffusion& diffusion, const Tensor& latent, const std::function<Tensor()>& noise);
  /// Whether a frame has been taken into it.
  bool begun() const { return !ring_.empty(); }

 private:
  DitInput input_at(const Tensor& z, double level) const;
  FrameLayout layout() const { return {{time_}, {}, 0, backwards_}; }
  Dit& dit_;
  DitInput conditions_;
  KvRing ring_;
  mutable FrameCache cache_;
  std::deque<Tensor> latest_;  ///< latest first
  double latest_level_ = 0, made_level_;
  std::int64_t time_ = 0, shot_ = 0;
  bool backwards_;
};

}  // namespace bitemark::model
