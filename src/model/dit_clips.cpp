#include "model/dit_clips.h"

#include <algorithm>
#include <numeric>

namespace bitemark::model {
namespace {

constexpr std::int64_t kLongestEnd = 4;  ///< given last frames

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

FrameLayout layout_of(const Clips& clips) {
  const auto& times = clips.sequence.times;
  FrameLayout layout{times, in_time(clips.x.size(1)).times, clips.x.size(1), clips.sequence.backwards};
  if (clips.plain) return layout;
  layout.history -= 1;
  layout.times.insert(layout.times.begin(), times.begin(), times.end() - 1);
  const std::vector<std::int64_t> order = layout.order;
  layout.order.insert(layout.order.begin(), order.begin(), order.end() - 1);
  return layout;
}

std::int64_t first_target(const FrameLayout& layout) {
  return static_cast<std::int64_t>(layout.times.size()) > layout.history ? layout.history : 0;
}

}  // namespace bitemark::model
