// One frame on several threads, from the first block to the last: each thread has some of its tokens, and only keys and
// values are exchanged (sequence parallelism, as Li et al. 2021 among devices). Threads that split every matrix product
// instead meet a hundred times a pass, and lose there what they win.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>

#include "model/torch_compat.h"

namespace bitemark::model {

/// Where all threads of a team wait for each other. They spin, since the wait is short, and after a while let others
/// have the processor.
class Meeting {
 public:
  explicit Meeting(int threads) : threads_(threads) {}
  /// Throws where one of them has given up.
  void wait();
  void give_up() { given_up_.store(true, std::memory_order_release); }

 private:
  const int threads_;
  std::atomic<int> arrived_{0}, round_{0};
  std::atomic<bool> given_up_{false};
};

/// One thread's share of a frame's tokens: [first, first + count) of `tokens`.
struct FramePart {
  int rank = 0, threads = 1;
  std::int64_t first = 0, count = 0, tokens = 0;
  Meeting* meeting = nullptr;

  void meet() const { meeting->wait(); }
};

/// Runs `work` on each thread with its part of `tokens` tokens, on `threads` of them or fewer; without gradients.
/// What `work` throws on a thread is thrown again here, after the others have stopped where they meet next.
void run_as_team(int threads, std::int64_t tokens, const std::function<void(const FramePart& part)>& work);

}  // namespace bitemark::model
