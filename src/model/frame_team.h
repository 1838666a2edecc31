// One frame on several threads, from the first block to the last: each thread has some of its tokens, and only keys and
// values are exchanged (sequence parallelism, as Li et al. 2021 among devices). Threads that split every matrix product
// instead meet a hundred times a pass, and lose there what they win.
#pragma once

#include <array>
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
  /// [2][keys, values] of all tokens, [1, tokens, heads, head]; made by the first thread for all.
  std::array<std::array<Tensor, 2>, 2>* shared = nullptr;

  /// Copies this thread's rows to their place among all (dimension 1).
  void bring(const Tensor& own, const Tensor& all) const { all.slice(1, first, first + count).copy_(own); }
  void meet() const { meeting->wait(); }
};

/// Runs `work` on each thread with its part of `tokens` tokens, on `threads` of them or fewer; without gradients.
/// `shared`: shape of the keys of all tokens. A `work` that throws on one thread and not on all leaves the others
/// waiting: what can be checked is checked before.
void run_as_team(int threads, std::int64_t tokens, const std::vector<std::int64_t>& shared,
                 const std::function<void(const FramePart& part)>& work);

}  // namespace bitemark::model
