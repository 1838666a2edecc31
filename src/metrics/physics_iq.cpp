// Physics-IQ (Motamed et al., arXiv 2501.09038, section 3.2; verified scores: arXiv 2606.18943) on our own true
// episodes. Motion masks: g = 5x5 Gaussian blur of grey; A <- 0.7 A + 0.3 g; M = |g - A| > 10; opened, then closed by
// 5x5; the first mask is empty. With M_a, M_g the masks of truth and rollout, W = mean over time:
//   ST = mean_t |M_a & M_g| / |M_a | M_g|   S = IoU of the masks' maxima over time   WS = sum min(W) / sum max(W)
// and an empty union counting as 1. As published, masks and frames are reduced to a quarter of their sides before they
// are compared. The raw values are kept: the original score is a ratio of their means over takes (suite/scores.h). Per
// take, "verified" is 100 * mean over {S, ST, WS, MSE} of clip01(value / ceiling), MSE inverted, with the ceiling from
// one second take. "sim" is the same at the rollout's own size, with the mean over all second takes for its ceiling and
// an error below the noise floor (2 levels of 255, squared) counting as the floor.
#include <algorithm>
#include <cmath>
#include <opencv2/imgproc.hpp>

#include "metrics/metric.h"
#include "track/image.h"

namespace bitemark {
namespace {

constexpr double kEpsilon = 1e-8;
constexpr double kNoiseFloor = (2.0 / 255) * (2.0 / 255);
constexpr double kThreshold = 10;  // grey levels

struct Raw {
  double st = 0, s = 0, ws = 0, mse = 0;
};

std::vector<cv::Mat> motion_masks(const std::vector<Frame>& frames, int first) {
  std::vector<cv::Mat> masks;
  cv::Mat average;
  const cv::Mat kernel = cv::getStructuringElement(cv::MORPH_RECT, {5, 5});
  for (std::size_t t = static_cast<std::size_t>(first); t < frames.size(); ++t) {
    cv::Mat gray;
    cv::GaussianBlur(to_gray(frames[t]), gray, {5, 5}, 0);
    gray.convertTo(gray, CV_32F);
    cv::Mat mask = cv::Mat::zeros(gray.size(), CV_8U);
    if (average.empty()) {
      average = gray.clone();
    } else {
      average = 0.7 * average + 0.3 * gray;
      mask = cv::abs(gray - average) > kThreshold;
      cv::morphologyEx(mask, mask, cv::MORPH_OPEN, kernel);
      cv::morphologyEx(mask, mask, cv::MORPH_CLOSE, kernel);
    }
    masks.push_back(mask);
  }
  return masks;
}

double iou(const cv::Mat& a, const cv::Mat& b) {
  const int together = cv::countNonZero(a | b);
  return together == 0 ? 1 : static_cast<double>(cv::countNonZero(a & b)) / together;
}

cv::Mat maximum(const std::vector<cv::Mat>& masks) {
  cv::Mat all = masks.front().clone();
  for (const auto& mask : masks) all |= mask;
  return all;
}

cv::Mat mean_of(const std::vector<cv::Mat>& masks) {
  cv::Mat sum = cv::Mat::zeros(masks.front().size(), CV_32F);
  for (const auto& mask : masks) cv::accumulate(mask / 255, sum);
  return sum / static_cast<double>(masks.size());
}

double ruzicka(const std::vector<cv::Mat>& a, const std::vector<cv::Mat>& b) {
  const cv::Mat wa = mean_of(a);
  const cv::Mat wb = mean_of(b);
  const double top = cv::sum(cv::min(wa, wb))[0];
  const double bottom = cv::sum(cv::max(wa, wb))[0];
  return bottom == 0 ? 1 : top / bottom;
}

/// A clip's frames from `first` on and their motion masks.
struct Motion {
  std::vector<cv::Mat> frames;  ///< CV_8UC3
  std::vector<cv::Mat> masks;   ///< CV_8U, 0 or 255
};

Motion motion_of(const std::vector<Frame>& frames, int first) {
  Motion motion;
  for (std::size_t t = static_cast<std::size_t>(first); t < frames.size(); ++t)
    motion.frames.push_back(as_mat(frames[t]).clone());
  motion.masks = motion_masks(frames, first);
  return motion;
}

Motion quarter(const Motion& motion) {
  Motion small;
  const cv::Size size(std::max(1, motion.frames.front().cols / 4), std::max(1, motion.frames.front().rows / 4));
  for (std::size_t t = 0; t < motion.frames.size(); ++t) {
    cv::Mat frame;
    cv::Mat mask;
    cv::resize(motion.frames[t], frame, size);
    cv::resize(motion.masks[t], mask, size);
    small.frames.push_back(frame);
    small.masks.push_back(mask > 127);
  }
  return small;
}

double mean_squared_error(const std::vector<cv::Mat>& a, const std::vector<cv::Mat>& b) {
  double sum = 0;
  for (std::size_t t = 0; t < a.size(); ++t)
    sum += cv::norm(a[t], b[t], cv::NORM_L2SQR) / static_cast<double>(a[t].total() * 3);
  return sum / static_cast<double>(a.size()) / (255.0 * 255.0);
}

Raw compare(const Motion& truth, const Motion& other) {
  Raw raw;
  const auto count = static_cast<double>(truth.masks.size());
  for (std::size_t t = 0; t < truth.masks.size(); ++t) raw.st += iou(truth.masks[t], other.masks[t]) / count;
  raw.s = iou(maximum(truth.masks), maximum(other.masks));
  raw.ws = ruzicka(truth.masks, other.masks);
  raw.mse = mean_squared_error(truth.frames, other.frames);
  return raw;
}

double clip01(double x) { return std::clamp(x, 0.0, 1.0); }

/// 100 * mean of the four clipped ratios to the ceiling.
double score(const Raw& raw, const Raw& ceiling, double floor) {
  const double mse = (std::max(ceiling.mse, floor) + kEpsilon) / (std::max(raw.mse, floor) + kEpsilon);
  return 25 * (clip01(raw.s / (ceiling.s + kEpsilon)) + clip01(raw.st / (ceiling.st + kEpsilon)) +
               clip01(raw.ws / (ceiling.ws + kEpsilon)) + clip01(mse));
}

Raw mean_ceiling(const Observation& o, const Motion& truth) {
  Raw mean;
  const auto n = static_cast<double>(o.second_takes.size());
  for (const auto& take : o.second_takes) {
    const Raw raw = compare(truth, motion_of(take.frames, o.first()));
    mean.st += raw.st / n;
    mean.s += raw.s / n;
    mean.ws += raw.ws / n;
    mean.mse += raw.mse / n;
  }
  return mean;
}

bool moves(const std::vector<cv::Mat>& masks) { return cv::countNonZero(maximum(masks)) > 0; }

}  // namespace

MetricResult measure_physics_iq(const Observation& o) {
  MetricResult result;
  result.metric = "physics-iq";
  if (o.first() == 0) return not_applicable("physics-iq", "there is no context to continue");
  if (o.second_takes.empty()) return not_applicable("physics-iq", "there is no second take to tell the ceiling");
  const Motion truth = motion_of(o.truth.clip.frames, o.first());
  if (!moves(truth.masks)) return not_applicable("physics-iq", "nothing moves in the truth");
  const Motion rollout = motion_of(o.rollout.frames, o.first());
  const Motion small_truth = quarter(truth);
  const Raw raw = compare(small_truth, quarter(rollout));
  const Raw ceiling = compare(small_truth, quarter(motion_of(o.second_takes.front().frames, o.first())));
  result.add("sim", score(compare(truth, rollout), mean_ceiling(o, truth), kNoiseFloor), "of 100", true);
  result.add("verified", score(raw, ceiling, 0), "of 100", true);
  result.add("st_iou", raw.st, "", true);
  result.add("s_iou", raw.s, "", true);
  result.add("ws_iou", raw.ws, "", true);
  result.add("mse", raw.mse, "", false);
  result.add("ceiling_st_iou", ceiling.st, "", true);
  result.add("ceiling_s_iou", ceiling.s, "", true);
  result.add("ceiling_ws_iou", ceiling.ws, "", true);
  result.add("ceiling_mse", ceiling.mse, "", false);
  return result;
}

}  // namespace bitemark
