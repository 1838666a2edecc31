// 3D consistency: the rollout's own optical flow against the flow that true depth and true camera imply.
//   consistency = coverage * (1 - mean over valid pixels of min(|f_rollout - f_true|, cap) / cap)
// Flow is dense inverse search (Kroeger et al., ECCV 2016; OpenCV's DIS, preset medium) between neighbouring frames;
// the cap is a twelfth of the frame's width. Motion rule: frames whose true flow is under half a pixel on average say
// nothing and are left out, and so are those in which the estimator does not follow the truth itself (agreement under
// 0.7: the camera turns too fast for it); a rollout that moves less than a quarter of the truth fails there (stillness
// does not win). From 256 pixels up, also the epipolar error: Sampson distance (Hartley and Zisserman, 2nd ed.,
// eq. 11.9) under the fundamental matrix of the *true* cameras over all SIFT ratio-test matches (0.8), capped, between
// frames 4 apart.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <opencv2/features2d.hpp>
#include <opencv2/video/tracking.hpp>

#include "metrics/metric.h"
#include "track/image.h"

namespace bitemark {
namespace {

constexpr double kCapShare = 1.0 / 12;  // of the frame's width
constexpr double kMinTrueFlow = 0.5;    // [px], mean over valid pixels
constexpr double kMinMotionShare = 0.25;
constexpr double kWobbleLoss = 0.12;  // of agreement against the truth's own, in one frame pair
constexpr double kTrueScore = 0.7;    // the estimator's own agreement on the truth
constexpr int kWobbleFrames = 2;
constexpr int kMinEpipolarSide = 256;
constexpr int kEpipolarGap = 4;     // frames
constexpr double kEpipolarCap = 5;  // [px]
constexpr double kRatio = 0.8;

cv::Mat dense_flow(const Frame& from, const Frame& to) {
  cv::Mat flow;
  const auto dis = cv::DISOpticalFlow::create(cv::DISOpticalFlow::PRESET_MEDIUM);
  dis->setFinestScale(0);  // frames are small: follow them to the pixel
  dis->calc(to_gray(from), to_gray(to), flow);
  return flow;
}

struct Agreement {
  double score = 0;      ///< 1 - mean capped error / cap
  double true_flow = 0;  ///< mean length [px]
  double flow = 0;       ///< of the clip that is judged
  int pixels = 0;
};

Agreement agree(const FrameTruth& truth, const cv::Mat& flow, double cap) {
  Agreement agreement;
  double error = 0;
  for (int y = 0; y < flow.rows; ++y)
    for (int x = 0; x < flow.cols; ++x) {
      const auto at = static_cast<std::size_t>(y) * static_cast<std::size_t>(flow.cols) + static_cast<std::size_t>(x);
      constexpr unsigned kInvalid =
          FrameTruth::kForwardOccluded | FrameTruth::kForwardLeft | FrameTruth::kForwardCut | FrameTruth::kForwardGone;
      if ((truth.flow_flags[at] & kInvalid) != 0 || truth.depth[at] <= 0) continue;
      const auto& f = flow.at<cv::Vec2f>(y, x);
      const double tx = truth.flow_forward[2 * at];
      const double ty = truth.flow_forward[2 * at + 1];
      error += std::min(cap, std::hypot(f[0] - tx, f[1] - ty));
      agreement.true_flow += std::hypot(tx, ty);
      agreement.flow += std::hypot(f[0], f[1]);
      ++agreement.pixels;
    }
  if (agreement.pixels == 0) return agreement;
  agreement.score = 1 - error / agreement.pixels / cap;
  agreement.true_flow /= agreement.pixels;
  agreement.flow /= agreement.pixels;
  return agreement;
}

/// F with x2' F x1 = 0, from the true cameras (Hartley and Zisserman, eq. 9.2).
cv::Matx33d fundamental(const Camera& first, const Camera& second) {
  const Pose X_21 = compose(inverse(second.X_WC), first.X_WC);
  const auto& t = X_21.position;
  const cv::Matx33d cross(0, -t[2], t[1], t[2], 0, -t[0], -t[1], t[0], 0);
  cv::Matx33d rotation;
  for (int j = 0; j < 3; ++j) {
    Vec3 axis{0, 0, 0};
    axis[static_cast<std::size_t>(j)] = 1;
    const Vec3 column = rotate(X_21.rotation, axis);
    for (int i = 0; i < 3; ++i) rotation(i, j) = column[static_cast<std::size_t>(i)];
  }
  const cv::Matx33d K1(first.fx, 0, first.cx, 0, first.fy, first.cy, 0, 0, 1);
  const cv::Matx33d K2(second.fx, 0, second.cx, 0, second.fy, second.cy, 0, 0, 1);
  return K2.inv().t() * cross * rotation * K1.inv();
}

double sampson(const cv::Matx33d& F, const cv::Point2f& a, const cv::Point2f& b) {
  const cv::Vec3d x1(a.x + 0.5, a.y + 0.5, 1);  // OpenCV counts from the pixel's centre
  const cv::Vec3d x2(b.x + 0.5, b.y + 0.5, 1);
  const cv::Vec3d l2 = F * x1;
  const cv::Vec3d l1 = F.t() * x2;
  const double e = x2.dot(l2);
  return std::abs(e) / std::sqrt(l2[0] * l2[0] + l2[1] * l2[1] + l1[0] * l1[0] + l1[1] * l1[1]);
}

/// Adds the capped errors of all matches between two frames.
void add_matches(const Frame& first, const Frame& second, const cv::Matx33d& F, double& sum, int& count) {
  const auto sift = cv::SIFT::create();
  std::vector<cv::KeyPoint> points1;
  std::vector<cv::KeyPoint> points2;
  cv::Mat features1;
  cv::Mat features2;
  sift->detectAndCompute(to_gray(first), cv::noArray(), points1, features1);
  sift->detectAndCompute(to_gray(second), cv::noArray(), points2, features2);
  if (points1.size() < 2 || points2.size() < 2) return;
  std::vector<std::vector<cv::DMatch>> matches;
  cv::BFMatcher(cv::NORM_L2).knnMatch(features1, features2, matches, 2);
  for (const auto& pair : matches) {
    if (pair.size() < 2 || pair[0].distance > kRatio * pair[1].distance) continue;
    sum += std::min(kEpipolarCap, sampson(F, points1[static_cast<std::size_t>(pair[0].queryIdx)].pt,
                                          points2[static_cast<std::size_t>(pair[0].trainIdx)].pt));
    ++count;
  }
}

void measure_epipolar(const Observation& o, MetricResult& result) {
  double sum = 0;
  int count = 0;
  int pairs = 0;
  for (int t = o.first(); t + kEpipolarGap < o.frames(); t += kEpipolarGap) {
    const auto& c1 = o.truth.info.cameras[static_cast<std::size_t>(t)];
    const auto& c2 = o.truth.info.cameras[static_cast<std::size_t>(t + kEpipolarGap)];
    const Pose X_21 = compose(inverse(c2.X_WC), c1.X_WC);
    if (std::hypot(X_21.position[0], X_21.position[1], X_21.position[2]) < 1e-3) continue;  // F needs a baseline
    ++pairs;
    add_matches(o.rollout.frames[static_cast<std::size_t>(t)],
                o.rollout.frames[static_cast<std::size_t>(t + kEpipolarGap)], fundamental(c1, c2), sum, count);
  }
  if (pairs == 0) return;
  // No match at all is as bad as every match beyond the cap.
  result.add("epipolar_error", count == 0 ? kEpipolarCap : sum / count, "px", false, count == 0 ? 0 : 1);
  result.add("matches", static_cast<double>(count) / pairs, "a frame pair", true);
}

}  // namespace

MetricResult measure_geometry(const Observation& o) {
  MetricResult result;
  result.metric = "geometry";
  const double cap = kCapShare * o.width();
  double score = 0;
  int judged = 0;
  int bad_run = 0;
  for (int t = std::max(o.first() - 1, 0); t + 1 < o.frames(); ++t) {
    const auto frame = static_cast<std::size_t>(t);
    const auto truth =
        agree(o.truth.truth[frame], dense_flow(o.truth.clip.frames[frame], o.truth.clip.frames[frame + 1]), cap);
    if (truth.pixels == 0 || truth.true_flow < kMinTrueFlow || truth.score < kTrueScore) continue;
    const auto rollout =
        agree(o.truth.truth[frame], dense_flow(o.rollout.frames[frame], o.rollout.frames[frame + 1]), cap);
    const bool still = rollout.flow < kMinMotionShare * truth.true_flow;
    ++judged;
    score += still ? 0 : rollout.score;
    bad_run = still || rollout.score < truth.score - kWobbleLoss ? bad_run + 1 : 0;
    if (bad_run == kWobbleFrames && result.violations.empty())
      result.violations.push_back({"wobbled", t + 2 - kWobbleFrames, "the scene does not move as one rigid world"});
  }
  if (judged == 0) return not_applicable("geometry", "the true picture hardly moves, or too fast to be followed");
  result.add("consistency", score / judged, "", true,
             static_cast<double>(judged) / (o.frames() - std::max(o.first(), 1)));
  if (std::min(o.truth.info.width, o.truth.info.height) >= kMinEpipolarSide) measure_epipolar(o, result);
  return result;
}

}  // namespace bitemark
