// The next step's data, made ready while this step is computed.
#pragma once

#include <future>
#include <vector>

#include "model/stage.h"

namespace bitemark::model {

/// One background thread. What is drawn depends on (seed, step, part) alone, so no bit depends on the order of things.
class Prefetcher {
 public:
  /// `parts` of each step that this process computes; nothing is prepared from step `end` on.
  Prefetcher(const Stage& stage, std::vector<std::int64_t> parts, std::int64_t end);
  ~Prefetcher();
  Prefetcher(const Prefetcher&) = delete;
  Prefetcher& operator=(const Prefetcher&) = delete;

  /// The data of `step`, one entry a part, and a start on the next step's. Rethrows what preparing threw.
  std::vector<StepData> take(std::int64_t step);
  /// How long the latest take() had to wait, in seconds.
  double waited_s() const { return waited_s_; }

 private:
  void start(std::int64_t step);
  const Stage& stage_;
  std::vector<std::int64_t> parts_;
  std::int64_t end_;
  std::int64_t coming_ = -1;  ///< the step that is being prepared
  std::future<std::vector<StepData>> next_;
  double waited_s_ = 0;
};

}  // namespace bitemark::model
