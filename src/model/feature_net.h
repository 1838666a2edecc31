// The network behind FVD-sim: it learned to name the scenario and to tell where the bodies are, and what it needs for
// that (12 numbers a window) are the features.
#pragma once

#include "model/config.h"
#include "model/torch_compat.h"

namespace bitemark::model {

class FeatureNet : public torch::nn::Module {
 public:
  static constexpr std::int64_t kBodies = 4;  ///< bodies a shard tracks
  static constexpr std::int64_t kState = 7;   ///< present, u, v, depth, vx, vy, vz

  explicit FeatureNet(const FeatureConfig& config);
  const FeatureConfig& config() const { return config_; }
  /// frames: [B, window, 3, size, size] in [-1, 1] -> [B, features].
  Tensor features(const Tensor& frames);
  /// From features: logits [B, scenarios] and the states at the window's first and last frame
  /// [B, 2, kBodies, kState].
  Tensor scenario_logits(const Tensor& features) { return scenario_(features); }
  Tensor states(const Tensor& features) { return states_->forward(features).view({-1, 2, kBodies, kState}); }

 private:
  FeatureConfig config_;
  torch::nn::Sequential convs_;
  torch::nn::Linear frame_{nullptr}, features_{nullptr}, scenario_{nullptr};
  torch::nn::Sequential states_;
  torch::nn::GRU gru_{nullptr};
};

/// Windows of config.window frames, every config.stride; a clip that is too short gives none.
/// clip: u8 [T, H, W, 3] -> [N, window, 3, size, size].
Tensor feature_windows(const Tensor& clip, const FeatureConfig& config);

}  // namespace bitemark::model
