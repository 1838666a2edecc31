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
  void wait();

 private:
  const int threads_;
  std::atomic<int> arrived_{0}, round_{0};
};

/// One thread's share of a frame's tokens: [first, first + count) of `tokens`.
struct FramePart {
  int rank = 0, threads = 1;
  std::int64_t first = 0, count = 0, tokens = 0;
  Meeting* meeting = nullptr;

  void meet() const { meeting->wait(); }
};

/// Runs `work` on each thread with its part of `tokens` tokens, on `threads` of them or fewer; without gradients.
/// A `work` that throws on one thread and not on all leaves the others waiting: what can be checked is checked before.
void run_as_team(int threads, std::int64_t tokens, const std::function<void(const FramePart& part)>& work);

}  // namespace bitemark::model
