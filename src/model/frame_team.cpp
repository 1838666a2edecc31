#include "model/frame_team.h"

#include <omp.h>
#include <sched.h>

#include <algorithm>
#include <exception>
#include <mutex>
#include <optional>
#include <stdexcept>

namespace bitemark::model {

void Meeting::wait() {
  const int round = round_.load(std::memory_order_acquire);
  if (arrived_.fetch_add(1, std::memory_order_acq_rel) + 1 == threads_) {
    arrived_.store(0, std::memory_order_relaxed);
    round_.store(round + 1, std::memory_order_release);
    return;
  }
  constexpr int kSpins = 20000;
  for (int spins = 0; round_.load(std::memory_order_acquire) == round; ++spins) {
    if (given_up_.load(std::memory_order_acquire)) throw std::runtime_error("another thread of the team gave up");
    if (spins > kSpins) ::sched_yield();
  }
}

void run_as_team(int threads, std::int64_t tokens, const std::function<void(const FramePart& part)>& work) {
  std::optional<Meeting> meeting;
  std::mutex mutex;
  std::exception_ptr failure;
  const auto run = [&](int rank, int size) {
    const torch::NoGradGuard no_grad;  // is a thread's own
    const std::int64_t first = tokens * rank / size, end = tokens * (rank + 1) / size;
    work({rank, size, first, end - first, tokens, &*meeting});
  };
#pragma omp parallel num_threads(static_cast <int>(std::clamp <std::int64_t>(threads, 1, tokens)))
  {
    // OpenMP may give fewer than were asked for.
#pragma omp single
    meeting.emplace(omp_get_num_threads());
    try {
      run(omp_get_thread_num(), omp_get_num_threads());
    } catch (...) {
      const std::scoped_lock lock(mutex);
      if (!failure) failure = std::current_exception();
      meeting->give_up();
    }
  }
  if (failure) std::rethrow_exception(failure);
}

}  // namespace bitemark::model
