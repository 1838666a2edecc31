// The mark of a bite. Where the truth has taken cookie away, the rollout must show what lies behind; where it has not,
// cookie; before the jaws have closed, whole cookie; and what is gone stays gone.
//   presence     share of the missing pixels (true, not hidden by the jaws) that look like the background behind
//   place        IoU of the missing regions of truth and rollout, mean over frames after the first mark
//   persistence  share of the frames after a mark was due in which it is there (presence of at least a half)
//   none_before  1 - share of the later missing pixels that look missing before the bite
// score = presence * persistence * none_before * sqrt(place).
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "metrics/metric.h"

namespace bitemark {
namespace {

constexpr std::size_t kFewPixels = 2;
constexpr double kPlain = 3 * 25 * 25;  // squared colour distance [levels of 255] that nobody overlooks
constexpr int kMinPixels = 8;           // a mark that shows less is not judged
constexpr double kOpenShare = 0.2;      // of a mark must be open to view before it is judged
constexpr double kThere = 0.5;          // presence of a mark that is there
constexpr double kGone = 0.35;          // and of one that is not
constexpr int kRunFrames = 2;

using Pixels = std::vector<std::size_t>;

struct Scene {
  std::uint16_t cookie = 0;
  std::vector<bool> is_jaw;   ///< by id
  std::vector<int> bites;     ///< frames of the bite events
  std::vector<bool> cookie0;  ///< cookie in the first frame
};

Scene scene_of(const Observation& o) {
  Scene scene;
  scene.is_jaw.assign(65536, false);
  for (const auto& body : o.truth.info.bodies)
    if (body.name.find("jaw") != std::string::npos) scene.is_jaw[body.id] = true;
  for (const auto& event : o.truth.info.events)
    if (event.type == "bite" && !event.ids.empty()) {
      scene.cookie = event.ids.front();
      scene.bites.push_back(event.frame);
    }
  for (const auto id : o.truth.truth.front().ids) scene.cookie0.push_back(scene.cookie != 0 && id == scene.cookie);
  return scene;
}

double squared_distance(const std::uint8_t* a, const std::uint8_t* b) {
  double sum = 0;
  for (int c = 0; c < 3; ++c) sum += (int{a[c]} - int{b[c]}) * (int{a[c]} - int{b[c]});
  return sum;
}

/// Cookie pixels of the first frame that are neither cookie nor jaw at frame t: taken, and open to view.
Pixels missing_at(const Observation& o, const Scene& scene, int t) {
  Pixels missing;
  const auto& ids = o.truth.truth[static_cast<std::size_t>(t)].ids;
  for (std::size_t p = 0; p < ids.size(); ++p)
    if (scene.cookie0[p] && ids[p] != scene.cookie && !scene.is_jaw[ids[p]]) missing.push_back(p);
  return missing;
}

/// Pixels that bite k takes: missing after it and not before.
Pixels taken_by(const Observation& o, const Scene& scene, std::size_t k) {
  const int end = k + 1 < scene.bites.size() ? scene.bites[k + 1] : o.frames();
  std::vector<bool> before(scene.cookie0.size(), false);
  for (int t = 0; t < scene.bites[k]; ++t)
    for (const auto p : missing_at(o, scene, t)) before[p] = true;
  std::vector<bool> after(scene.cookie0.size(), false);
  for (int t = scene.bites[k]; t < end; ++t)
    for (const auto p : missing_at(o, scene, t)) after[p] = true;
  Pixels taken;
  for (std::size_t p = 0; p < after.size(); ++p)
    if (after[p] && !before[p]) taken.push_back(p);
  return taken;
}

/// What each pixel looks like without cookie: the truth's own last frame in which it is open; elsewhere the mean.
std::vector<std::uint8_t> background_of(const Observation& o, const Scene& scene) {
  const auto& first = o.truth.clip.frames.front();
  std::vector<std::uint8_t> background = first.rgb;
  double mean[3] = {0, 0, 0};
  double count = 0;
  std::vector<bool> known(scene.cookie0.size(), false);
  for (int t = 0; t < o.frames(); ++t)
    for (const auto p : missing_at(o, scene, t)) {
      std::copy_n(&o.truth.clip.frames[static_cast<std::size_t>(t)].rgb[3 * p], 3, &background[3 * p]);
      known[p] = true;
    }
  for (std::size_t p = 0; p < known.size(); ++p)
    if (known[p]) {
      for (std::size_t c = 0; c < 3; ++c) mean[c] += background[3 * p + c];
      count += 1;
    }
  for (std::size_t p = 0; p < known.size(); ++p)
    if (scene.cookie0[p] && !known[p])
      for (std::size_t c = 0; c < 3; ++c)
        background[3 * p + c] = static_cast<std::uint8_t>(mean[c] / std::max(count, 1.0));
  return background;
}

class Judge {
 public:
  Judge(const Observation& o, const Scene& scene) : o_(o), background_(background_of(o, scene)) {}
  /// Looks more like the background than like the cookie of the first frame.
  bool looks_missing(int t, std::size_t p) const {
    const auto* pixel = &o_.rollout.frames[static_cast<std::size_t>(t)].rgb[3 * p];
    return squared_distance(pixel, &background_[3 * p]) <
           squared_distance(pixel, &o_.truth.clip.frames.front().rgb[3 * p]);
  }
  double missing_share(int t, const Pixels& pixels) const {
    if (pixels.empty()) return 0;
    const auto count = std::count_if(pixels.begin(), pixels.end(), [&](auto p) { return looks_missing(t, p); });
    return static_cast<double>(count) / static_cast<double>(pixels.size());
  }

 private:
  const Observation& o_;
  std::vector<std::uint8_t> background_;
};

/// Of `pixels`, those that no jaw covers at frame t.
Pixels open_at(const Observation& o, const Scene& scene, int t, const Pixels& pixels) {
  Pixels open;
  const auto& ids = o.truth.truth[static_cast<std::size_t>(t)].ids;
  std::copy_if(pixels.begin(), pixels.end(), std::back_inserter(open), [&](auto p) { return !scene.is_jaw[ids[p]]; });
  return open;
}

double place_at(const Observation& o, const Scene& scene, const Judge& judge, int t) {
  const auto& ids = o.truth.truth[static_cast<std::size_t>(t)].ids;
  int both = 0;
  int either = 0;
  for (std::size_t p = 0; p < ids.size(); ++p) {
    if (!scene.cookie0[p] || scene.is_jaw[ids[p]]) continue;
    const bool is = judge.looks_missing(t, p);
    const bool should = ids[p] != scene.cookie;
    both += is && should ? 1 : 0;
    either += is || should ? 1 : 0;
  }
  return either == 0 ? 1 : static_cast<double>(both) / either;
}

struct Totals {
  double presence = 0, before = 0, place = 0;
  int presence_frames = 0, there_frames = 0, before_frames = 0, place_frames = 0;
};

/// Pixels of the whole cookie in which rollout and truth plainly differ.
std::size_t plainly_different(const Observation& o, const Scene& scene, int t) {
  const auto& truth = o.truth.clip.frames[static_cast<std::size_t>(t)].rgb;
  const auto& rollout = o.rollout.frames[static_cast<std::size_t>(t)].rgb;
  std::size_t count = 0;
  for (std::size_t p = 0; p < scene.cookie0.size(); ++p)
    count += scene.cookie0[p] && squared_distance(&rollout[3 * p], &truth[3 * p]) > kPlain ? 1 : 0;
  return count;
}

/// A mark that is known to be missing at frame t was missing since the bite; it is wrong from where a viewer could
/// first tell, between the jaws as well.
int first_seen_missing(const Observation& o, const Scene& scene, int bite, int t) {
  while (t - 1 >= bite && plainly_different(o, scene, t - 1) >= kFewPixels) --t;
  return t;
}

/// Follows one mark through the clip: before, presence, healing.
void judge_bite(const Observation& o, const Scene& scene, const Judge& judge, std::size_t k, Totals& totals,
                MetricResult& result) {
  const Pixels taken = taken_by(o, scene, k);
  if (taken.size() < kMinPixels) return;
  int early = 0;
  int absent = 0;
  int present = 0;
  bool told = false;
  for (int t = o.first(); t < o.frames(); ++t) {
    const Pixels open = open_at(o, scene, t, taken);
    if (static_cast<int>(open.size()) < kMinPixels ||
        static_cast<double>(open.size()) < kOpenShare * static_cast<double>(taken.size()))
      continue;
    const double share = judge.missing_share(t, open);
    if (t < scene.bites[k]) {
      totals.before += share;
      totals.before_frames += 1;
      early = share > kThere ? early + 1 : 0;
      if (early == kRunFrames)
        result.violations.push_back(
            {"mark-before-contact", t - kRunFrames + 1, "there is a mark before the jaws have closed"});
      continue;
    }
    totals.presence += share;
    totals.presence_frames += 1;
    totals.there_frames += share >= kThere ? 1 : 0;
    absent = share < kGone ? absent + 1 : 0;
    present += share >= kThere ? 1 : 0;
    if (absent == kRunFrames && !told) {
      told = true;
      const bool healed = present >= kRunFrames;
      const int first = t - kRunFrames + 1;
      result.violations.push_back(
          {healed ? "mark-healed" : "no-mark", healed ? first : first_seen_missing(o, scene, scene.bites[k], first),
           healed ? fmt::format("mark {} has healed", k + 1) : fmt::format("bite {} leaves no mark", k + 1)});
    }
  }
}

}  // namespace

MetricResult measure_bite(const Observation& o) {
  MetricResult result;
  result.metric = "bite";
  const Scene scene = scene_of(o);
  if (scene.bites.empty()) return not_applicable("bite", "nothing is bitten");
  const Judge judge(o, scene);
  Totals totals;
  for (std::size_t k = 0; k < scene.bites.size(); ++k) judge_bite(o, scene, judge, k, totals, result);
  for (int t = std::max(o.first(), scene.bites.front()); t < o.frames(); ++t) {
    if (missing_at(o, scene, t).size() < kMinPixels) continue;
    totals.place += place_at(o, scene, judge, t);
    totals.place_frames += 1;
  }
  if (totals.presence_frames == 0 || totals.place_frames == 0)
    return not_applicable("bite", "no mark is open to view after the context");
  const double presence = totals.presence / totals.presence_frames;
  const double persistence = static_cast<double>(totals.there_frames) / totals.presence_frames;
  const double before = totals.before_frames == 0 ? 1 : 1 - totals.before / totals.before_frames;
  const double place = totals.place / totals.place_frames;
  result.add("score", presence * persistence * before * std::sqrt(place), "", true);
  result.add("presence", presence, "", true);
  result.add("persistence", persistence, "", true);
  result.add("none_before", before, "", true);
  result.add("place", place, "", true);
  return result;
}

}  // namespace bitemark
