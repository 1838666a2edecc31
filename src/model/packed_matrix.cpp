#include "model/packed_matrix.h"

#include <algorithm>
#include <functional>
#include <vector>

#include "base/error.h"
#include "model/helpers.h"
#include "model/kernels/split_kernels.h"

namespace bitemark::model {
namespace {

constexpr std::int64_t kRun = 192;  ///< rows that a thread takes at a time

std::int64_t lanes_of(std::int64_t columns) { return (columns + kLane - 1) / kLane; }

/// A panel's columns for some rows; addend: of the panel's first column.
void multiply_run(const LeftSide& left, std::int64_t rows, std::int64_t depth, const PackedMatrix::Panel& panel,
                  const float* next, const Addend& addend, float* out, std::int64_t stride) {
  const RightPanel columns{panel.data, panel.lanes, next};
  if (panel.count == panel.lanes) return kernels().multiply(left, rows, depth, columns, addend, out, stride);
  // The lanes behind the last column have no place in the result.
  std::vector<float> room(static_cast<std::size_t>(rows * panel.lanes));
  kernels().multiply(left, rows, depth, columns, {}, room.data(), panel.lanes);
  for (std::int64_t r = 0; r < rows; ++r) {
    const float* sums = room.data() + r * panel.lanes;
    for (std::int64_t c = 0; c < panel.count; ++c)
      out[r * stride + c] = addend.data == nullptr ? sums[c] : sums[c] + addend.data[r * addend.stride + c];
  }
}

/// The same where the right side may be split; bias: of all columns.
void multiply_run(const float* left, std::int64_t rows, std::int64_t depth, bool split,
                  const PackedMatrix::Panel& panel, const float* next, const float* bias, float* out,
                  std::int64_t stride) {
  const float* of_panel = bias == nullptr ? nullptr : bias + panel.first;
  if (!split) return multiply_run({left, depth, 1}, rows, depth, panel, next, {of_panel, 0}, out, stride);
  split_kernels()->multiply(left, rows, depth, {panel.data, panel.lanes, next}, of_panel, out, stride);
}

/// The left side is ready.
void multiply_prepared(const Product& product, float* out) {
  const Tiles tiles(product, kRun);
  const std::int64_t stride = product.right.columns();
  for_shares(tiles.count(), 1, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i) {
      const Tile tile = tiles.at(i);
      tiles.multiply(i, out + tile.row * stride + tile.column, stride);
    }
  });
}

/// Writes a left side's rows [first, first + rows) taken apart.
using TakeApart = std::function<void(std::int64_t first, std::int64_t rows, float* to)>;

/// Rows of a left side that are taken apart together: their parts stay in the second-level cache until all panels have
/// met them. Whole tiles, equally many for each thread.
std::int64_t rows_together(std::int64_t rows, std::int64_t depth) {
  constexpr std::int64_t kFloats = 1 << 16;
  const std::int64_t most = std::clamp(kFloats / depth / kLane * kLane, kLane, kRun), threads = sharing_threads();
  const std::int64_t shares = ((rows + most - 1) / most + threads - 1) / threads * threads;
  return ((rows + shares - 1) / shares + kLane - 1) / kLane * kLane;
}

/// Each thread takes some rows and leads them past the whole right side: for a left side that is much the larger one
/// and would not stay in the cache.
void multiply_by_rows(const Product& product, const TakeApart& take_apart, float* out) {
  const PackedMatrix& right = product.right;
  const std::int64_t depth = right.depth(), stride = right.columns(), run = rows_together(product.rows, depth);
  for_shares((product.rows + run - 1) / run, 1, [&](std::int64_t begin, std::int64_t end) {
    const AlignedFloats parts = aligned_floats(run * depth);
    for (std::int64_t first = begin * run; first < std::min(end * run, product.rows); first += run) {
      const std::int64_t rows = std::min(run, product.rows - first);
      take_apart(first, rows, parts.get());
      for (std::int64_t i = 0; i < right.panel_count(); ++i) {
        const PackedMatrix::Panel panel = right.panel(i);
        multiply_run(parts.get(), rows, depth, true, panel, nullptr, product.bias, out + first * stride + panel.first,
                     stride);
      }
    }
  });
}

void multiply_taken_apart(const Product& product, const TakeApart& take_apart, float* out) {
  if (product.rows >= 2 * product.right.columns()) return multiply_by_rows(product, take_apart, out);
  const std::int64_t depth = product.right.depth();
  const AlignedFloats parts = aligned_floats(product.rows * depth);
  for_shares((product.rows + kLane - 1) / kLane, 4, [&](std::int64_t begin, std::int64_t end) {
    const std::int64_t first = begin * kLane;
    take_apart(first, std::min(end * kLane, product.rows) - first, parts.get() + first * depth);
  });
  multiply_prepared({parts.get(), product.rows, product.right, product.bias}, out);
}

/// left^T right of numbers as they are: each thread takes some rows and adds to them, a stretch of the depth at a time,
/// whose panels and left side stay in the second-level cache.
void multiply_transposed_by_stretches(const float* left, std::int64_t rows, std::int64_t depth,
                                      const PackedMatrix& right, float* out, float* sums) {
  constexpr std::int64_t kStretch = 512;
  const std::int64_t threads = sharing_threads(), stride = right.columns();
  const std::int64_t shares = ((rows + kRun - 1) / kRun + threads - 1) / threads * threads;
  const std::int64_t run = ((rows + shares - 1) / shares + kLane - 1) / kLane * kLane;
  for_shares((rows + run - 1) / run, 1, [&](std::int64_t begin, std::int64_t end) {
    const AlignedFloats part = aligned_floats(run * kStretch);
    for (std::int64_t first = begin * run; first < std::min(end * run, rows); first += run) {
      const std::int64_t count = std::min(run, rows - first);
      std::fill_n(sums + first, count, 0.0F);
      for (std::int64_t k = 0; k < depth; k += kStretch) {
        const std::int64_t length = std::min(kStretch, depth - k);
        const float* from = left + k * rows + first;
        for (std::int64_t i = 0; i < length; ++i) std::copy_n(from + i * rows, count, part.get() + i * count);
        kernels().sum_rows(part.get(), count, length, count, sums + first);
        for (std::int64_t i = 0; i < right.panel_count(); ++i) {
          PackedMatrix::Panel panel = right.panel(i);
          panel.data += k * panel.lanes;
          float* to = out + first * stride + panel.first;
          multiply_run({part.get(), 1, count}, count, length, panel, nullptr, {k == 0 ? nullptr : to, stride}, to,
                       stride);
        }
      }
    }
  });
}

}  // namespace

AlignedFloats aligned_floats(std::int64_t count) {
  constexpr std::size_t kLine = 64;
  const std::size_t bytes = static_cast<std::size_t>(count) * sizeof(float);
  AlignedFloats floats(static_cast<float*>(std::aligned_alloc(kLine, (bytes + kLine - 1) / kLine * kLine)));
  if (floats == nullptr) throw std::bad_alloc();
  return floats;
}

PackedMatrix::PackedMatrix(const float* from, From order, std::int64_t depth, std::int64_t columns, bool split)
    : depth_(depth), columns_(columns), split_(split) {
  if (split_) depth_ = in_split_runs(depth);
  data_ = aligned_floats(lanes_of(columns) * kLane * depth_);
  for_shares(panel_count(), 1, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i) pack(from, order, depth, i);
  });
}

bool PackedMatrix::splits(std::int64_t depth, std::int64_t columns) {
  return split_kernels() != nullptr && depth % kSplitRun == 0 && columns % kSplitRun == 0;
}

void PackedMatrix::pack(const float* from, From order, std::int64_t depth, std::int64_t index) {
  const Panel p = panel(index);
  float* to = data_.get() + p.first * depth_;
  const bool rows = order == From::kRows;
  if (split_ && rows) return split_kernels()->pack(from + p.first, columns_, depth, p.count, to);
  if (split_) return split_kernels()->pack_transpose(from + p.first * depth, depth, depth, p.count, to);
  if (!rows) kernels().transpose(from + p.first * depth, depth, p.count, depth, to, p.lanes);
  for (std::int64_t k = 0; k < depth; ++k, to += p.lanes) {
    if (rows) std::copy_n(from + k * columns_ + p.first, p.count, to);
    std::fill_n(to + p.count, p.lanes - p.count, 0.0F);
  }
}

std::int64_t PackedMatrix::wide_panel_count() const {
  const std::int64_t lanes = lanes_of(columns_);
  return split_ ? lanes / 4 : wide_panels(lanes);
}

std::int64_t PackedMatrix::panel_count() const {
  const std::int64_t wide = wide_panel_count();
  return wide + (lanes_of(columns_) - 4 * wide + 2) / 3;
}

PackedMatrix::Panel PackedMatrix::panel(std::int64_t index) const {
  const std::int64_t wide = wide_panel_count();
  Panel panel;
  panel.first = (std::min(index, wide) * 4 + std::max<std::int64_t>(index - wide, 0) * 3) * kLane;
  panel.count = std::min((index < wide ? 4 : 3) * kLane, columns_ - panel.first);
  panel.lanes = lanes_of(panel.count) * kLane;
  panel.data = data_.get() + panel.first * depth_;
  return panel;
}

Tiles::Tiles(const Product& product, std::int64_t run)
    : product_(product), run_(run), runs_((product.rows + run - 1) / run) {}

Tile Tiles::at(std::int64_t index) const {
  const std::int64_t first = index % runs_ * run_;
  const PackedMatrix::Panel panel = product_.right.panel(index / runs_);
  return {first, std::min(run_, product_.rows - first), panel.first, panel.count};
}

void Tiles::multiply(std::int64_t index, float* out, std::int64_t stride) const {
  const PackedMatrix& right = product_.right;
  const std::int64_t i = index / runs_, run = index % runs_, first = run * run_;
  const PackedMatrix::Panel panel = right.panel(i);
  const bool fetches = run + 1 == runs_ && i + 1 < right.panel_count() && right.panel(i + 1).lanes >= panel.lanes;
  multiply_run(product_.left + first * right.depth(), std::min(run_, product_.rows - first), right.depth(),
               right.split(), panel, fetches ? right.panel(i + 1).data : nullptr, product_.bias, out, stride);
}

void Tiles::fetch(std::int64_t index) const {
  const PackedMatrix::Panel panel = product_.right.panel(index / runs_);
  constexpr std::int64_t kLine = 64 / sizeof(float);
  for (std::int64_t i = 0; i < panel.lanes * product_.right.depth(); i += kLine)
    __builtin_prefetch(panel.data + i, 0, 2);
}

void multiply(const Product& product, float* out) {
  const PackedMatrix& right = product.right;
  if (!right.split()) return multiply_prepared(product, out);
  const std::int64_t row = right.depth();
  multiply_taken_apart(
      product,
      [&](std::int64_t first, std::int64_t count, float* to) {
        split_kernels()->split(product.left + first * row, count * row, to);
      },
      out);
}

void multiply_transposed(const float* left, std::int64_t rows, std::int64_t depth, const PackedMatrix& right,
                         float* out, float* sums) {
  if (!right.split()) return multiply_transposed_by_stretches(left, rows, depth, right, out, sums);
  BITEMARK_CHECK(rows % kLane == 0 && in_split_runs(depth) == right.depth());
  multiply_taken_apart(
      {left, rows, right, nullptr},
      [&](std::int64_t first, std::int64_t count, float* to) {
        split_kernels()->split_transpose(left + first, rows, depth, count, to, sums + first);
      },
      out);
}

}  // namespace bitemark::model
