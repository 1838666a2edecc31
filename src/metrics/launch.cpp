// Causality of a push: a body at rest that is struck moves after the contact and not before.
//   score = (not before) * (after), not before in {0, 1}, after = min(r, 1/r), r = its way in the rollout over its way
//   in the truth, along the true direction, half a second after the contact.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <optional>

#include "metrics/metric.h"

namespace bitemark {
namespace {

constexpr double kRestSpeed = 0.05;  // [m/s]
constexpr double kHorizon_s = 0.5;
constexpr double kMoveDiameters = 0.2;  // less is standing still
constexpr double kMinMovePx = 1.2;
constexpr double kNearFactor = 1.3;  // of the centres' distance at the true contact
constexpr int kLateFrames = 4;

struct Strike {
  std::size_t striker = 0;
  std::size_t struck = 0;
  int frame = 0;  ///< first frame that can show it
};

std::optional<std::size_t> index_of(const Observation& o, std::uint16_t id) {
  for (std::size_t b = 0; b < o.bodies.size(); ++b)
    if (o.bodies[b].id == id && o.bodies[b].separable) return b;
  return std::nullopt;
}

double speed(const BodyState& state) { return std::hypot(state.velocity[0], state.velocity[1], state.velocity[2]); }

std::optional<Strike> find_strike(const Observation& o) {
  for (const auto& event : o.truth.info.events) {
    if (event.type != "contact_begin" || event.ids.size() < 2 || event.frame <= o.first() || event.frame >= o.frames())
      continue;
    const auto a = index_of(o, event.ids[0]);
    const auto b = index_of(o, event.ids[1]);
    if (!a || !b) continue;
    const int before = event.frame - 1;
    const bool a_rests = speed(o.truth.state(before, event.ids[0])) < kRestSpeed;
    const bool b_rests = speed(o.truth.state(before, event.ids[1])) < kRestSpeed;
    if (a_rests != b_rests) return Strike{a_rests ? *b : *a, a_rests ? *a : *b, event.frame};
  }
  return std::nullopt;
}

double distance(const Blob& a, const Blob& b) { return std::hypot(a.u - b.u, a.v - b.v); }

/// The first frame in which the struck body has left its place for good (this frame and the next); frames() if never.
int onset(const Observation& o, const Strike& strike, const Blob& place, double threshold, bool in_truth) {
  const auto moved = [&](int t) {
    const Blob* blob = in_truth ? o.true_blob(t, strike.struck) : o.rollout_blob(t, strike.struck);
    return blob != nullptr && distance(*blob, place) > threshold;
  };
  for (int t = o.first(); t < o.frames(); ++t)
    if (moved(t) && (t + 1 >= o.frames() || moved(t + 1))) return t;
  return o.frames();
}

/// Moved while the striker was still away from it: an effect before its cause.
bool moved_before_contact(const Observation& o, const Strike& strike, int start, int true_start) {
  if (start >= true_start - 1 || start >= o.frames()) return false;
  const Blob* a = o.true_blob(strike.frame, strike.striker);
  const Blob* b = o.true_blob(strike.frame, strike.struck);
  const double touching =
      a != nullptr && b != nullptr ? distance(*a, *b) : (o.diameter(strike.striker) + o.diameter(strike.struck)) / 2;
  const int before = std::max(start - 1, 0);
  const Blob* striker = o.rollout_blob(before, strike.striker);
  const Blob* struck = o.rollout_blob(before, strike.struck);
  return striker == nullptr || struck == nullptr || distance(*striker, *struck) > kNearFactor * touching + 1;
}

double way_ratio(const Observation& o, const Strike& strike, const Blob& place) {
  int t = std::min(o.frames() - 1, strike.frame + static_cast<int>(std::lround(kHorizon_s * o.truth.info.rate.hz())));
  while (t > strike.frame && o.true_blob(t, strike.struck) == nullptr) --t;
  const Blob* should = o.true_blob(t, strike.struck);
  const Blob* is = o.rollout_blob(t, strike.struck);
  if (should == nullptr || is == nullptr) return 0;
  const double x = should->u - place.u;
  const double y = should->v - place.v;
  const double along = (is->u - place.u) * x + (is->v - place.v) * y;
  return std::max(0.0, along / (x * x + y * y));
}

}  // namespace

MetricResult measure_launch(const Observation& o) {
  MetricResult result;
  result.metric = "launch";
  const auto strike = find_strike(o);
  if (!strike) return not_applicable("launch", "no tracked body at rest is struck after the context");
  const Blob* place = o.true_blob(std::max(o.first() - 1, 0), strike->struck);
  if (place == nullptr) return not_applicable("launch", "the struck body is not seen at the end of the context");
  const double threshold = std::max(kMinMovePx, kMoveDiameters * o.diameter(strike->struck));
  const int true_start = onset(o, *strike, *place, threshold, true);
  if (true_start >= o.frames()) return not_applicable("launch", "the struck body hardly moves in the truth");
  const int start = onset(o, *strike, *place, threshold, false);
  const std::string name = o.name_of(strike->struck);
  const bool before = moved_before_contact(o, *strike, start, true_start);
  if (before)
    result.violations.push_back(
        {"moved-before-contact", start, fmt::format("the {} moves before anything touches it", name)});
  const Blob* last = o.rollout_blob(std::min(true_start + kLateFrames, o.frames() - 1), strike->struck);
  if (true_start + kLateFrames < o.frames() && start > true_start + kLateFrames && last != nullptr)
    result.violations.push_back(
        {"no-motion-after-contact", true_start, fmt::format("the {} is struck and does not move", name)});
  const double ratio = way_ratio(o, *strike, *place);
  const double after = ratio <= 0 ? 0 : std::min(ratio, 1 / ratio);
  result.add("score", before ? 0 : after, "", true);
  result.add("not_before", before ? 0 : 1, "", true);
  result.add("after", after, "", true);
  const double lag = (std::min(start, o.frames()) - true_start) / o.truth.info.rate.hz();
  result.add("onset_lag", lag, "s", false, start < o.frames() ? 1 : 0);
  return result;
}

}  // namespace bitemark
