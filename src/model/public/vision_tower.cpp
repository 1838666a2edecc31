#include "model/public/vision_tower.h"

#include <algorithm>
#include <cmath>

namespace bitemark::model {
namespace {

/// Of the pictures that CLIP was trained on, RGB in 0..1 (openai/CLIP, clip.py, _transform).
constexpr float kMean[] = {0.48145466F, 0.4578275F, 0.40821073F};
constexpr float kDeviation[] = {0.26862954F, 0.26130258F, 0.27577711F};

Tensor by_channel(const float (&values)[3], const Tensor& like) {
  return at::tensor(at::ArrayRef<float>(values)).view({1, 3, 1, 1}).to(like.device());
}

/// [B, 3, H, W] -> [B, 3, size, size], the middle of the picture.
Tensor fitted(const Tensor& x, std::int64_t size) {
  namespace F = torch::nn::functional;
  const double scale = static_cast<double>(size) / static_cast<double>(std::min(x.size(2), x.size(3)));
  const auto side = [&](std::int64_t n) {
    return std::max(size, static_cast<std::int64_t>(std::llround(scale * static_cast<double>(n))));
  };
  const Tensor y = F::interpolate(x, F::InterpolateFuncOptions()
                                         .size(std::vector<std::int64_t>{side(x.size(2)), side(x.size(3))})
                                         .mode(torch::kBicubic)
                                         .align_corners(false)
                                         .antialias(true));
  return y.slice(2, (y.size(2) - size) / 2, (y.size(2) - size) / 2 + size)
      .slice(3, (y.size(3) - size) / 2, (y.size(3) - size) / 2 + size)
      .clamp(0.0, 1.0);
}

}  // namespace

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

Tensor VisionTower::embed(const Tensor& frames) {
  const Tensor x = fitted(frames.to(at::kFloat).div(255.0).movedim(-1, 1), config_.size);
  return unit_length(forward((x - by_channel(kMean, x)) / by_channel(kDeviation, x)));
}

}  // namespace bitemark::model
