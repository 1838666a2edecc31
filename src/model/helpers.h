// Loops of our kernels on several threads.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>

namespace bitemark::model {

/// [begin, end) of a loop.
using Share = std::function<void(std::int64_t begin, std::int64_t end)>;

/// Calls work for shares of [0, count) of at least `grain`, which lie at multiples of it: on the calling thread and its
/// helpers, if it has any, else on LibTorch's threads.
void for_shares(std::int64_t count, std::int64_t grain, const Share& work);

/// Threads among which that would be shared.
std::int64_t sharing_threads();

/// Threads that stand by while another one computes, and take their part of each loop as it comes: a training step has
/// hundreds of loops of tens of microseconds, and OpenMP's threads, which fall asleep in between (runtime.h), take as
/// long to wake. They wait as a Team does, and should live no longer than there is work.
class Helpers {
 public:
  /// `count` of them for the calling thread, as long as this lives there; 0: none.
  explicit Helpers(int count);
  ~Helpers();
  Helpers(const Helpers&) = delete;
  Helpers& operator=(const Helpers&) = delete;

 private:
  friend void for_shares(std::int64_t count, std::int64_t grain, const Share& work);
  friend std::int64_t sharing_threads();
  class Crew;
  static thread_local Crew* of_this_thread;
  std::unique_ptr<Crew> crew_;
  Crew* before_;  ///< the one that this thread had and has again afterwards
};

}  // namespace bitemark::model
