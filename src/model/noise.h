// Noise without a hidden state: what is drawn depends on the key alone, on no other draw, thread or batch.
#pragma once

#include <array>
#include <cstdint>

#include "model/torch_compat.h"

namespace bitemark::model {

/// Philox4x32-10 (Salmon et al. 2011, "Parallel random numbers: as easy as 1, 2, 3"): 128 random bits from a counter
/// and a key.
std::array<std::uint32_t, 4> philox(std::array<std::uint32_t, 4> counter, std::array<std::uint32_t, 2> key);

/// What a draw is for. Two keys that differ anywhere give independent noise.
struct NoiseKey {
  std::uint64_t seed = 0;
  std::uint32_t frame = 0;  ///< of the rollout, or the step of a training run
  std::uint32_t step = 0;   ///< of the sampler, or the purpose of the draw in a training run
};

/// Standard normal float32 on the CPU, Box-Muller.
Tensor normal_noise(at::IntArrayRef shape, const NoiseKey& key);

}  // namespace bitemark::model
