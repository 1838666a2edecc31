// Object permanence, per occlusion. A tracked body is hidden over frames [a, b) of the truth (behind something, or out
// of the picture) and is back at b. Of the rollout is asked, each factor in [0, 1]:
//   recall    it went out of sight, and is found again within a third of a second of b
//   position  1 - distance to its true place at reappearance / 2 diameters
//   timing    1 - |reappearance - true reappearance| / 0.5 s
//   identity  1 - hue difference / 60 degrees
//   count     1 if there is one of it, 0.5 if there are two, 0 if more
// score = their product, averaged over occlusions.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numbers>

#include "metrics/metric.h"

namespace bitemark {
namespace {

constexpr double kHiddenShare = 0.05;
constexpr double kBackShare = 0.5;
constexpr double kLateness_s = 1.0 / 3;
constexpr double kTimingScale_s = 0.5;
constexpr double kPositionScale = 2;  // diameters
constexpr double kIdentityScale = std::numbers::pi / 3;
constexpr int kMinHiddenFrames = 2;

struct Occlusion {
  std::size_t body = 0;
  int from = 0;  ///< first hidden frame
  int back = 0;  ///< first frame in which half of it is to be seen again
};

struct Answer {
  double recall = 0, position = 0, timing = 0, identity = 0, count = 0;
  double score() const { return recall * position * timing * identity * count; }
};

std::vector<Occlusion> occlusions_of(const Observation& o) {
  std::vector<Occlusion> occlusions;
  for (std::size_t b = 0; b < o.bodies.size(); ++b) {
    if (!o.bodies[b].separable) continue;
    int from = -1;
    bool seen = false;
    for (int t = 0; t < o.frames(); ++t) {
      const auto& state = o.truth.state(t, o.bodies[b].id);
      const double share = state.visible_px / o.bodies[b].area_px;
      if (share <= kHiddenShare && seen && from < 0) from = t;
      if (share > kBackShare) {
        if (from >= 0 && t - from >= kMinHiddenFrames && t >= o.first()) occlusions.push_back({b, from, t});
        from = -1;
        seen = true;
      }
    }
  }
  return occlusions;
}

/// The first frame from `start` on in which body b is found in the tracks; frames() when there is none.
template <typename Find>
int first_found(int start, int end, Find find) {
  for (int t = start; t < end; ++t)
    if (find(t) != nullptr) return t;
  return end;
}

Answer answer_of(const Observation& o, const Occlusion& occlusion) {
  Answer answer;
  const auto b = occlusion.body;
  const double hz = o.truth.info.rate.hz();
  const int middle = (occlusion.from + occlusion.back) / 2;
  int hidden = 0;
  int visible = 0;
  for (int t = std::max(occlusion.from, o.first()); t < occlusion.back; ++t)
    if (o.true_blob(t, b) == nullptr) (o.rollout_blob(t, b) == nullptr ? hidden : visible) += 1;
  const auto rollout_at = [&](int t) { return o.rollout_blob(t, b); };
  const auto truth_at = [&](int t) { return o.true_blob(t, b); };
  const int true_back = first_found(middle, o.frames(), truth_at);
  // It must have gone: one that stays in sight while it should be hidden has not come back.
  if (hidden == 0 && visible > 0) return answer;
  int back = first_found(middle, o.frames(), rollout_at);
  // A body that comes out a little early may already be in sight in the middle: look back to its first frame.
  while (back > occlusion.from + 1 && back < o.frames() && rollout_at(back - 1) != nullptr) --back;
  if (back > true_back + std::lround(kLateness_s * hz) || back >= o.frames()) return answer;
  answer.recall = 1;
  answer.timing = std::max(0.0, 1 - std::abs(back - true_back) / hz / kTimingScale_s);
  const int both = std::min(std::max({back, true_back, occlusion.back}), o.frames() - 1);
  const Blob* is = rollout_at(both);
  const Blob* should = truth_at(both);
  if (is == nullptr || should == nullptr) return answer;
  answer.position =
      std::max(0.0, 1 - std::hypot(is->u - should->u, is->v - should->v) / (kPositionScale * o.diameter(b)));
  answer.identity = std::max(0.0, 1 - hue_distance(is->hue, should->hue) / kIdentityScale);
  const auto copies = o.rollout_tracks[static_cast<std::size_t>(both)][b].size();
  const auto expected = std::max<std::size_t>(1, o.truth_tracks[static_cast<std::size_t>(both)][b].size());
  answer.count = copies <= expected ? 1 : copies == expected + 1 ? 0.5 : 0;
  return answer;
}

void add_violations(const Observation& o, const Occlusion& occlusion, const Answer& answer, MetricResult& result) {
  if (answer.recall == 0) {
    const Blob* at_back = o.rollout_blob(occlusion.back, occlusion.body);
    if (at_back == nullptr)
      result.violations.push_back({"did-not-come-out", occlusion.back,
                                   fmt::format("the {} does not come back into sight", o.name_of(occlusion.body))});
    return;
  }
  if (answer.count < 1)
    result.violations.push_back(
        {"duplicated", occlusion.back, fmt::format("more than one {} comes back", o.name_of(occlusion.body))});
}

}  // namespace

MetricResult measure_permanence(const Observation& o) {
  MetricResult result;
  result.metric = "permanence";
  const auto occlusions = occlusions_of(o);
  if (occlusions.empty()) return not_applicable("permanence", "no tracked body is hidden and comes back");
  Answer mean;
  double score = 0;
  const auto n = static_cast<double>(occlusions.size());
  for (const auto& occlusion : occlusions) {
    const Answer answer = answer_of(o, occlusion);
    score += answer.score() / n;
    mean.recall += answer.recall / n;
    mean.position += answer.position / n;
    mean.timing += answer.timing / n;
    mean.identity += answer.identity / n;
    mean.count += answer.count / n;
    add_violations(o, occlusion, answer, result);
  }
  result.add("score", score, "", true);
  result.add("recall", mean.recall, "", true);
  result.add("position", mean.position, "", true);
  result.add("timing", mean.timing, "", true);
  result.add("identity", mean.identity, "", true);
  result.add("count", mean.count, "", true);
  return result;
}

}  // namespace bitemark
