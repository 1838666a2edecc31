#include "model/prefetch.h"

#include <chrono>

namespace bitemark::model {

Prefetcher::Prefetcher(const Stage& stage, std::vector<std::int64_t> parts, std::int64_t end)
    : stage_(stage), parts_(std::move(parts)), end_(end) {}

Prefetcher::~Prefetcher() {
  if (next_.valid()) next_.wait();
}

void Prefetcher::start(std::int64_t step) {
  coming_ = step;
  next_ = std::async(std::launch::async, [this, step] {
    at::set_num_threads(1);
    std::vector<StepData> data;
    for (const auto part : parts_) data.push_back(stage_.prepare({step, part}));
    return data;
  });
}

std::vector<StepData> Prefetcher::take(std::int64_t step) {
  const auto begin = std::chrono::steady_clock::now();
  if (coming_ != step) start(step);
  coming_ = -1;  // whether it succeeds or not, it can be had once
  std::vector<StepData> data = next_.get();
  waited_s_ = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  if (step + 1 < end_) start(step + 1);
  return data;
}

}  // namespace bitemark::model
