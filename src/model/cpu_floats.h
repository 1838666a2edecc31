// Which tensors our kernels take, and in which layout.
#pragma once

#include "model/torch_compat.h"

namespace bitemark::model {

/// float32 on a CPU; all others go through LibTorch's operations.
inline bool is_ours(const Tensor& x) { return x.device().is_cpu() && x.scalar_type() == at::kFloat; }

/// The same numbers with the last `dims` (1 or 2) dimensions contiguous.
inline Tensor dense_tail(const Tensor& t, int dims) {
  bool dense = t.stride(-1) == 1;
  if (dims == 2) dense = dense && t.stride(-2) == t.size(-1);
  return dense ? t : t.contiguous();
}

}  // namespace bitemark::model
