#include "model/frame_order.h"

#include "base/error.h"

namespace bitemark::model {

std::int64_t leading_frames(const Conditioning& request) {
  const auto count = static_cast<std::int64_t>(request.context.size());
  if (request.places.empty()) return count;
  std::int64_t first = 0;
  while (first < count && request.places[static_cast<std::size_t>(first)] == first) ++first;
  for (std::int64_t i = first; i < count; ++i)
    if (request.places[static_cast<std::size_t>(i)] != request.frame_count - count + i)
      throw InputError(request.id, "/context_places/" + std::to_string(i),
                       "is neither among the first frames nor among the last: this generator cannot use it");
  return first;
}

FrameOrder frame_order(const Conditioning& request, std::int64_t temporal, std::int64_t total, bool orders) {
  FrameOrder order;
  const std::int64_t leads = leading_frames(request);
  order.first_given = (leads + temporal - 1) / temporal;
  order.last_given = static_cast<std::int64_t>(request.context.size()) - leads;
  if (order.last_given > 0 && (!orders || temporal > 1))
    throw InputError(request.id, "/context_places",
                     "gives last frames, and this checkpoint was not trained to work towards them");
  order.backwards = order.last_given > 0 && order.first_given == 0;
  const std::int64_t ends = total - order.last_given;
  if (order.backwards) {
    for (std::int64_t t = total; t-- > 0;) order.visits.push_back({t, t >= ends, false});
    return order;
  }
  for (std::int64_t t = ends; t < total; ++t) order.visits.push_back({t, true, true});
  for (std::int64_t t = 0; t < ends; ++t) order.visits.push_back({t, t < order.first_given, false});
  return order;
}

}  // namespace bitemark::model
