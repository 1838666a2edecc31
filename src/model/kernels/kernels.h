// The inner loops that LibTorch 1.13 is slow at on a CPU, compiled for three instruction sets and chosen at run time.
// Plain float arrays; no library inside, so that nothing of another instruction set can leak out at link time.
#pragma once

#include <cstdint>

namespace bitemark::model {

/// Which keys a tile of queries sees: the first `prefix` ones and, when it lies beyond them, the block
/// [own, own + own_count).
struct VisibleKeys {
  std::int64_t prefix = 0, own = 0, own_count = 0;
};

/// One head of one batch row, packed. `width` is the head's, `padded` the same rounded up to kLane; rows beyond `keys`
/// exist up to a multiple of kLane and hold zeros.
struct PackedHead {
  const float* key_t = nullptr;    ///< [width, key_stride]
  const float* key = nullptr;      ///< [keys, padded]; backward only
  const float* value_t = nullptr;  ///< [width, key_stride]; backward only
  const float* value = nullptr;    ///< [keys, padded]
  std::int64_t keys = 0, key_stride = 0, width = 0, padded = 0;
  bool another_follows = false;  ///< the next head's lie right behind key_t and value: fetched into the cache meanwhile
};

/// Some queries of that head, packed: [rows, padded].
struct QueryTile {
  const float* query = nullptr;  ///< scaled by 1 / sqrt(width)
  std::int64_t rows = 0;
  VisibleKeys sees;
};

struct TileGradients {
  const float* out = nullptr;     ///< gradient of the tile's output, [rows, padded]
  const float* output = nullptr;  ///< the tile's output, `output_stride` floats between rows
  std::int64_t output_stride = 0;
  const float* log_sum = nullptr;  ///< [rows], from the forward pass
  float* query = nullptr;          ///< [rows, padded], of the scaled queries
  float* key = nullptr;            ///< [keys, padded], added to
  float* value = nullptr;          ///< [keys, padded], added to
};

constexpr std::int64_t kLane = 16;  ///< floats that every packed row is a multiple of
/// The right side of a product lies in panels of three lanes, beside eight rows of which the sums of AVX-512 fill the
/// registers; so many panels of four lanes come first that threes divide the rest, where they can.
constexpr std::int64_t wide_panels(std::int64_t lanes) { return lanes % 3 <= lanes / 4 ? lanes % 3 : 0; }
constexpr std::int64_t kWidestPanel = 4 * kLane;
/// Floats of scratch that a tile needs: scores of `rows` queries for `seen` keys, twice for the backward pass.
constexpr std::int64_t score_stride(const VisibleKeys& sees) {
  return (sees.prefix + kLane - 1) / kLane * kLane + (sees.own_count + kLane - 1) / kLane * kLane;
}

/// The left side of a product: element (r, k) is at data[r * row + k * column].
struct LeftSide {
  const float* data = nullptr;
  std::int64_t row = 0, column = 0;
};

/// What is added to a product: rows `stride` apart, 0 where every row is the same; null: nothing.
struct Addend {
  const float* data = nullptr;
  std::int64_t stride = 0;
};

/// [depth, columns], contiguous. `next` (may be null): what is wanted after it and of the same size or more; it is
/// fetched into the cache meanwhile.
struct RightPanel {
  const float* data = nullptr;
  std::int64_t columns = 0;
  const float* next = nullptr;
};

struct Kernels {
  const char* name;
  /// out: [rows, padded] = softmax(query key^T) value; log_sum: [rows]; scores: rows * (score_stride + 1)
  /// floats.
  void (*attend)(const PackedHead& head, const QueryTile& tile, float* out, float* log_sum, float* scores);
  /// scores: rows * (2 * score_stride + 1) floats.
  void (*attend_backward)(const PackedHead& head, const QueryTile& tile, const TileGradients& gradients, float* scores);
  /// out = layer_norm(x) * (1 + scale) + shift over rows of `width`; saves mean and 1 / deviation of each row where
  /// there is room for them (null: there is none).
  void (*norm_modulate)(const float* x, const float* shift, const float* scale, std::int64_t rows, std::int64_t width,
                        float epsilon, float* out, float* mean, float* rstd);
  /// Adds to shift's and scale's gradients [width]; writes x's, added to what else x is charged with (null: nothing).
  void (*norm_modulate_backward)(const float* x, const float* scale, const float* mean, const float* rstd,
                                 const float* grad, const float* beside, std::int64_t rows, std::int64_t width,
                                 float* grad_x, float* grad_shift, float* grad_scale);
  /// out[rows, columns] = left[rows, depth] panel[depth, columns] + addend[rows, columns], which may be out itself;
  /// rows of out lie `stride` apart, columns are at most kWidestPanel and a multiple of kLane.
  void (*multiply)(const LeftSide& left, std::int64_t rows, std::int64_t depth, const RightPanel& panel,
                   const Addend& addend, float* out, std::int64_t stride);
  /// gates: [rows, 2 width], out = silu(first half) * second half: [rows, width].
  void (*swiglu)(const float* gates, std::int64_t rows, std::int64_t width, float* out);
  void (*swiglu_backward)(const float* gates, const float* grad, std::int64_t rows, std::int64_t width,
                          float* grad_gates);
  /// One token's heads, [heads, 2 pairs]: (first half + i second half) * (cosine + i sine), [pairs].
  void (*rotate)(const float* x, const float* cosine, const float* sine, std::int64_t heads, std::int64_t pairs,
                 float* out);
  /// rotate(layer_norm(a head) * scale), scale: [2 pairs].
  void (*norm_rotate)(const float* x, const float* scale, const float* cosine, const float* sine, std::int64_t heads,
                      std::int64_t pairs, float epsilon, float* out);
  /// Adds to scale's gradient; writes x's.
  void (*norm_rotate_backward)(const float* x, const float* scale, const float* cosine, const float* sine,
                               const float* grad, std::int64_t heads, std::int64_t pairs, float epsilon, float* grad_x,
                               float* grad_scale);
  /// Of x + a gate over rows of `width`: a's gradient, and what is added to gate's [width].
  void (*gate_backward)(const float* a, const float* gate, const float* grad, std::int64_t rows, std::int64_t width,
                        float* grad_a, float* grad_gate);
  /// to[r, c] = from[r, c] * scale, of [rows, width]; rows lie strides apart.
  void (*scale_rows)(const float* from, std::int64_t from_stride, std::int64_t rows, std::int64_t width, float scale,
                     float* to, std::int64_t to_stride);
  /// Adds the sum of the rows to `sums` [width]; rows lie `stride` apart.
  void (*sum_rows)(const float* from, std::int64_t stride, std::int64_t rows, std::int64_t width, float* sums);
  /// to[c, r] = from[r, c], of [rows, columns]; rows of both lie strides apart.
  void (*transpose)(const float* from, std::int64_t from_stride, std::int64_t rows, std::int64_t columns, float* to,
                    std::int64_t to_stride);
};

/// The best that this processor has, or what ATEN_CPU_CAPABILITY (default, avx2, avx512) pins it to.
const Kernels& kernels();

}  // namespace bitemark::model
