// Continuity: nothing vanishes in plain view, doubles, appears, changes its size, jumps or freezes. Score: share of the
// judged frames in which none of that is so, over all tracked bodies.
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
constexpr int kAppearedFrames = 3;
constexpr double kAppearedShare = 0.3;  // of the smallest body's area: a thing, not an edge
constexpr double kBeyondTruth = 2;      // times the largest thing of such a colour in the truth
constexpr int kResizedFrames = 3;
constexpr double kResizedBall = 1.3;     // times as wide as it should be, or as narrow
constexpr double kResizedBox = 1.45;     // seen from the corner a cube is 1.3 times as wide as from the side
constexpr double kSameShape = 1.35;      // both ways alike: what is half hidden or doubled is not
constexpr int kNeighbourPx = 2;          // so near to another thing its outline is not all its own
constexpr double kJumpDiameters = 1.25;  // beyond the true step, in one frame
constexpr double kMinJumpShare = 0.12;   // of the frame's width
constexpr double kStillLevel = 0.15;     // mean absolute difference of neighbouring frames [levels of 255]
constexpr double kMovingLevel = 0.3;

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

/// The body stands free: no other body or obstacle lies at its outline, in the truth or here, nor the picture's edge.
bool stands_free(const Observation& o, const Blob& blob, std::size_t b, int t) {
  const double reach = 2.2 * blob.major_px + kNeighbourPx;  // of a disc the radius is twice the deviation
  const int side = o.truth.info.width, height = o.truth.info.height;
  if (blob.u < reach || blob.v < reach || blob.u > side - reach || blob.v > height - reach) return false;
  const auto& ids = o.truth.truth[static_cast<std::size_t>(t)].ids;
  for (int y = static_cast<int>(blob.v - reach); y <= static_cast<int>(blob.v + reach) && y < height; ++y)
    for (int x = static_cast<int>(blob.u - reach); x <= static_cast<int>(blob.u + reach) && x < side; ++x) {
      const auto id = ids[static_cast<std::size_t>(y) * static_cast<std::size_t>(side) + static_cast<std::size_t>(x)];
      if (id != 0 && id != o.bodies[b].id) return false;
    }
  for (std::size_t other = 0; other < o.bodies.size(); ++other) {
    const Blob* near = other == b ? nullptr : o.rollout_blob(t, other);
    if (near != nullptr && std::hypot(near->u - blob.u, near->v - blob.v) < reach + 2.2 * near->major_px) return false;
  }
  return true;
}

bool is_ball(const Observation& o, std::size_t b) {
  return std::any_of(o.truth.info.bodies.begin(), o.truth.info.bodies.end(),
                     [&](const Body& body) { return body.id == o.bodies[b].id && body.shape == "sphere"; });
}

/// Larger or smaller than it should be, by as much in both directions, in plain view.
bool resized(const Observation& o, std::size_t b, int t) {
  const Blob *is = o.rollout_blob(t, b), *should = o.true_blob(t, b);
  if (is == nullptr || should == nullptr || !plainly_visible(o, b, t)) return false;
  if (!stands_free(o, *is, b, t) || !stands_free(o, *should, b, t)) return false;
  if (is->minor_px <= 0 || should->minor_px <= 0) return false;
  const double wider = is->major_px / should->major_px, thicker = is->minor_px / should->minor_px;
  const double scale = std::sqrt(wider * thicker), limit = is_ball(o, b) ? kResizedBall : kResizedBox;
  const bool alike = std::max(wider / thicker, thicker / wider) < kSameShape;
  return alike && (scale > limit || scale < 1 / limit);
}

/// Two bodies apart, or two that touch: their colour covers more than one body can.
bool doubled(const Observation& o, std::size_t b, int t) {
  const double whole = o.bodies[b].area_px;
  const auto& should = o.truth_tracks[static_cast<std::size_t>(t)][b];
  const auto& is = o.rollout_tracks[static_cast<std::size_t>(t)][b];
  const auto big =
      std::count_if(is.begin(), is.end(), [&](const Blob& blob) { return blob.area_px >= kSecondShare * whole; });
  if (big >= 2 && should.size() < 2) return true;
  if (is.size() == 1 && resized(o, b, t)) return false;  // one that has grown
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

/// A thing of a colour that nothing has, while nothing that should be there is missing: else it has changed colour.
bool appeared(const Observation& o, const Surroundings& usual, int t) {
  double smallest = -1;
  for (std::size_t b = 0; b < o.bodies.size(); ++b) {
    if (!o.bodies[b].separable) continue;
    if (plainly_visible(o, b, t) && o.rollout_blob(t, b) == nullptr) return false;
    smallest = smallest < 0 ? o.bodies[b].area_px : std::min(smallest, o.bodies[b].area_px);
  }
  if (smallest < 0) return false;
  const auto found = find_strangers(o.rollout.frames[static_cast<std::size_t>(t)], o.bodies, usual);
  return !found.empty() && found.front().area_px > kAppearedShare * smallest + kBeyondTruth * usual.largest_px;
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
  Run resize(kResizedFrames, "changed-size", fmt::format("the {} changes its size", name));
  Run jump(1, "jumped", fmt::format("the {} jumps", name));
  for (int t = std::max(o.first(), 1); t < o.frames(); ++t) {
    vanished.step(t, plainly_visible(o, b, t) && o.rollout_blob(t, b) == nullptr, result, wrong);
    duplicate.step(t, doubled(o, b, t), result, wrong);
    resize.step(t, resized(o, b, t), result, wrong);
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
  const Surroundings usual = learn_surroundings(o.truth, o.bodies);
  Run stranger(kAppearedFrames, "appeared", "a thing appears from nothing");
  for (int t = std::max(o.first(), 1); t < o.frames(); ++t) stranger.step(t, appeared(o, usual, t), result, wrong);
  Run still(kFrozenFrames, "frozen", "the picture stands still while the world moves");
  for (int t = std::max(o.first(), 1); t < o.frames(); ++t) still.step(t, frozen(o, t), result, wrong);
  const double frames = o.frames() - o.first();
  const double coverage = o.bodies.empty() ? 1 : static_cast<double>(judged) / static_cast<double>(o.bodies.size());
  result.add("score", 1 - static_cast<double>(wrong.size()) / frames, "", true, coverage);
  return result;
}

}  // namespace bitemark
