// What earlier frames left for later ones to attend to: bounded, however long the rollout gets.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
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
  void push(std::vector<FrameKv> frame, std::int64_t time, bool ahead = false, std::int64_t shot = 0);
  std::int64_t size() const { return static_cast<std::int64_t>(frames_.size()); }
  bool empty() const { return frames_.empty(); }
  /// Temporal positions of the frames as seen from `now` in its shot: those ahead as far off as they are, within the
  /// window; the others one after another up to it, as though nothing had been dropped between them; each cut in
  /// between adds to the distance.
  std::vector<std::int64_t> distances(std::int64_t now, std::int64_t shot = 0) const;
  /// What the frame `now` attends to in a block: the ring's keys, turned to their places by `table` (of
  /// distances(now)), and values, with room for `own` tokens behind them. Made once a frame, however many steps it is
  /// drawn in.
  SeenKeys& seen(std::size_t block, std::int64_t now, const RopeTable& table, std::int64_t own) const;
  bool is_ready(std::int64_t now) const { return ready_for_ == now; }
  /// The two halves of what seen() does first, for threads that take different heads; of one clip, in float32 on a CPU.
  void make_ready(std::int64_t now, std::int64_t own) const;
  void fill(const RopeTable& table, std::int64_t head) const;
  SeenKeys& ready(std::size_t block) const { return seen_[block]; }
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
  void make_room();
  Tensor gather(std::size_t block, Tensor FrameKv::*part) const;

  std::int64_t window_, sinks_, memory_;
  std::int64_t ahead_ = 0;  ///< entries at the front
  std::deque<Entry> frames_;
  mutable std::vector<SeenKeys> seen_;  ///< for the frame ready_for_; its room is used again for the next
  mutable std::optional<std::int64_t> ready_for_;
};

}  // namespace bitemark::model
