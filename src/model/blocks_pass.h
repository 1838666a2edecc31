// A clip through the transformer's blocks without gradients, in float32 on a CPU: what rollouts and evaluations ask for
// thousands of times. The same numbers as DitBlock::forward, which takes everything else, up to rounding. A team of
// threads shares each operation: heads and frames in attention, tiles in products (as tensor parallelism among devices,
// Shoeybi et al. 2019, section 3), so that each reads its part of the weights and keys alone.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "model/kv_ring.h"
#include "model/packed_linear.h"

namespace bitemark::model {

/// A linear layer: packed weights, and the bias (null: none).
struct PackedLayer {
  std::shared_ptr<const PackedMatrix> weights;
  const float* bias = nullptr;
};

/// What the pass needs of a block. Lives no longer than the block, and until its weights change.
struct PackedBlock {
  bool reaches_back = false;                           ///< attention is across frames
  const float* modulation = nullptr;                   ///< [6 width], this block's own
  PackedLayer qkv, proj, w1, w2, w3;                   ///< w1's answer goes through SiLU and times w2's
  const float *q_scale = nullptr, *k_scale = nullptr;  ///< [head]; null: queries and keys are not normed
  PackedLayer text_q, text_proj;                       ///< without weights: it reads no text
};

/// One clip: what it is told and sees, and where the pass leaves what it makes.
struct BlocksPass {
  std::int64_t frames = 0, tokens = 0, width = 0, heads = 0;  ///< tokens: a frame's
  std::vector<PackedBlock> blocks;
  Tensor x;                                     ///< [frames * tokens, width], in place
  Tensor modulation;                            ///< [frames, 6 width]
  RopeTable rope;                               ///< [frames * tokens, 1, head / 2]
  std::vector<VisibleKeys> across;              ///< by frame, what it sees in blocks that reach back
  const KvRing* ring = nullptr;                 ///< made ready for the one frame; null: it sees the clip alone
  RopeTable ring_rope;                          ///< of the ring's frames, where it is not filled yet; else undefined
  const std::vector<SeenKeys>* text = nullptr;  ///< the caption's keys and values, by the blocks that read them
  std::int64_t text_length = 0;                 ///< of them that are seen

  std::vector<FrameKv> kept;  ///< out: the last frame's own, by the blocks that reach back
  Tensor middle;              ///< out: x at half depth
};

/// On `threads` threads; bits do not depend on how many.
void run(BlocksPass& pass, int threads);

}  // namespace bitemark::model
