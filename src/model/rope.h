// Rotary positions over time, rows and columns (Su et al. 2021; split by axis as in CogVideoX).
#pragma once

#include <vector>

#include "model/torch_compat.h"

namespace bitemark::model {

/// cos and sin of every token's angles, [F * S, 1, head / 2]; tokens in the order frame, row, column. [B, F * S, 1,
/// head / 2] where each clip has its own times.
struct RopeTable {
  Tensor cos, sin;
};

/// Time base 1e4, space base 1e2; rows and columns are counted from the middle, so that sizes share their centre. A
/// frame's `registers` follow its places and stand in the middle. times: [F] or [B, F].
RopeTable rope_table(const Tensor& times, std::int64_t rows, std::int64_t columns, std::int64_t head_width,
                     const torch::Device& device, std::int64_t registers = 0);
RopeTable rope_table(const std::vector<std::int64_t>& times, std::int64_t rows, std::int64_t columns,
                     std::int64_t head_width, const torch::Device& device, std::int64_t registers = 0);

/// Fixed sines and cosines of row and column, [rows * columns, width]; centred like the rotary positions.
Tensor grid_embedding(std::int64_t rows, std::int64_t columns, std::int64_t width, const torch::Device& device);

/// [..] -> [.., width], cosines first (DiT's timestep embedding; level 1 counts as time 1000).
Tensor level_embedding(const Tensor& level, std::int64_t width);

}  // namespace bitemark::model
