#include "model/dit_block.h"

#include <cmath>

#include "base/error.h"

namespace bitemark::model {
namespace {

constexpr double kEpsilon = 1e-6;

/// softmax over the history's keys and the own frame's keys together, without a square matrix over both copies.
/// q: [B, H, nT*S, hd]; own k, v the same; history k, v: [B, H, nH*S, hd]; mask: [nT*S, nH*S] or undefined.
Tensor attend_history_and_self(const Tensor& q, const Tensor& k, const Tensor& v, const Tensor& history_k,
                               const Tensor& history_v, const Tensor& mask, std::int64_t tokens) {
  const std::int64_t batch = q.size(0), heads = q.size(1), rows = q.size(2), width = q.size(3);
  const Tensor scaled = q * (1.0 / std::sqrt(static_cast<double>(width)));
  const auto by_frame = [&](const Tensor& t) { return t.reshape({batch * heads * (rows / tokens), tokens, width}); };
  Tensor far = at::matmul(scaled, history_k.transpose(-2, -1));
  if (mask.defined()) far = far + mask;
  const Tensor near = at::bmm(by_frame(scaled), by_frame(k).transpose(1, 2)).view({batch, heads, rows, tokens});
  const Tensor weights = at::softmax(at::cat({far, near}, -1), -1);
  const std::int64_t split = far.size(-1);
  const Tensor near_weights = weights.slice(-1, split).reshape({batch * heads * (rows / tokens), tokens, tokens});
  return at::matmul(weights.slice(-1, 0, split), history_v) +
         at::bmm(near_weights, by_frame(v)).view({batch, heads, rows, width});
}

}  // namespace

Tensor plain_norm(const Tensor& x) { return at::layer_norm(x, {x.size(-1)}, {}, {}, kEpsilon); }

Tensor modulate(const Tensor& x, const Tensor& shift, const Tensor& scale) {
  return at::addcmul(shift.unsqueeze(2), plain_norm(x), 1.0 + scale.unsqueeze(2));
}

DitBlock::DitBlock(const DitConfig& config, std::int64_t index)
    : heads_(config.heads),
      spacetime_(index % config.spacetime_every == config.spacetime_every - 1),
      reads_text_(index % config.text_every == 0),
      qk_norm_(config.qk_norm) {
  const std::int64_t d = config.width;
  const std::int64_t hidden = (8 * d / 3 + 31) / 32 * 32;  // SwiGLU with the parameters of a 4 d GELU layer
  bias_ = register_parameter("modulation", at::zeros({6 * d}));
  qkv_ = register_module("qkv", torch::nn::Linear(torch::nn::LinearOptions(d, 3 * d).bias(false)));
  proj_ = register_module("proj", torch::nn::Linear(d, d));
  w12_ = register_module("w12", torch::nn::Linear(d, 2 * hidden));
  w3_ = register_module("w3", torch::nn::Linear(hidden, d));
  if (qk_norm_) {
    q_scale_ = register_parameter("q_norm", at::ones({d / heads_}));
    k_scale_ = register_parameter("k_norm", at::ones({d / heads_}));
  }
  if (!reads_text_) return;
  text_q_ = register_module("text_q", torch::nn::Linear(d, d));
  text_kv_ = register_module("text_kv", torch::nn::Linear(config.text_width, 2 * d));
  text_proj_ = register_module("text_proj", torch::nn::Linear(d, d));
  const torch::NoGradGuard no_grad;
  text_proj_->weight.zero_();
  text_proj_->bias.zero_();
}

Tensor DitBlock::forward(const Tensor& x, const Tensor& modulation, BlockContext& context, std::vector<FrameKv>& kept) {
  const auto m = (modulation + bias_).chunk(6, -1);  // shift, scale, gate for attention; the same for the MLP
  Tensor y = at::addcmul(x, self_attention(modulate(x, m[0], m[1]), context, kept), m[2].unsqueeze(2));
  if (reads_text_) y = y + text_attention(plain_norm(y), context);
  const auto gates = w12_(modulate(y, m[3], m[4])).chunk(2, -1);
  return at::addcmul(y, w3_(at::silu(gates[0]) * gates[1]), m[5].unsqueeze(2));
}

Tensor DitBlock::self_attention(const Tensor& x, BlockContext& context, std::vector<FrameKv>& kept) {
  const std::int64_t batch = x.size(0), frames = x.size(1), tokens = x.size(2), d = x.size(3), head = d / heads_;
  const auto parts = qkv_(x).view({batch, frames * tokens, 3, heads_, head}).unbind(2);
  Tensor q = parts[0], k = parts[1];
  if (qk_norm_) {
    q = at::layer_norm(q, {head}, q_scale_, {}, kEpsilon);
    k = at::layer_norm(k, {head}, k_scale_, {}, kEpsilon);
  }
  if (spacetime_)
    kept.push_back(
        {k.slice(1, (frames - 1) * tokens).contiguous(), parts[2].slice(1, (frames - 1) * tokens).contiguous()});
  const Tensor turned_k = rotate(k, context.rope);
  q = rotate(q, context.rope);
  const Tensor out =
      spacetime_ ? across_frames(q, turned_k, parts[2], context) : within_frames(q, turned_k, parts[2], context);
  if (spacetime_) ++context.spacetime_index;
  return proj_(out.view({batch, frames, tokens, d}));
}

Tensor DitBlock::within_frames(const Tensor& q, const Tensor& k, const Tensor& v, const BlockContext& context) const {
  const auto by_frame = [&](const Tensor& t) {
    return t.reshape({-1, context.tokens, heads_, t.size(-1)}).transpose(1, 2).contiguous();
  };
  return attend(by_frame(q), by_frame(k), by_frame(v)).transpose(1, 2).reshape({q.size(0), q.size(1), -1});
}

Tensor DitBlock::across_frames(const Tensor& q, const Tensor& k, const Tensor& v, const BlockContext& context) const {
  const auto by_head = [](const Tensor& t) { return t.transpose(1, 2).contiguous(); };
  const auto flat = [&](const Tensor& t) { return t.transpose(1, 2).reshape({q.size(0), q.size(1), -1}); };
  const Tensor qh = by_head(q), kh = by_head(k), vh = by_head(v);
  if (context.ring != nullptr) {
    if (context.ring->empty()) return flat(attend(qh, kh, vh));
    const Tensor ring_k = by_head(rotate(context.ring->keys(context.spacetime_index), context.ring_rope));
    const Tensor ring_v = by_head(context.ring->values(context.spacetime_index));
    return flat(attend_history_and_self(qh, kh, vh, ring_k, ring_v, {}, context.tokens));
  }
  const std::int64_t rows = context.layout.history * context.tokens;
  const bool targets = rows < q.size(1);
  if (rows == 0) return within_frames(q, k, v, context);
  const auto history = [&](const Tensor& t) { return t.slice(2, 0, rows); };
  const auto target = [&](const Tensor& t) { return t.slice(2, rows); };
  const Tensor first = attend(history(qh), history(kh), history(vh), context.history_mask);
  if (!targets) return flat(first);
  const Tensor second = attend_history_and_self(target(qh), target(kh), target(vh), history(kh), history(vh),
                                                context.target_mask, context.tokens);
  return flat(at::cat({first, second}, 2));
}

Tensor DitBlock::text_attention(const Tensor& x, const BlockContext& context) {
  const std::int64_t batch = x.size(0), d = x.size(3), head = d / heads_, length = context.text_tokens.size(1);
  const auto kv = text_kv_(context.text_tokens).view({batch, length, 2, heads_, head}).unbind(2);
  const Tensor q = text_q_(x).view({batch, -1, heads_, head}).transpose(1, 2);
  const Tensor out = attend(q, kv[0].transpose(1, 2), kv[1].transpose(1, 2), context.text_mask);
  return text_proj_(out.transpose(1, 2).reshape(x.sizes()));
}

}  // namespace bitemark::model
