// Left and right. For each pair of tracked bodies that the truth keeps apart: is the left one left? A body that is not
// found is wrong. The mirror test asks whether a frame is nearer to the mirrored truth than to the truth; the identity
// test whether two bodies stand nearer to each other's places than to their own.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <opencv2/imgproc.hpp>

#include "metrics/metric.h"
#include "track/image.h"

namespace bitemark {
namespace {

constexpr double kMarginShare = 0.05;  // of the frame's width: closer pairs have no order
constexpr int kSwapFrames = 2;
constexpr double kMirrorMargin = 0.15;

struct Order {
  int right = 0;  ///< pair-frames in the right order
  int all = 0;
  int seen = 0;
  int swapped = 0;
  int first_swap = -1;
};

/// +1: in order, -1: swapped, 0: one of them is not seen.
int order_at(const Observation& o, int t, std::size_t i, std::size_t j, double true_difference) {
  const Blob* a = o.rollout_blob(t, i);
  const Blob* b = o.rollout_blob(t, j);
  if (a == nullptr || b == nullptr) return 0;
  return (b->u - a->u) * true_difference > 0 ? 1 : -1;
}

void judge_pair(const Observation& o, std::size_t i, std::size_t j, Order& order) {
  int run = 0;
  for (int t = o.first(); t < o.frames(); ++t) {
    const Blob* a = o.true_blob(t, i);
    const Blob* b = o.true_blob(t, j);
    if (a == nullptr || b == nullptr || std::abs(b->u - a->u) < kMarginShare * o.width()) continue;
    const int sign = order_at(o, t, i, j, b->u - a->u);
    order.all += 1;
    order.seen += sign != 0 ? 1 : 0;
    order.right += sign > 0 ? 1 : 0;
    order.swapped += sign < 0 ? 1 : 0;
    run = sign < 0 ? run + 1 : 0;
    if (run == kSwapFrames && order.first_swap < 0) order.first_swap = t - kSwapFrames + 1;
  }
}

/// (D_mirrored - D_true) / (D_mirrored + D_true): above 0 where the frame is the truth, below where it is its mirror.
double mirror_margin(const Frame& truth, const Frame& rollout) {
  const cv::Mat a = as_mat(truth);
  cv::Mat mirrored;
  cv::flip(a, mirrored, 1);
  const double to_true = cv::norm(a, as_mat(rollout), cv::NORM_L1);
  const double to_mirror = cv::norm(mirrored, as_mat(rollout), cv::NORM_L1);
  return to_true + to_mirror == 0 ? 0 : (to_mirror - to_true) / (to_mirror + to_true);
}

/// First frame of a run of mirrored frames; -1 for none.
int first_mirrored(const Observation& o, double& share) {
  int mirrored = 0;
  int run = 0;
  int first = -1;
  for (int t = o.first(); t < o.frames(); ++t) {
    const auto frame = static_cast<std::size_t>(t);
    const bool is = mirror_margin(o.truth.clip.frames[frame], o.rollout.frames[frame]) < -kMirrorMargin;
    mirrored += is ? 1 : 0;
    run = is ? run + 1 : 0;
    if (run == kSwapFrames && first < 0) first = t - kSwapFrames + 1;
  }
  share = static_cast<double>(mirrored) / (o.frames() - o.first());
  return first;
}

double gap(const Blob* a, const Blob* b) { return std::hypot(a->u - b->u, a->v - b->v); }

/// Share of the frames in which bodies i and j have changed places.
double exchanged_share(const Observation& o, std::size_t i, std::size_t j) {
  int exchanged = 0;
  int all = 0;
  for (int t = o.first(); t < o.frames(); ++t) {
    const Blob* ti = o.true_blob(t, i);
    const Blob* tj = o.true_blob(t, j);
    const Blob* ri = o.rollout_blob(t, i);
    const Blob* rj = o.rollout_blob(t, j);
    if (ti == nullptr || tj == nullptr || ri == nullptr || rj == nullptr) continue;
    ++all;
    exchanged += gap(ri, tj) + gap(rj, ti) < gap(ri, ti) + gap(rj, tj) ? 1 : 0;
  }
  return all == 0 ? 0 : static_cast<double>(exchanged) / all;
}

}  // namespace

MetricResult measure_left_right(const Observation& o) {
  MetricResult result;
  result.metric = "left-right";
  Order order;
  double exchanged = 0;
  for (std::size_t i = 0; i < o.bodies.size(); ++i)
    for (std::size_t j = i + 1; j < o.bodies.size(); ++j) {
      if (!o.bodies[i].separable || !o.bodies[j].separable) continue;
      judge_pair(o, i, j, order);
      exchanged = std::max(exchanged, exchanged_share(o, i, j));
    }
  if (order.all == 0) return not_applicable("left-right", "no two tracked bodies stand apart");
  const double seen = static_cast<double>(order.seen) / order.all;
  result.add("order", static_cast<double>(order.right) / order.all, "", true, seen);
  result.add("swapped", static_cast<double>(order.swapped) / order.all, "", false, seen);
  if (o.first() > 0) {
    double mirrored = 0;
    const int first = first_mirrored(o, mirrored);
    result.add("mirrored", mirrored, "", false);
    result.add("exchanged", exchanged, "", false, seen);
    if (first >= 0) result.violations.push_back({"mirrored", first, "the picture is its own mirror image"});
  }
  if (order.first_swap >= 0) {
    result.violations.push_back({"swapped", order.first_swap, "left and right have changed places"});
    result.add("first_swap", (order.first_swap - o.first()) / o.truth.info.rate.hz(), "s", true);
  }
  return result;
}

}  // namespace bitemark
