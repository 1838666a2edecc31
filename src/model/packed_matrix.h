// Matrix products of float32 on a CPU by our kernels. The right side is packed first; a library does that at every
// call, which for 16 rows takes twice as long as the product itself.
#pragma once

#include <cstdint>
#include <memory>

#include "model/kernels/kernels.h"

namespace bitemark::model {

/// The right side of products: [depth, columns], in panels.
class PackedMatrix {
 public:
  /// The transpose of `from`, [columns, depth], which is how linear layers have their weights.
  PackedMatrix(const float* from, std::int64_t depth, std::int64_t columns);
  std::int64_t depth() const { return depth_; }
  std::int64_t columns() const { return columns_; }
  std::int64_t panel_count() const;

  /// Columns [first, first + count) of which `lanes` are there: the last panel's may be fewer than its lanes, which are
  /// zero behind them.
  struct Panel {
    std::int64_t first = 0, count = 0, lanes = 0;
    const float* data = nullptr;  ///< [depth, lanes]
  };
  Panel panel(std::int64_t index) const;

 private:
  std::int64_t depth_, columns_;
  std::unique_ptr<float[]> data_;
};

/// out[rows, columns] = left[rows, depth] right + bias (may be null), on as many threads as LibTorch may use. The bits
/// of a row depend neither on the rows beside it nor on the number of threads.
void multiply(const float* left, std::int64_t rows, const PackedMatrix& right, const float* bias, float* out);

}  // namespace bitemark::model
