#include "model/dit_block.h"

namespace bitemark::model {
namespace {

constexpr double kEpsilon = 1e-6;

}  // namespace

DitBlock::DitBlock(const DitConfig& config, std::int64_t index)
    : heads_(config.heads),
      spacetime_(index % config.spacetime_every == config.spacetime_every - 1),
      reads_text_(index % config.text_every == 0),
      qk_norm_(config.qk_norm) {
  const std::int64_t d = config.width;
  const std::int64_t hidden = (8 * d / 3 + 31) / 32 * 32;  // SwiGLU with the parameters of a 4 d GELU layer
  bias_ = register_parameter("modulation", at::zeros({6 * d}));
  qkv_ = register_module("qkv", PackedLinear(torch::nn::LinearOptions(d, 3 * d).bias(false)));
  proj_ = register_module("proj", PackedLinear(d, d));
  w12_ = register_module("w12", PackedLinear(d, 2 * hidden));
  w3_ = register_module("w3", PackedLinear(hidden, d));
  if (qk_norm_) {
    q_scale_ = register_parameter("q_norm", at::ones({d / heads_}));
    k_scale_ = register_parameter("k_norm", at::ones({d / heads_}));
  }
  if (!reads_text_) return;
  text_q_ = register_module("text_q", PackedLinear(d, d));
  text_kv_ = register_module("text_kv", PackedLinear(config.text_width, 2 * d));
  text_proj_ = register_module("text_proj", PackedLinear(d, d));
  const torch::NoGradGuard no_grad;
  text_proj_->weight.zero_();
  text_proj_->bias.zero_();
}

Tensor DitBlock::forward(const Tensor& x, const Tensor& modulation, BlockContext& context, std::vector<FrameKv>& kept) {
  const auto m = (modulation + bias_).chunk(6, -1);  // shift, scale, gate for attention; the same for the MLP
  const Branch attention = open_branch(x, m[0], m[1]);
  Tensor y = add_gated(attention.stream, self_attention(attention.input, context, kept), m[2]);
  if (reads_text_) {
    const Branch text = open_branch(y);
    y = text.stream + text_attention(text.input, context);
  }
  const Branch mlp = open_branch(y, m[3], m[4]);
  return add_gated(mlp.stream, w3_(swiglu(w12_(mlp.input))), m[5]);
}

Tensor DitBlock::self_attention(const Tensor& x, BlockContext& context, std::vector<FrameKv>& kept) {
  const std::int64_t batch = x.size(0), frames = x.size(1), tokens = x.size(2), d = x.size(3), head = d / heads_;
  const Tensor qkv = qkv_(x).view({batch, frames * tokens, 3, heads_, head});
  const QueriesKeysValues placed = placed_heads(qkv, context.rope);
  if (spacetime_) {
    const auto of_last_frame = [&](const Tensor& t) { return t.slice(1, (frames - 1) * tokens); };
    const Tensor k = of_last_frame(qkv).select(2, 1);  // before its place
    kept.push_back(
        {qk_norm_ ? at::layer_norm(k.to(k_scale_.scalar_type()), {head}, k_scale_, {}, kEpsilon) : k.contiguous(),
         of_last_frame(placed.v).contiguous()});
  }
  return proj_(attend_over_all(placed.q, placed.k, placed.v, context).view(x.sizes()));
}

QueriesKeysValues DitBlock::placed_heads(const Tensor& qkv, const RopeTable& table) const {
  if (qk_norm_) return norm_rotate(qkv, q_scale_, k_scale_, table);
  const auto parts = qkv.unbind(2);
  return {rotate(parts[0], table), rotate(parts[1], table), parts[2]};
}

Tensor DitBlock::attend_over_all(const Tensor& q, const Tensor& k, const Tensor& v, BlockContext& context) const {
  const Visibility& visibility = spacetime_ ? context.across : context.within;
  const std::size_t index = context.spacetime_index;
  if (spacetime_) ++context.spacetime_index;
  if (!spacetime_ || context.ring == nullptr || context.ring->empty()) return attend_visible(q, k, v, visibility);
  if (c10::GradMode::is_enabled()) {  // what is kept packed carries no gradients
    const Tensor past = rotate(context.ring->keys(index), context.ring_rope);
    return attend_visible(q, at::cat({past, k}, 1), at::cat({context.ring->values(index), v}, 1), visibility);
  }
  SeenKeys& seen = context.ring->seen(index, context.now, context.ring_rope, context.tokens);
  seen.put(k, v, seen.size() - context.tokens);
  return seen.attend(q, visibility);
}

PackedBlock DitBlock::packed() {
  const auto layer = [](PackedLinear& linear) {
    return PackedLayer{linear->packed(), linear->bias.defined() ? linear->bias.data_ptr<float>() : nullptr};
  };
  PackedBlock block;
  block.reaches_back = spacetime_;
  block.modulation = bias_.data_ptr<float>();
  block.qkv = layer(qkv_);
  block.proj = layer(proj_);
  const std::int64_t hidden = w3_->options.in_features();
  const float* biases = w12_->bias.data_ptr<float>();
  block.w1 = {w1_.of(w12_->weight, 0, hidden), biases};
  block.w2 = {w2_.of(w12_->weight, hidden, 2 * hidden), biases + hidden};
  block.w3 = layer(w3_);
  if (qk_norm_) {
    block.q_scale = q_scale_.data_ptr<float>();
    block.k_scale = k_scale_.data_ptr<float>();
  }
  if (!reads_text_) return block;
  block.text_q = layer(text_q_);
  block.text_proj = layer(text_proj_);
  return block;
}

SeenKeys DitBlock::text_keys(const Tensor& tokens) {
  const auto kv = text_kv_(tokens).view({1, tokens.size(1), 2, heads_, -1}).unbind(2);
  SeenKeys keys(tokens.size(1), kv[0]);
  keys.put(kv[0], kv[1], 0);
  return keys;
}

Tensor DitBlock::text_attention(const Tensor& x, const BlockContext& context) {
  const std::int64_t batch = x.size(0), d = x.size(3), head = d / heads_, length = context.text_tokens.size(1);
  const auto kv = text_kv_(context.text_tokens).view({batch, length, 2, heads_, head}).unbind(2);
  const Tensor q = text_q_(x).view({batch, -1, heads_, head});
  return text_proj_(attend_visible(q, kv[0], kv[1], context.text).view(x.sizes()));
}

}  // namespace bitemark::model
