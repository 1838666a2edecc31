// CLIP's image tower, a vision transformer under OpenAI's public names (Radford et al. 2021, section 2.4).
#pragma once

#include <memory>

#include "model/clip_towers.h"

namespace bitemark::model {

/// Parameters: conv1.weight, class_embedding, positional_embedding, ln_pre, transformer.resblocks.N, ln_post, proj.
class VisionTower : public torch::nn::Module {
 public:
  explicit VisionTower(const VisionConfig& config);
  const VisionConfig& config() const { return config_; }
  /// pixels: [B, 3, size, size], normalised as CLIP's preprocessing does -> [B, embedding].
  Tensor forward(const Tensor& pixels);

 private:
  VisionConfig config_;
  torch::nn::Conv2d conv1_{nullptr};
  Tensor class_embedding_, positional_embedding_, proj_;
  torch::nn::LayerNorm ln_pre_{nullptr}, ln_post_{nullptr};
  std::shared_ptr<ClipTransformer> transformer_;
};

}  // namespace bitemark::model
