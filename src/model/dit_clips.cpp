#include "model/dit_clips.h"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace bitemark::model {
namespace {

constexpr std::int64_t kLongestEnd = 4;  ///< given last frames
constexpr double kContrast = 0.2;        ///< standard deviation of the logarithm of a worn clip's contrast
constexpr double kStain = 0.15;          ///< most that the standard deviation of its stains can be

}  // namespace

Sequence in_time(std::int64_t window) {
  Sequence sequence;
  sequence.times.resize(static_cast<std::size_t>(window));
  std::iota(sequence.times.begin(), sequence.times.end(), 0);
  return sequence;
}

Sequence draw_sequence(double backwards, double between, std::int64_t window, Pcg32& random) {
  Sequence sequence = in_time(window);
  if (backwards + between <= 0) return sequence;
  const double kind = random.uniform();
  if (kind < backwards) {
    std::reverse(sequence.times.begin(), sequence.times.end());
    sequence.backwards = true;
  } else if (kind < backwards + between) {
    const std::int64_t given = 1 + random.below(static_cast<std::uint32_t>(std::min(kLongestEnd, window - 1)));
    std::rotate(sequence.times.begin(), sequence.times.end() - given, sequence.times.end());
  }
  return sequence;
}

Tensor in_order(const Tensor& by_time, const std::vector<std::int64_t>& times) {
  return by_time.index_select(1, at::tensor(at::ArrayRef<std::int64_t>(times)).to(by_time.device()));
}

Tensor worn(const Tensor& x, const Tensor& stains, double share, Pcg32& random) {
  const std::int64_t frames = x.size(1);
  Tensor contrast = at::ones({x.size(0), frames, 1, 1, 1}), stain = at::zeros({x.size(0), frames, 1, 1, 1});
  for (std::int64_t b = 0; b < x.size(0); ++b) {
    if (random.uniform() >= share) continue;
    const auto from = static_cast<std::int64_t>(random.below(static_cast<std::uint32_t>(frames)));
    contrast[b].slice(0, from).fill_(std::exp(kContrast * random.normal()));
    stain[b].slice(0, from).fill_(kStain * random.uniform());
  }
  const Tensor mean = x.mean({3, 4}, true);
  return x + (contrast.to(x.device()) - 1) * (x - mean) + stain.to(x.device()) * stains;
}

namespace {

/// All frames but the last as history, and all as targets.
std::vector<std::int64_t> once_as_history(const std::vector<std::int64_t>& frames) {
  std::vector<std::int64_t> all = frames;
  all.pop_back();
  all.insert(all.end(), frames.begin(), frames.end());
  return all;
}

}  // namespace

FrameLayout layout_of(const Clips& clips) {
  const std::int64_t frames = clips.x.size(1);
  const std::vector<std::int64_t>& times = clips.sequence.times;
  const std::vector<std::int64_t> order = in_time(frames).times;
  if (clips.plain) return {times, order, frames, clips.sequence.backwards};
  return {once_as_history(times), once_as_history(order), frames - 1, clips.sequence.backwards};
}

std::int64_t first_target(const FrameLayout& layout) {
  return static_cast<std::int64_t>(layout.times.size()) > layout.history ? layout.history : 0;
}

}  // namespace bitemark::model
