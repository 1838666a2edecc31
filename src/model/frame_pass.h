// One frame through the transformer's blocks as a rollout asks for it thousands of times: one clip, float32 on a CPU,
// no gradients. The same numbers as DitBlock::forward, which takes everything else, up to rounding. A team of threads
// shares each operation: heads in attention, tiles in products (tensor parallelism, Shoeybi et al. 2019, section 3), so
// that each reads its part of the weights and of the keys alone; what is small is computed by each for itself.
#pragma once

#include <cstdint>
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
  bool reaches_back = false;            ///< to the ring's frames
  const float* modulation = nullptr;    ///< [6 width], this block's own
  PackedLayer qkv, proj, w12, w3;
  const float *q_scale = nullptr, *k_scale = nullptr;  ///< [head]; null: queries and keys are not normed
  PackedLayer text_q, text_proj;        ///< without weights: it reads no text
};

/// What the frame is told and sees, and where the pass leaves what it makes.
struct FramePass {
  std::int64_t tokens = 0, width = 0, heads = 0;
  std::vector<PackedBlock> blocks;
  Tensor x;                          ///< [tokens, width]: the tokens, in place
  Tensor modulation;                 ///< [6 width]
  RopeTable rope;                    ///< [tokens, 1, head / 2]
  RopeTable ring_rope;               ///< of the ring's frames, where the ring has not used it yet; else undefined
  const KvRing* ring = nullptr;
  const std::vector<SeenKeys>* text = nullptr;  ///< the caption's keys and values, by the blocks that read them
  std::int64_t text_length = 0;      ///< of them that are seen
  std::vector<FrameKv> kept;         ///< out: the frame's own, by the blocks that reach back
};

/// On `threads` threads; bits do not depend on how many.
void run(FramePass& pass, int threads);

}  // namespace bitemark::model
