// Threads that go through the same work together.
#pragma once

#include <sched.h>

#include <atomic>
#include <cstdint>
#include <functional>
#include <vector>

#include "model/torch_compat.h"

namespace bitemark::model {

/// Spins, where a wait is short, and after a while lets others have the processor.
template <typename Condition>
void wait_until(const Condition& met) {
  constexpr int kSpins = 20000;
  for (int spins = 0; !met(); ++spins)
    if (spins > kSpins) ::sched_yield();
}

/// Threads that share one thing after another. Each begins with a part of its own and then takes what others have not
/// begun: cores are not equally fast at every moment.
class Team {
 public:
  explicit Team(int threads) : begun_(static_cast<std::size_t>(threads)) {}
  /// Calls work(i) for all i below `count`, each on one thread; every thread of the team calls this, with its rank, and
  /// returns when all is done. Throws where another thread has given up.
  void share(int rank, std::int64_t count, const std::function<void(std::int64_t i)>& work);
  int threads() const { return static_cast<int>(begun_.size()); }
  void give_up() { given_up_.store(true, std::memory_order_release); }

 private:
  void meet();

  struct alignas(64) Begun {
    std::atomic<std::int64_t> things{0};  ///< of a thread's part
  };
  std::vector<Begun> begun_;
  std::atomic<int> arrived_{0}, round_{0};
  std::atomic<bool> given_up_{false};
};

/// One thread of a team.
struct TeamMember {
  Team& team;
  int rank = 0;

  void share(std::int64_t count, const std::function<void(std::int64_t i)>& work) const {
    team.share(rank, count, work);
  }
  /// What this thread begins with.
  std::int64_t first(std::int64_t count) const { return count * rank / team.threads(); }
};

/// Runs `work` on each of `threads` threads, or fewer where there are not so many; without gradients. What `work`
/// throws on a thread is thrown again here, after the others have stopped where they meet next.
void run_as_team(int threads, const std::function<void(const TeamMember& member)>& work);

}  // namespace bitemark::model
