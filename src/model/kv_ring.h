// What earlier frames left for later ones to attend to: bounded, however long the rollout gets.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <utility>
#include <vector>

#include "model/attention.h"
#include "model/fused_ops.h"
#include "model/torch_compat.h"

namespace bitemark::model {

/// How much further apart in time the frames on the two sides of a cut stand than they are.
constexpr std::int64_t kShotJump = 8;

/// Keys (before rotary positions) and values of one frame in one block: [B, S, heads, head].
struct FrameKv {
  Tensor key, value;
};

/// Holds given frames that lie ahead, the first `sinks` of the others for good and their most recent, `window` in all
/// with the frame that is being made. `memory` of them, between the sinks and the most recent, are means of several
/// earlier frames each, place by place (as the compressed memory of Rae et al. 2020, mean pooling). Positions are
/// counted anew from that frame at each read and never leave the range seen in training.
class KvRing {
 public:
  KvRing(std::int64_t window, std::int64_t sinks, std::int64_t memory = 0)
      : window_(window), sinks_(sinks), memory_(memory) {}

  /// One entry a spacetime block. `ahead`: a given frame that the rollout has not come to yet.
  void push(std::vector<FrameKv> frame, std::int64_t time, bool ahead = false, std::int64_t shot = 0) {
    seen_.clear();
    if (ahead) {
      frames_.insert(frames_.begin() + ahead_, {time, shot, 1, std::move(frame)});
      ++ahead_;
      return;
    }
    frames_.push_back({time, shot, 1, std::move(frame)});
    // Room is kept for the frame that is being made: it has the last position of the window.
    if (size() > window_ - 1 && size() > ahead_ + sinks_ + memory_ + 1) make_room();
  }
  std::int64_t size() const { return static_cast<std::int64_t>(frames_.size()); }
  bool empty() const { return frames_.empty(); }
  /// Temporal positions of the frames as seen from `now` in its shot: those ahead as far off as they are, within the
  /// window; the others one after another up to it, as though nothing had been dropped between them; each cut in
  /// between adds to the distance.
  std::vector<std::int64_t> distances(std::int64_t now, std::int64_t shot = 0) const {
    std::vector<std::int64_t> all;
    const bool backwards = size() > ahead_ && frames_.back().time > now;
    for (std::int64_t i = 0; i < size(); ++i) {
      const Entry& entry = frames_[static_cast<std::size_t>(i)];
      const std::int64_t steps = i < ahead_  ? std::clamp(entry.time - now, 1 - window_, window_ - 1)
                                 : backwards ? size() - i
                                             : i - size();
      all.push_back(steps + kShotJump * (entry.shot - shot));
    }
    return all;
  }
  /// What the frame `now` attends to in a block: the ring's keys, turned to their places by `table` (of
  /// distances(now)), and values, with room for `own` tokens behind them. Made once a frame, however many steps it is
  /// drawn in.
  SeenKeys& seen(std::size_t block, std::int64_t now, const RopeTable& table, std::int64_t own) const {
    if (!is_ready(now)) {
      make_ready(now, own);
      for (std::size_t b = 0; b < seen_.size(); ++b) fill(b, table);
    }
    return seen_[block];
  }
  bool is_ready(std::int64_t now) const { return ready_for_ == now && !seen_.empty(); }
  /// The two halves of what seen() does first. Threads may fill different blocks.
  void make_ready(std::int64_t now, std::int64_t own) const {
    const std::vector<FrameKv>& blocks = frames_.front().blocks;
    seen_.clear();
    ready_for_ = now;
    for (const FrameKv& block : blocks) seen_.emplace_back(size() * block.key.size(1) + own, block.key);
  }
  std::size_t blocks() const { return seen_.size(); }
  void fill(std::size_t block, const RopeTable& table) const {
    seen_[block].put(rotate(keys(block), table), values(block), 0);
  }
  /// [B, size * S, heads, head].
  Tensor keys(std::size_t block) const { return gather(block, &FrameKv::key); }
  Tensor values(std::size_t block) const { return gather(block, &FrameKv::value); }

 private:
  struct Entry {
    std::int64_t time = 0, shot = 0;
    std::int64_t frames = 1;  ///< that it is the mean of
    std::vector<FrameKv> blocks;
  };
  /// Of the frames after the sinks, the first goes; or two neighbours among the memory and the frame that joins it
  /// become one: the earliest of which the first does not stand for more frames than the second, so that what is
  /// longer ago is known more coarsely; else the last.
  void make_room() {
    const auto first = frames_.begin() + ahead_ + sinks_;
    if (memory_ == 0) {
      frames_.erase(first);
      return;
    }
    auto least = first;
    while (least < first + (memory_ - 1) && least[0].frames > least[1].frames) ++least;
    const std::int64_t sum = least[0].frames + least[1].frames;
    const double share = static_cast<double>(least[1].frames) / static_cast<double>(sum);
    for (std::size_t b = 0; b < least->blocks.size(); ++b)
      for (Tensor FrameKv::*part : {&FrameKv::key, &FrameKv::value})
        least[0].blocks[b].*part = at::lerp(least[0].blocks[b].*part, least[1].blocks[b].*part, share);
    least[0].frames = sum;
    least[0].time = least[1].time;
    least[0].shot = least[1].shot;
    frames_.erase(least + 1);
  }
  Tensor gather(std::size_t block, Tensor FrameKv::*part) const {
    std::vector<Tensor> parts;
    for (const auto& frame : frames_) parts.push_back(frame.blocks[block].*part);
    return at::cat(parts, 1);
  }
  std::int64_t window_, sinks_, memory_;
  std::int64_t ahead_ = 0;  ///< entries at the front
  std::deque<Entry> frames_;
  mutable std::vector<SeenKeys> seen_;  ///< for the frame ready_for_
  mutable std::int64_t ready_for_ = 0;
};

}  // namespace bitemark::model
