// Continuity: nothing vanishes in plain view, doubles, jumps or freezes. Score: share of the judged frames in which
// none of that is so, over all tracked bodies.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <set>

#include "metrics/metric.h"

namespace bitemark {
namespace {

constexpr double kWholeShare = 0.6;    // of its whole area: plainly in view
constexpr double kSecondShare = 0.45;  // a second blob of this share of the area is a second body
constexpr double kMoreThanOne = 1.3;   // times the whole area: more than one body can show
constexpr double kSecondArea = 0.5;    // beyond what the truth shows there
constexpr int kVanishedFrames = 3;
constexpr int kDoubledFrames = 2;
constexpr int kFrozenFrames = 3;
constexpr double kJumpDiameters = 1.25;  // beyond the true step, in one frame
constexpr double kMinJumpShare = 0.12;   // of the frame's width
constexpr double kStillLevel = 0.25;     // mean absolute difference of neighbouring frames [levels of 255]
constexpr double kMovingLevel = 0.6;

/// Collects runs of bad frames; a violation begins where a run of `needed` frames begins.
class Run {
 public:
  Run(int needed, std::string type, std::string text)
      : needed_(needed), violation_{std::move(type), 0, std::move(text)} {}
  void step(int frame, bool bad, MetricResult& result, std::set<int>& wrong) {
    if (!bad) {
      length_ = 0;
      return;
    }
    if (++length_ == 1) violation_.frame = frame;
    if (length_ < needed_) return;
    for (int t = violation_.frame; t <= frame; ++t) wrong.insert(t);
    if (!reported_) result.violations.push_back(violation_);
    reported_ = true;
  }

 private:
  int needed_;
  int length_ = 0;
  bool reported_ = false;
  Violation violation_;
};

bool plainly_visible(const Observation& o, std::size_t b, int t) {
  const Blob* blob = o.true_blob(t, b);
  return blob != nullptr && blob->area_px >= kWholeShare * o.bodies[b].area_px &&
         o.truth.state(t, o.bodies[b].id).visible_px >= kWholeShare * o.bodies[b].area_px;
}

double total_area(const std::vector<Blob>& blobs) {
  double area = 0;
  for (const auto& blob : blobs) area += blob.area_px;
  return area;
}

/// Two bodies apart, or two that touch: their colour covers more than one body can.
bool doubled(const Observation& o, std::size_t b, int t) {
  const double whole = o.bodies[b].area_px;
  const auto& should = o.truth_tracks[static_cast<std::size_t>(t)][b];
  const auto& is = o.rollout_tracks[static_cast<std::size_t>(t)][b];
  const auto big =
      std::count_if(is.begin(), is.end(), [&](const Blob& blob) { return blob.area_px >= kSecondShare * whole; });
  if (big >= 2 && should.size() < 2) return true;
  const double expected = total_area(should);
  return total_area(is) > std::max(kMoreThanOne * whole, expected + kSecondArea * std::max(whole, expected));
}

bool jumped(const Observation& o, std::size_t b, int t) {
  const Blob* a0 = o.true_blob(t - 1, b);
  const Blob* a1 = o.true_blob(t, b);
  const Blob* r0 = o.rollout_blob(t - 1, b);
  const Blob* r1 = o.rollout_blob(t, b);
  if (a0 == nullptr || a1 == nullptr || r0 == nullptr || r1 == nullptr) return false;
  if (!plainly_visible(o, b, t - 1) || !plainly_visible(o, b, t)) return false;
  const double true_step = std::hypot(a1->u - a0->u, a1->v - a0->v);
  const double step = std::hypot(r1->u - r0->u, r1->v - r0->v);
  return step > true_step + std::max(kJumpDiameters * o.diameter(b), kMinJumpShare * o.width());
}

double difference(const Frame& a, const Frame& b) {
  double sum = 0;
  for (std::size_t i = 0; i < a.rgb.size(); ++i) sum += std::abs(int{a.rgb[i]} - int{b.rgb[i]});
  return sum / static_cast<double>(a.rgb.size());
}

bool frozen(const Observation& o, int t) {
  const auto frame = static_cast<std::size_t>(t);
  return difference(o.rollout.frames[frame], o.rollout.frames[frame - 1]) < kStillLevel &&
         difference(o.truth.clip.frames[frame], o.truth.clip.frames[frame - 1]) > kMovingLevel;
}

void judge_body(const Observation& o, std::size_t b, MetricResult& result, std::set<int>& wrong) {
  const std::string name = o.name_of(b);
  Run vanished(kVanishedFrames, "vanished", fmt::format("the {} is gone though nothing hides it", name));
  Run duplicate(kDoubledFrames, "duplicated", fmt::format("there are two of the {}", name));
  Run jump(1, "jumped", fmt::format("the {} jumps", name));
  for (int t = std::max(o.first(), 1); t < o.frames(); ++t) {
    vanished.step(t, plainly_visible(o, b, t) && o.rollout_blob(t, b) == nullptr, result, wrong);
    duplicate.step(t, doubled(o, b, t), result, wrong);
    jump.step(t, jumped(o, b, t), result, wrong);
  }
}

}  // namespace

MetricResult measure_continuity(const Observation& o) {
  MetricResult result;
  result.metric = "continuity";
  if (o.first() == 0) return not_applicable("continuity", "there is no context to continue");
  std::set<int> wrong;
  std::size_t judged = 0;
  for (std::size_t b = 0; b < o.bodies.size(); ++b) {
    if (!o.bodies[b].separable) continue;
    ++judged;
    judge_body(o, b, result, wrong);
  }
  Run still(kFrozenFrames, "frozen", "the picture stands still while the world moves");
  for (int t = std::max(o.first(), 1); t < o.frames(); ++t) still.step(t, frozen(o, t), result, wrong);
  const double frames = o.frames() - o.first();
  const double coverage = o.bodies.empty() ? 1 : static_cast<double>(judged) / static_cast<double>(o.bodies.size());
  result.add("score", 1 - static_cast<double>(wrong.size()) / frames, "", true, coverage);
  return result;
}

}  // namespace bitemark
