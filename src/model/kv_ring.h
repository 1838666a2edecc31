// What earlier frames left for later ones to attend to: bounded, however long the rollout gets.
#pragma once

#include <deque>
#include <vector>

#include "model/torch_compat.h"

namespace bitemark::model {

/// Keys (before rotary positions) and values of one frame in one block: [B, S, heads, head].
struct FrameKv {
  Tensor key, value;
};

/// Holds the first `sinks` frames for good and the most recent of the others, `window` in all. Positions are given
/// anew at each read (0 to size), so they never leave the range seen in training.
class KvRing {
 public:
  KvRing(std::int64_t window, std::int64_t sinks) : window_(window), sinks_(sinks) {}

  /// One entry a spacetime block.
  void push(std::vector<FrameKv> frame) {
    frames_.push_back(std::move(frame));
    // Room is kept for the frame that is being made: it has the last position of the window.
    if (size() > window_ - 1) frames_.erase(frames_.begin() + static_cast<std::ptrdiff_t>(sinks_));
  }
  std::int64_t size() const { return static_cast<std::int64_t>(frames_.size()); }
  bool empty() const { return frames_.empty(); }
  /// [B, size * S, heads, head].
  Tensor keys(std::size_t block) const { return gather(block, &FrameKv::key); }
  Tensor values(std::size_t block) const { return gather(block, &FrameKv::value); }

 private:
  Tensor gather(std::size_t block, Tensor FrameKv::*part) const {
    std::vector<Tensor> parts;
    for (const auto& frame : frames_) parts.push_back(frame[block].*part);
    return at::cat(parts, 1);
  }
  std::int64_t window_, sinks_;
  std::deque<std::vector<FrameKv>> frames_;
};

}  // namespace bitemark::model
