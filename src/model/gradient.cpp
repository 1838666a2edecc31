#include "model/gradient.h"

#include <algorithm>
#include <condition_variable>
#include <functional>
#include <mutex>

#include "base/parallel.h"
#include "model/helpers.h"
#include "model/mixed_precision.h"

namespace bitemark::model {

namespace {

/// Lets threads do something one after another, in the order of what they work on.
class Turns {
 public:
  /// Calls `work` when all before `i` have had theirs. If one of them failed, nobody's turn comes any more.
  void take(std::size_t i, const std::function<void()>& work) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return next_ == i || failed_; });
    if (failed_) return;
    work();
    ++next_;
    changed_.notify_all();
  }
  void fail() {
    const std::scoped_lock lock(mutex_);
    failed_ = true;
    changed_.notify_all();
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::size_t next_ = 0;
  bool failed_ = false;
};

/// Whether it may be added to: LibTorch gives one tensor to two weights, or a view of one number, in all of a weight's
/// places.
bool is_its_own(const Tensor& t) { return t.use_count() == 1 && t.storage().use_count() == 1; }

void add(const torch::autograd::variable_list& gradients, const std::vector<Tensor>& weights) {
  const torch::NoGradGuard no_grad;
  for (std::size_t w = 0; w < weights.size(); ++w) {
    Tensor& sum = weights[w].mutable_grad();
    if (!gradients[w].defined()) continue;
    if (!sum.defined()) {
      sum = gradients[w];
    } else if (is_its_own(sum)) {
      sum.add_(gradients[w]);
    } else {
      sum = sum + gradients[w];
    }
  }
}

}  // namespace

std::vector<StepLoss> add_gradients(Stage& stage, const std::vector<StepPart>& parts, std::vector<StepData>& data,
                                    const std::vector<Tensor>& weights, double divisor, int threads, bool mixed) {
  std::vector<StepLoss> losses(parts.size());
  // An accelerator is one; the parts follow each other on it.
  const std::size_t most = default_device().is_cpu() ? static_cast<std::size_t>(threads) : 1;
  Turns turns;
  const auto work_on = [&](std::size_t i, int helping) {
    at::set_num_threads(1);  // LibTorch's sums depend on it
    const Helpers helpers(helping);
    StepLoss& loss = losses[i];
    {
      const MixedPrecision precision(mixed);
      loss = stage.loss(parts[i], data[i]);
    }
    const auto gradients = torch::autograd::grad({loss.total / divisor}, weights, {}, c10::nullopt, false, true);
    turns.take(i, [&] { add(gradients, weights); });
  };
  // As many whole rounds as there are; the parts that are left have the threads of those that are not there.
  for (std::size_t first = 0; first < parts.size();) {
    const std::size_t left = parts.size() - first, together = std::min(most, left);
    const std::size_t count = left / together * together;
    const int helping = default_device().is_cpu() ? threads / static_cast<int>(together) - 1 : 0;
    parallel_for(count, static_cast<int>(together), [&](std::size_t i) {
      try {
        work_on(first + i, helping);
      } catch (...) {
        turns.fail();
        throw;
      }
    });
    first += count;
  }
  return losses;
}

}  // namespace bitemark::model
