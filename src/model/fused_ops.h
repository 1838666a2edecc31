// What surrounds attention in a block, each as one operation with its gradient: on a CPU by our own kernels (float32),
// elsewhere put together from LibTorch's operations. Both forms are public, and the tests hold one against the other.
#pragma once

#include "model/rope.h"
#include "model/torch_compat.h"

namespace bitemark::model {

/// layer_norm(x) * (1 + scale) + shift, eps 1e-6. x: [B, F, S, D]; shift, scale: [B, F, D].
Tensor norm_modulate(const Tensor& x, const Tensor& shift, const Tensor& scale);
Tensor norm_modulate_plain(const Tensor& x, const Tensor& shift, const Tensor& scale);

/// A branch of a residual block: what it reads, and x, to which its answer is to be added. Taken from here, x's two
/// gradients become one where the first is written; LibTorch would add them up on one thread, in a pass of its own.
struct Branch {
  Tensor input, stream;
};
/// input: norm_modulate(x, shift, scale).
Branch open_branch(const Tensor& x, const Tensor& shift, const Tensor& scale);
/// input: layer_norm(x), eps 1e-6. x: [B, F, S, D].
Branch open_branch(const Tensor& x);

/// x + a * gate. x, a: [B, F, S, D]; gate: [B, F, D].
Tensor add_gated(const Tensor& x, const Tensor& a, const Tensor& gate);
Tensor add_gated_plain(const Tensor& x, const Tensor& a, const Tensor& gate);

/// silu(first half) * second half of the last dimension.
Tensor swiglu(const Tensor& gates);
Tensor swiglu_plain(const Tensor& gates);

/// Rotary positions. x: [B, N, H, head], table of N rows, or of N rows a clip.
Tensor rotate(const Tensor& x, const RopeTable& table);
Tensor rotate_plain(const Tensor& x, const RopeTable& table);

/// What attention reads, [B, N, H, head] each.
struct QueriesKeysValues {
  Tensor q, k, v;
};

/// q and k: rotate(layer_norm(x) * scale) over each head, eps 1e-6; v as it is; all in the scales' type, [head]. qkv:
/// [B, N, 3, H, head]. One operation for all three: their gradients are written where the layer before reads them.
QueriesKeysValues norm_rotate(const Tensor& qkv, const Tensor& q_scale, const Tensor& k_scale, const RopeTable& table);
QueriesKeysValues norm_rotate_plain(const Tensor& qkv, const Tensor& q_scale, const Tensor& k_scale,
                                    const RopeTable& table);

}  // namespace bitemark::model
