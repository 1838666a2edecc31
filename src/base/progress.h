// Progress on stderr: one rewritten line on a terminal, a plain line every 30 s elsewhere.
#pragma once

#include <chrono>
#include <cstdint>
#include <mutex>
#include <string>

namespace bitemark {

class Progress {
 public:
  /// `done` of `total` steps were done before this program began: time left counts from there.
  Progress(std::string label, std::int64_t total, std::int64_t done = 0);
  ~Progress();
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;
  /// Thread-safe. `note` stands at the end of the line ("loss 0.031").
  void advance(std::int64_t steps = 1, const std::string& note = "");

 private:
  using Clock = std::chrono::steady_clock;
  void print(bool last);
  std::string label_;
  std::string note_;
  std::int64_t total_;
  std::int64_t first_, done_;
  bool terminal_;
  Clock::time_point start_ = Clock::now();
  Clock::time_point printed_ = start_;
  std::mutex mutex_;
};

}  // namespace bitemark
