// One block of the diffusion transformer.
#pragma once

#include <utility>
#include <vector>

#include "model/attention.h"
#include "model/blocks_pass.h"
#include "model/dit.h"
#include "model/fused_ops.h"

namespace bitemark::model {

/// What all blocks of one forward pass share.
struct BlockContext {
  std::int64_t tokens = 0;  ///< S, a frame
  RopeTable rope;           ///< of the F frames
  RopeTable ring_rope;      ///< of the ring's frames, where the ring has not used it yet
  std::int64_t now = 0;     ///< the frame's time, when there is a ring
  const KvRing* ring = nullptr;
  std::size_t spacetime_index = 0;  ///< of the next spacetime block
  Visibility within, across;        ///< frames: themselves alone, and what is before them
  Tensor text_tokens;               ///< [B, L, text_width]
  Visibility text;
};

class DitBlock : public torch::nn::Module {
 public:
  DitBlock(const DitConfig& config, std::int64_t index);
  bool reaches_back() const { return spacetime_; }
  /// x: [B, F, S, D]; modulation: [B, F, 6 D], before this block's bias. `kept`: keys and values of the last frame.
  Tensor forward(const Tensor& x, const Tensor& modulation, BlockContext& context, std::vector<FrameKv>& kept);
  /// For a BlocksPass.
  PackedBlock packed();
  bool reads_text() const { return reads_text_; }
  /// Of a caption's tokens [1, L, text_width].
  SeenKeys text_keys(const Tensor& tokens);

 private:
  Tensor self_attention(const Tensor& x, BlockContext& context, std::vector<FrameKv>& kept);
  /// qkv: [B, N, 3, H, head].
  QueriesKeysValues placed_heads(const Tensor& qkv, const RopeTable& table) const;
  /// Over the keys and values here and the ring's. -> [B, N, H * head].
  Tensor attend_over_all(const Tensor& q, const Tensor& k, const Tensor& v, BlockContext& context) const;
  Tensor text_attention(const Tensor& x, const BlockContext& context);

  std::int64_t heads_;
  bool spacetime_, reads_text_, qk_norm_;
  Tensor bias_, q_scale_, k_scale_;
  PackedLinear qkv_{nullptr}, proj_{nullptr}, w12_{nullptr}, w3_{nullptr};
  PackedLinear text_q_{nullptr}, text_kv_{nullptr}, text_proj_{nullptr};
  PackedRows w1_, w2_;  ///< the halves of w12_: what is gated by SiLU, and what it gates
};

}  // namespace bitemark::model
