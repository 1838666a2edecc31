// A linear layer that is asked thousands of times with the same weights: they are packed once.
#pragma once

#include <memory>
#include <mutex>

#include "model/packed_matrix.h"
#include "model/torch_compat.h"

namespace bitemark::model {

/// Rows of a linear layer's weights, packed when they are first asked for and again when they have changed.
/// Thread-safe.
class PackedRows {
 public:
  /// kTranspose: to be multiplied as the layer does, x weight^T; kRows: as its gradient does, grad weight.
  explicit PackedRows(PackedMatrix::From order = PackedMatrix::From::kTranspose) : order_(order) {}
  /// weight: [outputs, inputs]; of the outputs [first, end).
  std::shared_ptr<const PackedMatrix> of(const Tensor& weight, std::int64_t first, std::int64_t end);

 private:
  PackedMatrix::From order_;
  std::mutex mutex_;
  std::shared_ptr<const PackedMatrix> packed_;
  const void* from_ = nullptr;  ///< the weights that it was made of
  std::int64_t version_ = 0;
};

/// torch::nn::Linear in all but speed: in float32 on a CPU the products are our kernels' over packed weights, with
/// gradients too. Thread-safe. The bits of a row depend neither on the rows beside it nor on the number of threads;
/// those of a library's product do.
class PackedLinearImpl : public torch::nn::LinearImpl {
 public:
  using torch::nn::LinearImpl::LinearImpl;
  Tensor forward(const Tensor& x);
  /// The weights as they are now.
  std::shared_ptr<const PackedMatrix> packed() { return rows_.of(weight, 0, weight.size(0)); }

 private:
  PackedRows rows_, back_{PackedMatrix::From::kRows};
};
TORCH_MODULE(PackedLinear);

}  // namespace bitemark::model
