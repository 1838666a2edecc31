#include "model/packed_matrix.h"

#include <ATen/Parallel.h>

#include <algorithm>
#include <array>
#include <vector>

namespace bitemark::model {
namespace {

constexpr std::int64_t kRun = 192;  ///< rows that a thread takes at a time

std::int64_t lanes_of(std::int64_t columns) { return (columns + kLane - 1) / kLane; }

/// A panel's columns for some rows; out: [rows, stride].
void multiply_run(const float* left, std::int64_t rows, std::int64_t depth, const PackedMatrix::Panel& panel,
                  const float* next, const float* bias, float* out, std::int64_t stride) {
  const float* offset = bias == nullptr ? nullptr : bias + panel.first;
  const RightPanel columns{panel.data, panel.lanes, next};
  if (panel.count == panel.lanes) return kernels().multiply(left, rows, depth, columns, offset, out, stride);
  // The lanes behind the last column have no place in the result.
  std::array<float, kWidestPanel> offsets{};
  if (offset != nullptr) std::copy_n(offset, panel.count, offsets.begin());
  std::vector<float> room(static_cast<std::size_t>(rows * panel.lanes));
  kernels().multiply(left, rows, depth, columns, offsets.data(), room.data(), panel.lanes);
  for (std::int64_t r = 0; r < rows; ++r) std::copy_n(room.data() + r * panel.lanes, panel.count, out + r * stride);
}

}  // namespace

PackedMatrix::PackedMatrix(const float* from, std::int64_t depth, std::int64_t columns)
    : depth_(depth),
      columns_(columns),
      data_(std::make_unique_for_overwrite<float[]>(static_cast<std::size_t>(lanes_of(columns) * kLane * depth))) {
  float* to = data_.get();
  for (std::int64_t i = 0; i < panel_count(); ++i) {
    const Panel p = panel(i);
    for (std::int64_t k = 0; k < depth; ++k) {
      for (std::int64_t c = p.first; c < p.first + p.count; ++c) *to++ = from[c * depth + k];
      to = std::fill_n(to, p.lanes - p.count, 0.0F);
    }
  }
}

std::int64_t PackedMatrix::panel_count() const {
  const std::int64_t lanes = lanes_of(columns_), wide = wide_panels(lanes);
  return wide + (lanes - 4 * wide + 2) / 3;
}

PackedMatrix::Panel PackedMatrix::panel(std::int64_t index) const {
  const std::int64_t wide = wide_panels(lanes_of(columns_));
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
  multiply_run(product_.left + first * right.depth(), std::min(run_, product_.rows - first), right.depth(), panel,
               fetches ? right.panel(i + 1).data : nullptr, product_.bias, out, stride);
}

void Tiles::fetch(std::int64_t index) const {
  const PackedMatrix::Panel panel = product_.right.panel(index / runs_);
  constexpr std::int64_t kLine = 64 / sizeof(float);
  for (std::int64_t i = 0; i < panel.lanes * product_.right.depth(); i += kLine)
    __builtin_prefetch(panel.data + i, 0, 2);
}

void multiply(const Product& product, float* out) {
  const Tiles tiles(product, kRun);
  const std::int64_t stride = product.right.columns();
  at::parallel_for(0, tiles.count(), 1, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i) {
      const Tile tile = tiles.at(i);
      tiles.multiply(i, out + tile.row * stride + tile.column, stride);
    }
  });
}

}  // namespace bitemark::model
