// Products of float32 by a processor's tiles of bfloat16 (Intel's AMX): a number is the sum of two of bfloat16, and of
// the four products of their parts that of the two lesser ones is left out. What PyTorch calls float32_matmul_precision
// "high". The parts are rounded to nearest, so the error of a b is at most 3 * 2^-16 of it: 2^-16 for each number's
// third part, 2^-16 for the product of the second ones.
#pragma once

#include <cstdint>

#include "model/kernels/kernels.h"

namespace bitemark::model {

/// Split numbers lie in runs of this many: the greater parts of all, then the lesser ones, in the room that they had.
constexpr std::int64_t kSplitRun = 32;
constexpr std::int64_t in_split_runs(std::int64_t n) { return (n + kSplitRun - 1) / kSplitRun * kSplitRun; }

/// Columns are multiples of kLane. A depth that is none of kSplitRun is filled up with zeros.
struct SplitKernels {
  const char* name;
  /// For the left side: `count` numbers, a multiple of kSplitRun; may be done in place.
  void (*split)(const float* from, std::int64_t count, float* to);
  /// The same of the transpose. from: [depth, columns], rows `stride` apart; to: [columns, in_split_runs(depth)]; sums:
  /// [columns], over the depth.
  void (*split_transpose)(const float* from, std::int64_t stride, std::int64_t depth, std::int64_t columns, float* to,
                          float* sums);
  /// For the right side: a panel [in_split_runs(depth), columns], columns at most kWidestPanel. from: [depth, columns],
  /// rows `stride` apart.
  void (*pack)(const float* from, std::int64_t stride, std::int64_t depth, std::int64_t columns, float* to);
  /// The same from the panel's transpose, [columns, depth].
  void (*pack_transpose)(const float* from, std::int64_t stride, std::int64_t depth, std::int64_t columns, float* to);
  /// As Kernels::multiply, depth a multiple of kSplitRun.
  void (*multiply)(const float* left, std::int64_t rows, std::int64_t depth, const RightPanel& panel, const float* bias,
                   float* out, std::int64_t stride);
};

/// Null where the processor or the system has none, or ATEN_CPU_CAPABILITY pins it to something older.
const SplitKernels* split_kernels();

}  // namespace bitemark::model
