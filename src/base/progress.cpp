#include "base/progress.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>

namespace bitemark {
namespace {

constexpr int kBarWidth = 24;

std::string clock_text(double seconds) {
  const auto whole = static_cast<long>(seconds + 0.5);
  return fmt::format("{}:{:02}", whole / 60, whole % 60);
}

}  // namespace

Progress::Progress(std::string label, std::int64_t total, std::int64_t done)
    : label_(std::move(label)),
      total_(std::max<std::int64_t>(total, 1)),
      first_(done),
      done_(done),
      terminal_(::isatty(STDERR_FILENO) == 1) {}

Progress::~Progress() {
  const std::scoped_lock lock(mutex_);
  if (done_ > first_) print(true);  // nothing done, nothing to tell: an error says the rest
}

void Progress::advance(std::int64_t steps, const std::string& note) {
  const std::scoped_lock lock(mutex_);
  done_ += steps;
  if (!note.empty()) note_ = note;
  const auto interval = terminal_ ? std::chrono::milliseconds(100) : std::chrono::milliseconds(30000);
  if (Clock::now() - printed_ < interval) return;
  printed_ = Clock::now();
  print(false);
}

void Progress::print(bool last) {
  const double elapsed = std::chrono::duration<double>(Clock::now() - start_).count();
  const double share = std::min(1.0, static_cast<double>(done_) / static_cast<double>(total_));
  const auto done_here = static_cast<double>(done_ - first_);
  const double left =
      done_here > 0 ? elapsed * static_cast<double>(std::max<std::int64_t>(total_ - done_, 0)) / done_here : 0;
  std::string line = fmt::format("{}/{}  {}", done_, total_, clock_text(elapsed));
  if (!last) line += fmt::format("  {} left", clock_text(left));
  if (!note_.empty()) line += "  " + note_;
  if (terminal_) {
    const int filled = static_cast<int>(share * kBarWidth);
    const std::string bar = std::string(static_cast<std::size_t>(filled), '#') +
                            std::string(static_cast<std::size_t>(kBarWidth - filled), '.');
    fmt::print(stderr, "\r\033[K{} [{}] {}{}", label_, bar, line, last ? "\n" : "");
  } else {
    fmt::print(stderr, "{}: {}\n", label_, line);
  }
  std::fflush(stderr);
}

}  // namespace bitemark
