#include "model/gradient.h"

#include <algorithm>

#include "base/parallel.h"
#include "model/helpers.h"
#include "model/mixed_precision.h"

namespace bitemark::model {

std::vector<StepLoss> add_gradients(Stage& stage, const std::vector<StepPart>& parts, std::vector<StepData>& data,
                                    const std::vector<Tensor>& weights, double divisor, int threads, bool mixed) {
  std::vector<StepLoss> losses(parts.size());
  // An accelerator is one; the parts follow each other on it.
  const std::size_t together = default_device().is_cpu() ? static_cast<std::size_t>(threads) : 1;
  for (std::size_t first = 0; first < parts.size(); first += together) {
    const std::size_t count = std::min(together, parts.size() - first);
    std::vector<torch::autograd::variable_list> gradients(count);
    parallel_for(count, static_cast<int>(count), [&](std::size_t i) {
      at::set_num_threads(1);  // LibTorch's sums depend on it
      const Helpers helpers(default_device().is_cpu() ? threads / static_cast<int>(count) - 1 : 0);
      StepLoss& loss = losses[first + i];
      {
        const MixedPrecision precision(mixed);
        loss = stage.loss(parts[first + i], data[first + i]);
      }
      gradients[i] = torch::autograd::grad({loss.total / divisor}, weights, {}, c10::nullopt, false, true);
    });
    const torch::NoGradGuard no_grad;
    for (const auto& gradient : gradients) {
      for (std::size_t w = 0; w < weights.size(); ++w) {
        Tensor& sum = weights[w].mutable_grad();
        if (gradient[w].defined()) sum = sum.defined() ? sum + gradient[w] : gradient[w];
      }
    }
  }
  return losses;
}

}  // namespace bitemark::model
