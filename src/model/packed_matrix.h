// Matrix products of float32 on a CPU by our kernels. The right side is packed first; a library does that at every
// call, which for 16 rows takes twice as long as the product itself. Where the processor has tiles of bfloat16 both
// sides are split (kernels/split_kernels.h), if depth and columns are multiples of kSplitRun.
#pragma once

#include <cstdint>
#include <cstdlib>
#include <memory>

#include "model/kernels/kernels.h"

namespace bitemark::model {

/// Whole lines of the cache.
struct FreeFloats {
  void operator()(float* floats) const { std::free(floats); }
};
using AlignedFloats = std::unique_ptr<float[], FreeFloats>;
AlignedFloats aligned_floats(std::int64_t count);

/// The right side of products: [depth, columns], in panels.
class PackedMatrix {
 public:
  enum class From { kRows, kTranspose };
  /// from: contiguous, [depth, columns]; or [columns, depth], as linear layers have their weights.
  PackedMatrix(const float* from, From order, std::int64_t depth, std::int64_t columns)
      : PackedMatrix(from, order, depth, columns, splits(depth, columns)) {}
  /// `split`: as splits() says; or, of kRows and with columns a multiple of kSplitRun, whatever the depth.
  PackedMatrix(const float* from, From order, std::int64_t depth, std::int64_t columns, bool split);
  /// Whether such a one is split, and its transpose too.
  static bool splits(std::int64_t depth, std::int64_t columns);
  /// A split one's is a multiple of kSplitRun, filled up with zeros.
  std::int64_t depth() const { return depth_; }
  /// It takes left rows that are split.
  bool split() const { return split_; }
  std::int64_t columns() const { return columns_; }
  std::int64_t panel_count() const;

  /// Columns [first, first + count) of which `lanes` are there: the last panel's may be fewer than its lanes, which are
  /// zero behind them.
  struct Panel {
    std::int64_t first = 0, count = 0, lanes = 0;
    const float* data = nullptr;  ///< [depth, lanes], or what SplitKernels::pack makes of that
  };
  Panel panel(std::int64_t index) const;

 private:
  void pack(const float* from, From order, std::int64_t depth, std::int64_t index);
  std::int64_t wide_panel_count() const;

  std::int64_t depth_, columns_;
  bool split_;
  AlignedFloats data_;
};

/// left[rows, depth] right + bias (may be null); left is split where right wants that. The bits of a row depend neither
/// on the rows beside it nor on how the product is shared.
struct Product {
  const float* left;
  std::int64_t rows;
  const PackedMatrix& right;
  const float* bias;
};

/// The same of a left side as it is. out: [rows, columns], on several threads (helpers.h).
void multiply(const Product& product, float* out);
/// left^T right. left: [depth, rows], depth as `right` was made of, and rows a multiple of kLane where that is split;
/// sums: [rows], of left over its depth.
void multiply_transposed(const float* left, std::int64_t rows, std::int64_t depth, const PackedMatrix& right,
                         float* out, float* sums);

/// Rows [row, row + rows) and columns [column, column + columns) of a product.
struct Tile {
  std::int64_t row, rows, column, columns;
};

/// A product cut into tiles of about equal work, of at most `run` rows: those of a panel follow each other, so that it
/// stays in the cache for them.
class Tiles {
 public:
  Tiles(const Product& product, std::int64_t run);
  std::int64_t count() const { return runs_ * product_.right.panel_count(); }
  Tile at(std::int64_t index) const;
  /// Computes one, while the next one's panel is fetched. out: where its first number goes, rows `stride` apart.
  void multiply(std::int64_t index, float* out, std::int64_t stride) const;
  /// Fetches what one needs into the second-level cache, while something else goes on.
  void fetch(std::int64_t index) const;

 private:
  Product product_;
  std::int64_t run_, runs_;
};

}  // namespace bitemark::model
