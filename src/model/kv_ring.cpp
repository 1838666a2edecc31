#include "model/kv_ring.h"

#include <algorithm>

namespace bitemark::model {

void KvRing::push(std::vector<FrameKv> frame, std::int64_t time, bool ahead, std::int64_t shot) {
  ready_for_.reset();
  if (ahead) {
    frames_.insert(frames_.begin() + ahead_, {time, shot, 1, std::move(frame)});
    ++ahead_;
    return;
  }
  frames_.push_back({time, shot, 1, std::move(frame)});
  // Room is kept for the frame that is being made: it has the last position of the window.
  if (size() > window_ - 1 && size() > ahead_ + sinks_ + memory_ + 1) make_room();
}

std::vector<std::int64_t> KvRing::distances(std::int64_t now, std::int64_t shot) const {
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

SeenKeys& KvRing::seen(std::size_t block, std::int64_t now, const RopeTable& table, std::int64_t own) const {
  if (!is_ready(now)) {
    make_ready(now, own);
    for (std::size_t b = 0; b < seen_.size(); ++b) seen_[b].put(rotate(keys(b), table), values(b), 0);
  }
  return seen_[block];
}

void KvRing::make_ready(std::int64_t now, std::int64_t own) const {
  const std::vector<FrameKv>& blocks = frames_.front().blocks;
  ready_for_ = now;
  if (!seen_.empty() && seen_.front().size() == size() * blocks.front().key.size(1) + own) return;
  seen_.clear();
  for (const FrameKv& block : blocks) seen_.emplace_back(size() * block.key.size(1) + own, block.key);
}

void KvRing::fill(const RopeTable& table, std::int64_t head) const {
  const Tensor& example = frames_.front().blocks.front().key;
  const std::int64_t tokens = example.size(1), width = example.size(3), row = example.size(2) * width,
                     pairs = width / 2;
  std::vector<float> turned(static_cast<std::size_t>(tokens * width));
  for (std::size_t block = 0; block < seen_.size(); ++block) {
    const float *cosine = table.cos.data_ptr<float>(), *sine = table.sin.data_ptr<float>();
    std::int64_t first = 0;
    for (const Entry& frame : frames_) {
      const FrameKv& kv = frame.blocks[block];
      const float* key = kv.key.data_ptr<float>() + head * width;
      for (std::int64_t t = 0; t < tokens; ++t, cosine += pairs, sine += pairs)
        kernels().rotate(key + t * row, cosine, sine, 1, pairs, turned.data() + t * width);
      seen_[block].put(head, {turned.data(), width}, {kv.value.data_ptr<float>() + head * width, row}, tokens, first);
      first += tokens;
    }
  }
}

void KvRing::make_room() {
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

/// [B, size * S, heads, head].
Tensor KvRing::gather(std::size_t block, Tensor FrameKv::*part) const {
  std::vector<Tensor> parts;
  for (const auto& frame : frames_) parts.push_back(frame.blocks[block].*part);
  return at::cat(parts, 1);
}

}  // namespace bitemark::model
