// Samples side by side: one array a coordinate, so that the compiler computes several of them with one instruction.
// Each sample goes through the same operations in the same order as it would alone: the bits are the same.
#pragma once

#include <array>

#include "sim/vec.h"

namespace bitemark::sim {

/// Compiled once more for wider registers, and chosen when the program is loaded: more samples an instruction. The
/// operations and their order are the same and multiply-add is not among them, so the bits are the same. Sanitizers
/// cannot run so early.
#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__) && !defined(__SANITIZE_ADDRESS__) && \
    !defined(__SANITIZE_THREAD__)
#define BITEMARK_WIDE __attribute__((target_clones("default", "avx2")))
#else
#define BITEMARK_WIDE
#endif

constexpr int kLanes = 64;

struct alignas(64) Lanes {
  std::array<float, kLanes> value;
  float& operator[](int i) { return value[static_cast<std::size_t>(i)]; }
  float operator[](int i) const { return value[static_cast<std::size_t>(i)]; }
};

struct Lanes3 {
  Lanes x, y, z;
  V3 at(int i) const { return {x[i], y[i], z[i]}; }
  void set(int i, V3 v) { x[i] = v.x, y[i] = v.y, z[i] = v.z; }
};

}  // namespace bitemark::sim
