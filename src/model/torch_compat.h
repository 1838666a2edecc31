// The one place that knows LibTorch's version: 1.13 (Debian 12) to 2.x.
#pragma once

#include <cstdlib>
#include <string>

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wall"
#pragma GCC diagnostic ignored "-Wextra"
#pragma GCC diagnostic ignored "-Wshadow"
#pragma GCC diagnostic ignored "-Wconversion"
#include <torch/torch.h>
#include <torch/version.h>
#pragma GCC diagnostic pop

namespace bitemark::model {

using at::Tensor;

/// softmax(q k^T / sqrt(d) + mask) v over the last two dimensions; `mask` is added and may be undefined.
inline Tensor attend(const Tensor& q, const Tensor& k, const Tensor& v, const Tensor& mask = {}) {
#if TORCH_VERSION_MAJOR >= 2
  return at::scaled_dot_product_attention(q, k, v, mask.defined() ? c10::optional<Tensor>(mask) : c10::nullopt);
#else
  const double scale = 1.0 / std::sqrt(static_cast<double>(q.size(-1)));
  Tensor logits = at::matmul(q * scale, k.transpose(-2, -1));
  if (mask.defined()) logits = logits + mask;
  return at::matmul(at::softmax(logits, -1), v);
#endif
}

/// Which of several accelerators this process uses; -1: LibTorch's choice.
inline std::int64_t& accelerator_index() {
  static std::int64_t index = -1;
  return index;
}

/// The accelerator where there is one and BITEMARK_DEVICE does not say "cpu", else the CPU.
inline torch::Device default_device() {
  const char* wish = std::getenv("BITEMARK_DEVICE");
  const bool stay = wish != nullptr && std::string(wish) == "cpu";
  if (stay || !torch::cuda::is_available()) return torch::kCPU;
  return {torch::kCUDA, static_cast<torch::DeviceIndex>(accelerator_index())};
}

/// Process `local_rank` of a machine takes its own accelerator, or shares where there are fewer.
inline void use_accelerator(std::int64_t local_rank) {
  const auto count = static_cast<std::int64_t>(torch::cuda::is_available() ? torch::cuda::device_count() : 0);
  if (count > 1) accelerator_index() = local_rank % count;
}

}  // namespace bitemark::model
