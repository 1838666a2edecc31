#include "model/helpers.h"

#include <ATen/Parallel.h>

#include <algorithm>
#include <atomic>
#include <exception>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

#include "model/team.h"

namespace bitemark::model {

/// A team whose first member is the thread that computes; the others wait for its loops.
class Helpers::Crew {
 public:
  using Loop = std::function<void(std::int64_t i)>;

  explicit Crew(int helpers) : team_(helpers + 1) {
    for (int rank = 1; rank <= helpers; ++rank) threads_.emplace_back([this, rank] { stand_by(rank); });
  }
  ~Crew() { dismiss(); }
  Crew(const Crew&) = delete;
  Crew& operator=(const Crew&) = delete;

  int threads() const { return team_.threads(); }

  void share(std::int64_t count, const Loop& loop) {
    count_ = count;
    announce(&loop);
    if (take_part(0, loop)) return;
    dismiss();  // or they would go on with what is about to end
    std::rethrow_exception(failure_);
  }

 private:
  /// Null: there will be none any more.
  void announce(const Loop* loop) {
    loop_.store(loop, std::memory_order_relaxed);
    announced_.fetch_add(1, std::memory_order_release);
  }

  void stand_by(int rank) {
    at::set_num_threads(1);
    for (std::int64_t seen = 0;; ++seen) {
      wait_until([&] { return announced_.load(std::memory_order_acquire) > seen; });
      const Loop* loop = loop_.load(std::memory_order_relaxed);
      if (loop == nullptr || !take_part(rank, *loop)) return;
    }
  }

  /// Whether all went well; the first failure is kept.
  bool take_part(int rank, const Loop& loop) {
    try {
      team_.share(rank, count_, loop);
      return true;
    } catch (...) {
      const std::scoped_lock lock(mutex_);
      if (!failure_) failure_ = std::current_exception();
      team_.give_up();
      return false;
    }
  }

  void dismiss() {
    announce(nullptr);
    for (auto& thread : threads_) thread.join();
    threads_.clear();
  }

  Team team_;
  std::atomic<std::int64_t> announced_{0};
  std::atomic<const Loop*> loop_{nullptr};  ///< the last one that was announced
  std::int64_t count_ = 0;
  std::mutex mutex_;
  std::exception_ptr failure_;
  std::vector<std::thread> threads_;
};

thread_local Helpers::Crew* Helpers::of_this_thread = nullptr;

Helpers::Helpers(int count)
    : crew_(count > 0 ? std::make_unique<Crew>(count) : nullptr), before_(std::exchange(of_this_thread, crew_.get())) {}

Helpers::~Helpers() { of_this_thread = before_; }

std::int64_t sharing_threads() {
  return Helpers::of_this_thread == nullptr ? at::get_num_threads() : Helpers::of_this_thread->threads();
}

void for_shares(std::int64_t count, std::int64_t grain, const Share& work) {
  if (Helpers::of_this_thread == nullptr) return at::parallel_for(0, count, grain, work);
  // A few shares for each thread: one that is faster takes some of another's.
  constexpr std::int64_t kSharesAThread = 4;
  const std::int64_t most = kSharesAThread * sharing_threads(), grains = (count + grain - 1) / grain;
  const std::int64_t size = (grains + most - 1) / most * grain, shares = size == 0 ? 0 : (count + size - 1) / size;
  if (shares == 1) return work(0, count);
  if (shares > 1)
    Helpers::of_this_thread->share(shares, [&](std::int64_t i) { work(i * size, std::min((i + 1) * size, count)); });
}

}  // namespace bitemark::model
