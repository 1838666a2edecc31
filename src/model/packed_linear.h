// A linear layer that a rollout asks for thousands of times with a few rows: its weights are packed once. A library's
// matrix product packs them at every call, which for 16 rows takes twice as long as the product itself.
#pragma once

#include <memory>
#include <mutex>
#include <vector>

#include "model/torch_compat.h"

namespace bitemark::model {

/// torch::nn::Linear in all but speed: without gradients, in float32 on a CPU and for at most kFewRows rows, the
/// product is our kernel's over packed weights. They are packed anew when the weights have changed. Thread-safe without
/// gradients; bits do not depend on the number of threads.
class PackedLinearImpl : public torch::nn::LinearImpl {
 public:
  using torch::nn::LinearImpl::LinearImpl;
  Tensor forward(const Tensor& x);

 private:
  struct Panels {
    const void* from = nullptr;  ///< the weights that these are
    std::int64_t version = 0;
    std::vector<float> data;
  };
  std::shared_ptr<const Panels> packed();

  static constexpr std::int64_t kFewRows = 256;
  std::mutex mutex_;
  std::shared_ptr<const Panels> panels_;
};
TORCH_MODULE(PackedLinear);

}  // namespace bitemark::model
