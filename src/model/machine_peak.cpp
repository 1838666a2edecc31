#include "model/machine_peak.h"

#include <algorithm>
#include <chrono>

#include "model/torch_compat.h"

namespace bitemark::model {

double matrix_rate_gflops(int threads) {
  using Clock = std::chrono::steady_clock;
  constexpr double kBudgetS = 0.3;
  const auto seconds_since = [](Clock::time_point start) {
    return std::chrono::duration<double>(Clock::now() - start).count();
  };
  const torch::NoGradGuard no_grad;
  const int previous = at::get_num_threads();
  at::set_num_threads(threads);
  const std::int64_t side = default_device().is_cpu() ? 768 : 8192;
  const Tensor a = at::ones({side, side}, default_device()), b = at::ones({side, side}, default_device());
  Tensor c = at::mm(a, b);
  const auto start = Clock::now();
  double best = 0;
  while (seconds_since(start) < kBudgetS) {
    const auto begin = Clock::now();
    at::mm_out(c, a, b);
    c[0][0].item<float>();  // waits for an accelerator
    best = std::max(best, 2e-9 * static_cast<double>(side * side * side) / seconds_since(begin));
  }
  at::set_num_threads(previous);
  return best;
}

}  // namespace bitemark::model
