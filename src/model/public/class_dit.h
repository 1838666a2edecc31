// The class-conditional image DiT as published (Peebles and Xie 2022; facebookresearch/DiT, models.py), under its
// public parameter names, so that its weights can be read and its pictures' latents drawn.
#pragma once

#include <memory>
#include <vector>

#include "model/weights.h"

namespace bitemark::model {

struct ClassDitConfig {
  std::int64_t input_size = 32;  ///< latents a side
  std::int64_t patch = 2;
  std::int64_t channels = 4;
  std::int64_t width = 1152;
  std::int64_t depth = 28;
  std::int64_t heads = 16;
  std::int64_t classes = 1000;  ///< one more row in the table stands for "no class"
};

class ClassDitBlock;

/// Parameters: pos_embed, x_embedder.proj, t_embedder.mlp.{0,2}, y_embedder.embedding_table, blocks.N.{attn.{qkv,proj},
/// mlp.{fc1,fc2}, adaLN_modulation.1}, final_layer.{linear, adaLN_modulation.1}.
class ClassDit : public torch::nn::Module {
 public:
  explicit ClassDit(const ClassDitConfig& config);
  const ClassDitConfig& config() const { return config_; }
  /// x: [B, C, n, n]; t: [B], index of the noise, 0 = almost clean .. 999; y: int64 [B] -> [B, 2 C, n, n], eps and
  /// where the variance lies.
  Tensor forward(const Tensor& x, const Tensor& t, const Tensor& y);
  /// The published guidance: of the noise, only the first three channels are guided (models.py, forward_with_cfg: kept
  /// there "for exact reproducibility", and so here). x: [B, C, n, n] -> [B, 2 C, n, n].
  Tensor guided(const Tensor& x, const Tensor& t, const Tensor& y, double scale);

 private:
  ClassDitConfig config_;
  Tensor pos_embed_;
  torch::nn::Conv2d patches_{nullptr};
  torch::nn::Sequential level_, modulation_;
  torch::nn::Embedding classes_{nullptr};
  torch::nn::Linear head_{nullptr};
  std::vector<std::shared_ptr<ClassDitBlock>> blocks_;
};

/// Fixed 2-D sin-cos positions: [n * n, width]; the first half of the width tells the column (models.py puts w first).
Tensor sincos_positions(std::int64_t width, std::int64_t n);

/// Sizes are told by the weights; heads by the published widths (S 6, B 12, L 16, XL 16), or by `heads` where it is not
/// 0. Throws InputError.
std::shared_ptr<ClassDit> read_class_dit(const std::filesystem::path& path, std::int64_t heads);

}  // namespace bitemark::model
