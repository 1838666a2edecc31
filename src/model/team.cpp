#include "model/team.h"

#include <omp.h>

#include <algorithm>
#include <exception>
#include <mutex>
#include <optional>
#include <stdexcept>

namespace bitemark::model {

void Team::share(int rank, std::int64_t count, const std::function<void(std::int64_t i)>& work) {
  const auto threads = static_cast<std::int64_t>(begun_.size());
  for (std::int64_t i = 0; i < threads; ++i) {
    const std::int64_t owner = (rank + i) % threads;
    const std::int64_t first = count * owner / threads, end = count * (owner + 1) / threads;
    auto& begun = begun_[static_cast<std::size_t>(owner)].things;
    for (std::int64_t next; (next = first + begun.fetch_add(1, std::memory_order_relaxed)) < end;) work(next);
  }
  meet();
}

void Team::meet() {
  const int round = round_.load(std::memory_order_acquire);
  if (arrived_.fetch_add(1, std::memory_order_acq_rel) + 1 == static_cast<int>(begun_.size())) {
    for (Begun& begun : begun_) begun.things.store(0, std::memory_order_relaxed);
    arrived_.store(0, std::memory_order_relaxed);
    round_.store(round + 1, std::memory_order_release);
    return;
  }
  wait_until([&] {
    if (given_up_.load(std::memory_order_acquire)) throw std::runtime_error("another thread of the team gave up");
    return round_.load(std::memory_order_acquire) != round;
  });
}

void run_as_team(int threads, const std::function<void(const TeamMember& member)>& work) {
  std::optional<Team> team;
  std::mutex mutex;
  std::exception_ptr failure;
#pragma omp parallel num_threads(std::max(threads, 1))
  {
    // OpenMP may give fewer than were asked for.
#pragma omp single
    team.emplace(omp_get_num_threads());
    try {
      const torch::NoGradGuard no_grad;  // is a thread's own
      work({*team, omp_get_thread_num()});
    } catch (...) {
      const std::scoped_lock lock(mutex);
      if (!failure) failure = std::current_exception();
      team->give_up();
    }
  }
  if (failure) std::rethrow_exception(failure);
}

}  // namespace bitemark::model
