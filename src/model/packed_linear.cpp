#include "model/packed_linear.h"

#include <ATen/Parallel.h>

#include "model/kernels/kernels.h"

namespace bitemark::model {

std::shared_ptr<const PackedLinearImpl::Panels> PackedLinearImpl::packed() {
  const std::lock_guard lock(mutex_);
  if (panels_ != nullptr && panels_->from == weight.data_ptr() && panels_->version == weight._version()) return panels_;
  auto fresh = std::make_shared<Panels>();
  fresh->from = weight.data_ptr();
  fresh->version = weight._version();
  const Tensor rows = weight.detach().contiguous();
  const float* from = rows.data_ptr<float>();
  const std::int64_t columns = rows.size(0), depth = rows.size(1);
  fresh->data.reserve(static_cast<std::size_t>(columns * depth));
  for (std::int64_t first = 0; first < columns; first += kPanel)
    for (std::int64_t k = 0; k < depth; ++k)
      for (std::int64_t c = first; c < std::min(first + kPanel, columns); ++c)
        fresh->data.push_back(from[c * depth + k]);
  panels_ = std::move(fresh);
  return panels_;
}

Tensor PackedLinearImpl::forward(const Tensor& x) {
  const std::int64_t columns = weight.size(0), depth = weight.size(1), rows = x.numel() / depth;
  const bool ours = !c10::GradMode::is_enabled() && x.device().is_cpu() && x.scalar_type() == at::kFloat &&
                    weight.scalar_type() == at::kFloat && rows <= kFewRows && columns % kLane == 0;
  if (!ours) return torch::nn::LinearImpl::forward(x);
  const auto panels = packed();
  const Tensor from = x.contiguous();
  std::vector<std::int64_t> shape = x.sizes().vec();
  shape.back() = columns;
  Tensor out = at::empty(shape, x.options());
  const float* offset = bias.defined() ? bias.data_ptr<float>() : nullptr;
  at::parallel_for(0, (columns + kPanel - 1) / kPanel, 1, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t panel = begin; panel < end; ++panel) {
      const std::int64_t first = panel * kPanel;
      kernels().linear(from.data_ptr<float>(), rows, depth, panels->data.data() + first * depth,
                       offset == nullptr ? nullptr : offset + first, std::min(kPanel, columns - first),
                       out.data_ptr<float>() + first, columns);
    }
  });
  return out;
}

}  // namespace bitemark::model
