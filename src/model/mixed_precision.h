// Training with matrix products in bfloat16 and everything that sums in float32 (Micikevicius et al. 2018, with
// bfloat16's range no scaling of the loss is needed).
#pragma once

#include <ATen/autocast_mode.h>

#include "model/torch_compat.h"

namespace bitemark::model {

/// While it lives, operations of this thread on default_device() run in bfloat16 where LibTorch's lists of automatic
/// casting allow it; weights, their gradients and what is summed stay float32. `on` = false does nothing.
class MixedPrecision {
 public:
  explicit MixedPrecision(bool on) : on_(on) {
    if (!on_) return;
    at::autocast::increment_nesting();
    // A weight that was cast where no gradients are kept would be taken from the cache where they are.
    cached_ = at::autocast::is_autocast_cache_enabled();
    at::autocast::set_autocast_cache_enabled(false);
    enable(true);
  }
  ~MixedPrecision() {
    if (!on_) return;
    enable(false);
    at::autocast::set_autocast_cache_enabled(cached_);
    at::autocast::decrement_nesting();
  }
  /// Of this thread, on default_device().
  static bool is_on() {
#if TORCH_VERSION_MAJOR > 2 || (TORCH_VERSION_MAJOR == 2 && TORCH_VERSION_MINOR >= 4)
    return at::autocast::is_autocast_enabled(default_device().type());
#else
    return default_device().is_cpu() ? at::autocast::is_cpu_enabled() : at::autocast::is_enabled();
#endif
  }
  MixedPrecision(const MixedPrecision&) = delete;
  MixedPrecision& operator=(const MixedPrecision&) = delete;

 private:
  static void enable(bool on) {
    const torch::Device device = default_device();
#if TORCH_VERSION_MAJOR > 2 || (TORCH_VERSION_MAJOR == 2 && TORCH_VERSION_MINOR >= 4)
    at::autocast::set_autocast_dtype(device.type(), at::kBFloat16);
    at::autocast::set_autocast_enabled(device.type(), on);
#else
    if (device.is_cpu()) {
      at::autocast::set_autocast_cpu_dtype(at::kBFloat16);
      at::autocast::set_cpu_enabled(on);
    } else {
      at::autocast::set_autocast_gpu_dtype(at::kBFloat16);
      at::autocast::set_enabled(on);
    }
#endif
  }
  bool on_, cached_ = false;
};

}  // namespace bitemark::model
