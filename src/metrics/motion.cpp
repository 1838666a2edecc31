// Motion: how far the tracked bodies lie from where they should be. A body that is not found counts as half a frame
// width away. Bodies that stand still in the truth are left out: holding the last frame must not win by them.
#include <algorithm>
#include <cmath>

#include "metrics/metric.h"

namespace bitemark {
namespace {

constexpr double kLost = 50;         // % of the frame's width
constexpr double kWholeShare = 0.5;  // of its area in view: the centroid of a sliver is not the body's place
constexpr double kMovedShare = 2;    // % of the frame's width: less is standing still

struct Error {
  double sum = 0;
  int count = 0;
  int found = 0;
};

double percent_of_width(const Observation& o, const Blob& a, const Blob& b) {
  return 100 * std::hypot(a.u - b.u, a.v - b.v) / o.width();
}

/// Adds the error of body b at frame t, if it is to be seen there and has moved since the context.
void add_error(const Observation& o, std::size_t b, int t, Error& error) {
  const Blob* now = o.true_blob(t, b);
  const Blob* before = o.true_blob(std::max(o.first() - 1, 0), b);
  if (now == nullptr || before == nullptr || now->area_px < kWholeShare * o.bodies[b].area_px ||
      percent_of_width(o, *now, *before) < kMovedShare)
    return;
  const Blob* answer = o.rollout_blob(t, b);
  error.count += 1;
  error.found += answer != nullptr ? 1 : 0;
  error.sum += answer != nullptr ? std::min(kLost, percent_of_width(o, *answer, *now)) : kLost;
}

Error error_at(const Observation& o, double seconds) {
  Error error;
  const int t = o.first() - 1 + static_cast<int>(std::lround(seconds * o.truth.info.rate.hz()));
  if (t < o.first() || t >= o.frames()) return error;
  for (std::size_t b = 0; b < o.bodies.size(); ++b) add_error(o, b, t, error);
  return error;
}

void report(MetricResult& result, const char* name, const Error& error) {
  if (error.count == 0) return;
  result.add(name, error.sum / error.count, "% of width", false, static_cast<double>(error.found) / error.count);
}

}  // namespace

MetricResult measure_motion(const Observation& o) {
  MetricResult result;
  result.metric = "motion";
  if (o.first() == 0) return not_applicable("motion", "there is no context to continue");
  Error all;
  for (int t = o.first(); t < o.frames(); ++t)
    for (std::size_t b = 0; b < o.bodies.size(); ++b) add_error(o, b, t, all);
  if (all.count == 0) return not_applicable("motion", "no tracked body moves");
  report(result, "error", all);
  report(result, "error_0.5s", error_at(o, 0.5));
  report(result, "error_1s", error_at(o, 1.0));
  return result;
}

}  // namespace bitemark
