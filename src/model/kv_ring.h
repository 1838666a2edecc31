// What earlier frames left for later ones to attend to: bounded, however long the rollout gets.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <utility>
#include <vector>

#include "model/fused_ops.h"
#include "model/torch_compat.h"

namespace bitemark::model {

/// Keys (before rotary positions) and values of one frame in one block: [B, S, heads, head].
struct FrameKv {
  Tensor key, value;
};

/// Holds given frames that lie ahead, the first `sinks` of the others for good and their most recent, `window` in all
/// with the frame that is being made. Positions are counted anew from that frame at each read and never leave the range
/// seen in training.
class KvRing {
 public:
  KvRing(std::int64_t window, std::int64_t sinks) : window_(window), sinks_(sinks) {}

  /// One entry a spacetime block. `ahead`: a given frame that the rollout has not come to yet.
  void push(std::vector<FrameKv> frame, std::int64_t time, bool ahead = false) {
    seen_.clear();
    if (ahead) {
      frames_.insert(frames_.begin() + ahead_, {time, std::move(frame)});
      ++ahead_;
      return;
    }
    frames_.push_back({time, std::move(frame)});
    // Room is kept for the frame that is being made: it has the last position of the window.
    if (size() > window_ - 1 && size() > ahead_ + sinks_ + 1) frames_.erase(frames_.begin() + ahead_ + sinks_);
  }
  std::int64_t size() const { return static_cast<std::int64_t>(frames_.size()); }
  bool empty() const { return frames_.empty(); }
  /// Temporal positions of the frames as seen from `now`: those ahead as far off as they are, within the window; the
  /// others one after another up to it, as though nothing had been dropped between them.
  std::vector<std::int64_t> distances(std::int64_t now) const {
    std::vector<std::int64_t> all;
    const bool backwards = size() > ahead_ && frames_.back().time > now;
    for (std::int64_t i = 0; i < ahead_; ++i)
      all.push_back(std::clamp(frames_[static_cast<std::size_t>(i)].time - now, 1 - window_, window_ - 1));
    for (std::int64_t i = ahead_; i < size(); ++i) all.push_back(backwards ? size() - i : i - size());
    return all;
  }
  /// What the frame `now` attends to in one block: the ring's keys, turned to their places by `table` (of
  /// distances(now)), and values, with room for `own` tokens behind them. Made once a frame, however many steps it is
  /// drawn in.
  struct Seen {
    Tensor keys, values;  ///< [B, size * S + own, heads, head]
  };
  bool is_ready(std::int64_t now) const { return ready_for_ == now && !seen_.empty(); }
  const Seen& seen(std::size_t block, std::int64_t now, const RopeTable& table, std::int64_t own) const {
    if (ready_for_ != now) seen_.clear();
    ready_for_ = now;
    while (seen_.size() <= block) {
      const std::size_t next = seen_.size();
      const auto with_room = [&](const Tensor& all) {
        std::vector<std::int64_t> shape = all.sizes().vec();
        shape[1] = own;
        return at::cat({all, at::empty(shape, all.options())}, 1);
      };
      seen_.push_back({with_room(rotate(keys(next), table)), with_room(values(next))});
    }
    return seen_[block];
  }
  /// [B, size * S, heads, head].
  Tensor keys(std::size_t block) const { return gather(block, &FrameKv::key); }
  Tensor values(std::size_t block) const { return gather(block, &FrameKv::value); }

 private:
  struct Entry {
    std::int64_t time = 0;
    std::vector<FrameKv> blocks;
  };
  Tensor gather(std::size_t block, Tensor FrameKv::*part) const {
    std::vector<Tensor> parts;
    for (const auto& frame : frames_) parts.push_back(frame.blocks[block].*part);
    return at::cat(parts, 1);
  }
  std::int64_t window_, sinks_;
  std::int64_t ahead_ = 0;  ///< entries at the front
  std::deque<Entry> frames_;
  mutable std::vector<Seen> seen_;  ///< for the frame ready_for_
  mutable std::int64_t ready_for_ = 0;
};

}  // namespace bitemark::model
