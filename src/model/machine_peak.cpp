#include "model/machine_peak.h"

#include <algorithm>
#include <chrono>

#include "model/torch_compat.h"

namespace bitemark::model {
namespace {

using Clock = std::chrono::steady_clock;

constexpr double kBudgetS = 0.3;
constexpr double kLongEnoughS = 2e-3;  // of a product, that starting it on an accelerator does not count

double seconds_since(Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); }

/// Two square matrices on default_device() and what they make.
class Product {
 public:
  explicit Product(std::int64_t side)
      : a_(at::ones({side, side}, default_device())), b_(a_.clone()), c_(at::mm(a_, b_)) {
    wait();
  }
  double seconds() {
    const auto begin = Clock::now();
    at::mm_out(c_, a_, b_);
    wait();
    return seconds_since(begin);
  }
  std::int64_t side() const { return a_.size(0); }
  double flop() const { return 2.0 * static_cast<double>(side() * side() * side()); }

 private:
  void wait() const { c_[0][0].item<float>(); }  // for an accelerator
  Tensor a_, b_, c_;
};

}  // namespace

double matrix_rate_gflops(int threads) {
  const torch::NoGradGuard no_grad;
  const int previous = at::get_num_threads();
  at::set_num_threads(threads);
  double best = 0;
  const auto start = Clock::now();
  for (Product product(768); seconds_since(start) < kBudgetS;) {
    const double took = product.seconds();
    best = std::max(best, 1e-9 * product.flop() / took);
    if (took < kLongEnoughS) product = Product(2 * product.side());
  }
  at::set_num_threads(previous);
  return best;
}

}  // namespace bitemark::model
