// CLIP: a text tower with the public names (OpenAI's), and a small image tower that teaches it what captions mean and
// then says how well a clip fits one.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "model/config.h"
#include "model/dit.h"
#include "model/tokenizer.h"
#include "model/torch_compat.h"

namespace bitemark::model {

/// Pre-norm transformer under CLIP's names, "resblocks.N": multi-head attention, QuickGELU.
class ClipTransformer : public torch::nn::Module {
 public:
  ClipTransformer(std::int64_t width, std::int64_t depth, std::int64_t heads);
  /// x: [B, L, width]; mask: [L, L], added to the logits, or undefined.
  Tensor forward(const Tensor& x, const Tensor& mask = {});

 private:
  torch::nn::ModuleList blocks_;
};

torch::nn::LayerNorm clip_norm(std::int64_t width);  ///< eps 1e-5
Tensor unit_length(const Tensor& x);                 ///< over the last dimension

/// Parameters named as in OpenAI's CLIP: token_embedding, positional_embedding, transformer.resblocks.N, ln_final,
/// text_projection.
class TextTower : public torch::nn::Module {
 public:
  explicit TextTower(const TextConfig& config);
  const TextConfig& config() const { return config_; }
  /// tokens: int64 [B, context], 0 after the end token (the largest id).
  TextInput forward(const Tensor& tokens);
  /// The caption in the space shared with frames, [B, embedding], unit length.
  Tensor embed(const Tensor& tokens);

 private:
  TextConfig config_;
  torch::nn::Embedding token_embedding_{nullptr};
  Tensor positional_embedding_, text_projection_;
  std::shared_ptr<ClipTransformer> transformer_;
  torch::nn::LayerNorm ln_final_{nullptr};
};

/// Three frames of a clip, stacked on channels -> [B, embedding], unit length.
class ImageTower : public torch::nn::Module {
 public:
  static constexpr std::int64_t kFrames = 3;
  explicit ImageTower(const ImageConfig& config);
  const ImageConfig& config() const { return config_; }
  /// frames: [B, kFrames * 3, H, W] in [-1, 1].
  Tensor forward(const Tensor& frames);

 private:
  ImageConfig config_;
  torch::nn::Sequential convs_;
  torch::nn::Linear head_{nullptr};
};

/// The frames of a clip that the image tower sees: first, middle and last. clips: [B, T, ...] -> [B, kFrames, ...].
Tensor three_frames(const Tensor& clips);

/// int64 [captions.size(), length].
Tensor tokenize(const Tokenizer& tokenizer, const std::vector<std::string>& captions, std::int64_t length);

}  // namespace bitemark::model
