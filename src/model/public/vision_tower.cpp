#include "model/public/vision_tower.h"

namespace bitemark::model {
VisionTower::VisionTower(const VisionConfig& config) : config_(config) {
  const std::int64_t grid = config.size / config.patch;
  conv1_ = register_module(
      "conv1",
      torch::nn::Conv2d(torch::nn::Conv2dOptions(3, config.width, config.patch).stride(config.patch).bias(false)));
  class_embedding_ = register_parameter("class_embedding", at::zeros({config.width}));
  positional_embedding_ = register_parameter("positional_embedding", at::zeros({grid * grid + 1, config.width}));
  ln_pre_ = register_module("ln_pre", clip_norm(config.width));
  transformer_ =
      register_module("transformer", std::make_shared<ClipTransformer>(config.width, config.depth, config.heads));
  ln_post_ = register_module("ln_post", clip_norm(config.width));
  proj_ = register_parameter("proj", at::zeros({config.width, config.embedding}));
}

Tensor VisionTower::forward(const Tensor& pixels) {
  const Tensor patches = conv1_(pixels).flatten(2).transpose(1, 2);  // [B, grid^2, width]
  const Tensor first = class_embedding_.expand({pixels.size(0), 1, config_.width});
  const Tensor x = ln_pre_(at::cat({first, patches}, 1) + positional_embedding_);
  return at::matmul(ln_post_(transformer_->forward(x).select(1, 0)), proj_);
}

}  // namespace bitemark::model
