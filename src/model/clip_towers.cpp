#include "model/clip_towers.h"

#include <limits>

namespace bitemark::model {
namespace {

/// in_proj_weight [3 W, W], in_proj_bias, out_proj: the layout of torch's MultiheadAttention.
class Attention : public torch::nn::Module {
 public:
  Attention(std::int64_t width, std::int64_t heads) : heads_(heads) {
    weight_ = register_parameter("in_proj_weight", at::empty({3 * width, width}));
    bias_ = register_parameter("in_proj_bias", at::zeros({3 * width}));
    out_ = register_module("out_proj", torch::nn::Linear(width, width));
    torch::nn::init::xavier_uniform_(weight_);
  }
  Tensor forward(const Tensor& x, const Tensor& mask) {
    const std::int64_t batch = x.size(0), length = x.size(1), width = x.size(2);
    const auto parts = at::linear(x, weight_, bias_).view({batch, length, 3, heads_, width / heads_}).unbind(2);
    const auto by_head = [](const Tensor& t) { return t.transpose(1, 2); };
    const Tensor out = attend(by_head(parts[0]), by_head(parts[1]), by_head(parts[2]), mask);
    return out_(out.transpose(1, 2).reshape(x.sizes()));
  }

 private:
  std::int64_t heads_;
  Tensor weight_, bias_;
  torch::nn::Linear out_{nullptr};
};

class Mlp : public torch::nn::Module {
 public:
  explicit Mlp(std::int64_t width)
      : fc_(register_module("c_fc", torch::nn::Linear(width, 4 * width))),
        proj_(register_module("c_proj", torch::nn::Linear(4 * width, width))) {}
  Tensor forward(const Tensor& x) {
    const Tensor h = fc_(x);
    return proj_(h * at::sigmoid(1.702 * h));  // QuickGELU
  }

 private:
  torch::nn::Linear fc_{nullptr}, proj_{nullptr};
};

class ResBlock : public torch::nn::Module {
 public:
  ResBlock(std::int64_t width, std::int64_t heads)
      : attention_(register_module("attn", std::make_shared<Attention>(width, heads))),
        ln1_(register_module("ln_1", clip_norm(width))),
        mlp_(register_module("mlp", std::make_shared<Mlp>(width))),
        ln2_(register_module("ln_2", clip_norm(width))) {}
  Tensor forward(const Tensor& x, const Tensor& mask) {
    const Tensor y = x + attention_->forward(ln1_(x), mask);
    return y + mlp_->forward(ln2_(y));
  }

 private:
  std::shared_ptr<Attention> attention_;
  torch::nn::LayerNorm ln1_{nullptr};
  std::shared_ptr<Mlp> mlp_;
  torch::nn::LayerNorm ln2_{nullptr};
};

}  // namespace

torch::nn::LayerNorm clip_norm(std::int64_t width) {
  return torch::nn::LayerNorm(torch::nn::LayerNormOptions({width}).eps(1e-5));
}

Tensor unit_length(const Tensor& x) { return x / x.norm(2, {-1}, true).clamp_min(1e-6); }

ClipTransformer::ClipTransformer(std::int64_t width, std::int64_t depth, std::int64_t heads) {
  for (std::int64_t i = 0; i < depth; ++i) blocks_->push_back(std::make_shared<ResBlock>(width, heads));
  register_module("resblocks", blocks_);
}

Tensor ClipTransformer::forward(const Tensor& x, const Tensor& mask) {
  Tensor y = x;
  for (const auto& block : *blocks_) y = block->as<ResBlock>()->forward(y, mask);
  return y;
}

TextTower::TextTower(const TextConfig& config) : config_(config) {
  token_embedding_ = register_module("token_embedding", torch::nn::Embedding(config.vocabulary, config.width));
  positional_embedding_ =
      register_parameter("positional_embedding", at::empty({config.context, config.width}).normal_(0.0, 0.01));
  transformer_ =
      register_module("transformer", std::make_shared<ClipTransformer>(config.width, config.depth, config.heads));
  ln_final_ = register_module("ln_final", clip_norm(config.width));
  text_projection_ = register_parameter(
      "text_projection",
      at::empty({config.width, config.embedding}).normal_(0.0, 1.0 / std::sqrt(static_cast<double>(config.width))));
  const torch::NoGradGuard no_grad;
  token_embedding_->weight.normal_(0.0, 0.02);
}

TextInput TextTower::forward(const Tensor& tokens) {
  const std::int64_t length = tokens.size(1);
  const double hidden = -std::numeric_limits<float>::infinity();
  const Tensor causal =
      at::full({length, length}, hidden, positional_embedding_.options().requires_grad(false)).triu(1);
  const Tensor x = transformer_->forward(token_embedding_(tokens) + positional_embedding_.slice(0, 0, length), causal);
  TextInput text;
  text.tokens = ln_final_(x);
  const Tensor end = tokens.argmax(1);  // the end token has the largest id
  text.pooled = text.tokens.gather(1, end.view({-1, 1, 1}).expand({-1, 1, x.size(2)})).squeeze(1);
  const Tensor lengths = (end + 1).to(at::kCPU);
  text.lengths.assign(lengths.data_ptr<std::int64_t>(), lengths.data_ptr<std::int64_t>() + lengths.numel());
  return text;
}

Tensor TextTower::embed(const Tensor& tokens) {
  return unit_length(at::matmul(forward(tokens).pooled, text_projection_));
}

ImageTower::ImageTower(const ImageConfig& config) : config_(config) {
  std::int64_t in = 3 * kFrames;
  for (const std::int64_t out : config.channels) {
    convs_->push_back(torch::nn::Conv2d(torch::nn::Conv2dOptions(in, out, 3).stride(2).padding(1)));
    convs_->push_back(torch::nn::ReLU());
    in = out;
  }
  register_module("convs", convs_);
  head_ = register_module("head", torch::nn::Linear(in * 16, config.embedding));  // 4 x 4 places: left and right differ
}

Tensor ImageTower::forward(const Tensor& frames) {
  const Tensor x = at::adaptive_avg_pool2d(convs_->forward(frames.contiguous(at::MemoryFormat::ChannelsLast)), {4, 4});
  return unit_length(head_(x.contiguous().flatten(1)));
}

Tensor three_frames(const Tensor& clips) {
  const std::int64_t length = clips.size(1);
  return at::stack({clips.select(1, 0), clips.select(1, length / 2), clips.select(1, length - 1)}, 1);
}

Tensor tokenize(const Tokenizer& tokenizer, const std::vector<std::string>& captions, std::int64_t length) {
  Tensor tokens = at::zeros({static_cast<std::int64_t>(captions.size()), length}, at::kLong);
  auto* out = tokens.data_ptr<std::int64_t>();
  for (const auto& caption : captions) {
    const auto row = tokenizer.encode_padded(caption, length);
    out = std::copy(row.begin(), row.end(), out);
  }
  return tokens;
}

}  // namespace bitemark::model
