#include "track/tracker.h"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <opencv2/imgproc.hpp>

#include "base/error.h"
#include "track/image.h"

namespace bitemark {
namespace {

constexpr double kMaxHueTolerance = 35 * std::numbers::pi / 180;
constexpr double kWholeShare = 0.9;     // visible / full pixels of a body that is whole
constexpr double kMinBlobShare = 0.15;  // of the body's whole area
constexpr double kMinBlobPx = 4;
constexpr double kMinChroma = 12;  // below it hue is noise
constexpr double kPaleness = 0.4;  // a rollout may keep this share of the chroma at least

struct Polar {
  double hue;
  double chroma;
};

Polar polar(const cv::Vec3f& lab) { return {std::atan2(lab[2], lab[1]), std::hypot(lab[1], lab[2])}; }

double percentile(std::vector<double> values, double share) {
  if (values.empty()) return 0;
  const auto index = static_cast<std::ptrdiff_t>(share * static_cast<double>(values.size() - 1));
  std::nth_element(values.begin(), values.begin() + index, values.end());
  return values[static_cast<std::size_t>(index)];
}

/// Pixel samples of the whole clip, by body; others are the surroundings.
struct Samples {
  std::vector<std::vector<Polar>> of_body;
  std::vector<Polar> surroundings;
};

Samples collect(const Episode& truth, const std::vector<Appearance>& bodies) {
  Samples samples;
  samples.of_body.resize(bodies.size());
  std::vector<int> index_of(65536, -1);
  for (std::size_t b = 0; b < bodies.size(); ++b) index_of[bodies[b].id] = static_cast<int>(b);
  const std::size_t stride = std::max<std::size_t>(1, truth.clip.size() / 12);  // a dozen frames tell enough
  for (std::size_t t = 0; t < truth.clip.size(); t += stride) {
    const cv::Mat lab = to_lab(truth.clip.frames[t]);
    const auto& ids = truth.truth[t].ids;
    for (int y = 0; y < lab.rows; ++y)
      for (int x = 0; x < lab.cols; ++x) {
        const auto pixel = polar(lab.at<cv::Vec3f>(y, x));
        const auto at = static_cast<std::size_t>(y) * static_cast<std::size_t>(lab.cols) + static_cast<std::size_t>(x);
        const int body = index_of[ids[at]];
        if (body >= 0)
          samples.of_body[static_cast<std::size_t>(body)].push_back(pixel);
        else
          samples.surroundings.push_back(pixel);
      }
  }
  return samples;
}

void learn_color(Appearance& body, const std::vector<Polar>& pixels) {
  double x = 0;
  double y = 0;
  std::vector<double> chromas;
  for (const auto& pixel : pixels) {
    x += pixel.chroma * std::cos(pixel.hue);
    y += pixel.chroma * std::sin(pixel.hue);
    chromas.push_back(pixel.chroma);
  }
  body.hue = std::atan2(y, x);
  body.chroma = percentile(chromas, 0.5);
}

double whole_area(const Episode& truth, std::uint16_t id) {
  std::vector<double> areas;
  std::vector<double> any;
  for (int t = 0; t < truth.info.frame_count; ++t) {
    const auto& state = truth.state(t, id);
    if (state.visible_px > 0) any.push_back(state.visible_px);
    if (state.full_px > 0 && state.visible_px >= kWholeShare * state.full_px) areas.push_back(state.visible_px);
  }
  return percentile(areas.empty() ? any : areas, 0.5);
}

void learn_threshold(Appearance& body, const std::vector<Polar>& surroundings) {
  std::vector<double> similar;
  for (const auto& pixel : surroundings)
    similar.push_back(hue_distance(pixel.hue, body.hue) <= body.hue_tolerance ? pixel.chroma : 0);
  const double background = percentile(similar, 0.99);
  body.chroma_threshold = std::max({kMinChroma, kPaleness * body.chroma, 0.5 * (background + body.chroma) * 0.9});
  if (background < kPaleness * body.chroma) body.chroma_threshold = std::max(kMinChroma, kPaleness * body.chroma);
  body.separable = body.area_px >= kMinBlobPx && body.chroma > 1.25 * background && body.chroma > kMinChroma;
}

/// The body whose hue is nearest, if the pixel is colourful enough for it; -1 for the surroundings.
int classify(const Polar& pixel, const std::vector<Appearance>& bodies) {
  int best = -1;
  double nearest = 10;
  for (std::size_t b = 0; b < bodies.size(); ++b) {
    const double distance = hue_distance(pixel.hue, bodies[b].hue);
    if (distance <= bodies[b].hue_tolerance && pixel.chroma >= bodies[b].chroma_threshold && distance < nearest) {
      nearest = distance;
      best = static_cast<int>(b);
    }
  }
  return best;
}

/// CV_8U, 0 = surroundings, b + 1 = body b.
cv::Mat classify_frame(const cv::Mat& lab, const std::vector<Appearance>& bodies) {
  cv::Mat classes(lab.size(), CV_8U);
  for (int y = 0; y < lab.rows; ++y)
    for (int x = 0; x < lab.cols; ++x)
      classes.at<std::uint8_t>(y, x) = static_cast<std::uint8_t>(classify(polar(lab.at<cv::Vec3f>(y, x)), bodies) + 1);
  return classes;
}

Blob describe(const cv::Mat& labels, int label, const cv::Mat& lab, const cv::Rect& box) {
  Blob blob;
  double x = 0;
  double y = 0;
  double uu = 0, vv = 0, uv = 0;  // second moments about the box's corner
  for (int row = box.y; row < box.y + box.height; ++row)
    for (int column = box.x; column < box.x + box.width; ++column) {
      if (labels.at<int>(row, column) != label) continue;
      const auto pixel = polar(lab.at<cv::Vec3f>(row, column));
      blob.area_px += 1;
      blob.u += column + 0.5;
      blob.v += row + 0.5;
      const double du = column + 0.5 - box.x, dv = row + 0.5 - box.y;
      uu += du * du, vv += dv * dv, uv += du * dv;
      blob.chroma += pixel.chroma;
      x += std::cos(pixel.hue);
      y += std::sin(pixel.hue);
    }
  blob.u /= blob.area_px;
  blob.v /= blob.area_px;
  blob.chroma /= blob.area_px;
  blob.hue = std::atan2(y, x);
  const double mu = blob.u - box.x, mv = blob.v - box.y;
  const double a = uu / blob.area_px - mu * mu, b = vv / blob.area_px - mv * mv, c = uv / blob.area_px - mu * mv;
  const double middle = (a + b) / 2, apart = std::hypot((a - b) / 2, c);
  blob.major_px = std::sqrt(std::max(0.0, middle + apart));
  blob.minor_px = std::sqrt(std::max(0.0, middle - apart));
  return blob;
}

/// The connected regions of one class that are large enough, largest first.
std::vector<Blob> find_blobs(const cv::Mat& classes, const cv::Mat& lab, double smallest, int value) {
  cv::Mat labels;
  cv::Mat stats;
  cv::Mat centroids;
  const int count = cv::connectedComponentsWithStats(classes == value, labels, stats, centroids, 8, CV_32S);
  std::vector<Blob> blobs;
  for (int label = 1; label < count; ++label) {
    if (stats.at<int>(label, cv::CC_STAT_AREA) < smallest) continue;
    const cv::Rect box(stats.at<int>(label, cv::CC_STAT_LEFT), stats.at<int>(label, cv::CC_STAT_TOP),
                       stats.at<int>(label, cv::CC_STAT_WIDTH), stats.at<int>(label, cv::CC_STAT_HEIGHT));
    blobs.push_back(describe(labels, label, lab, box));
  }
  std::stable_sort(blobs.begin(), blobs.end(), [](const Blob& a, const Blob& b) { return a.area_px > b.area_px; });
  return blobs;
}

int hue_bin(double hue) {
  const double turn = hue / (2 * std::numbers::pi);
  return static_cast<int>((turn - std::floor(turn)) * Surroundings::kHues) % Surroundings::kHues;
}

/// CV_8U, 1 = a strong colour that neither a body nor the surroundings have.
cv::Mat strange_pixels(const cv::Mat& lab, const std::vector<Appearance>& bodies, const Surroundings& usual) {
  cv::Mat strange(lab.size(), CV_8U);
  for (int y = 0; y < lab.rows; ++y)
    for (int x = 0; x < lab.cols; ++x) {
      const auto pixel = polar(lab.at<cv::Vec3f>(y, x));
      const bool colourful = pixel.chroma > usual.chroma[static_cast<std::size_t>(hue_bin(pixel.hue))];
      strange.at<std::uint8_t>(y, x) = colourful && classify(pixel, bodies) < 0 ? 1 : 0;
    }
  return strange;
}

}  // namespace

Surroundings learn_surroundings(const Episode& truth, const std::vector<Appearance>& bodies) {
  constexpr double kLeastShare = 0.5;              // of the bodies' median chroma
  constexpr double kBeyond = 1.25, kBeyondBy = 8;  // what the surroundings have, and more
  std::vector<std::vector<double>> chromas(Surroundings::kHues);
  for (const Polar& pixel : collect(truth, bodies).surroundings)
    chromas[static_cast<std::size_t>(hue_bin(pixel.hue))].push_back(pixel.chroma);
  std::vector<double> own;
  for (const auto& body : bodies) own.push_back(body.chroma);
  Surroundings usual;
  for (std::size_t bin = 0; bin < Surroundings::kHues; ++bin) {
    double most = 0;  // of this hue and its neighbours
    for (const std::size_t shift : {std::size_t{Surroundings::kHues - 1}, std::size_t{0}, std::size_t{1}})
      most = std::max(most, percentile(chromas[(bin + shift) % Surroundings::kHues], 0.99));
    usual.chroma.push_back(std::max({kMinChroma, kLeastShare * percentile(own, 0.5), kBeyond * most + kBeyondBy}));
  }
  for (const auto& frame : truth.clip.frames) {
    const auto found = find_strangers(frame, bodies, usual);
    if (!found.empty()) usual.largest_px = std::max(usual.largest_px, found.front().area_px);
  }
  return usual;
}

std::vector<Blob> find_strangers(const Frame& frame, const std::vector<Appearance>& bodies, const Surroundings& usual) {
  const cv::Mat lab = to_lab(frame);
  return find_blobs(strange_pixels(lab, bodies, usual), lab, kMinBlobPx, 1);
}

double hue_distance(double a, double b) {
  const double d = std::abs(a - b);
  return std::min(d, std::abs(2 * std::numbers::pi - d));
}

std::vector<Appearance> learn_appearances(const Episode& truth) {
  BITEMARK_CHECK(truth.truth.size() == truth.clip.size(), "labels are needed");
  std::vector<Appearance> bodies;
  for (const auto& body : truth.info.bodies)
    if (body.tracked) {
      Appearance appearance;
      appearance.id = body.id;
      bodies.push_back(appearance);
    }
  const Samples samples = collect(truth, bodies);
  for (std::size_t b = 0; b < bodies.size(); ++b) {
    learn_color(bodies[b], samples.of_body[b]);
    bodies[b].area_px = whole_area(truth, bodies[b].id);
  }
  for (auto& body : bodies) {
    body.hue_tolerance = kMaxHueTolerance;
    for (const auto& other : bodies)
      if (other.id != body.id) body.hue_tolerance = std::min(body.hue_tolerance, hue_distance(body.hue, other.hue) / 2);
    learn_threshold(body, samples.surroundings);
  }
  return bodies;
}

Tracks track(const std::vector<Frame>& frames, const std::vector<Appearance>& bodies) {
  Tracks tracks(frames.size());
  for (std::size_t t = 0; t < frames.size(); ++t) {
    const cv::Mat lab = to_lab(frames[t]);
    const cv::Mat classes = classify_frame(lab, bodies);
    for (std::size_t b = 0; b < bodies.size(); ++b) {
      const double smallest = std::max(kMinBlobPx, kMinBlobShare * bodies[b].area_px);
      tracks[t].push_back(bodies[b].separable ? find_blobs(classes, lab, smallest, static_cast<int>(b) + 1)
                                              : std::vector<Blob>());
    }
  }
  return tracks;
}

std::vector<std::uint8_t> color_mask(const Frame& frame, const std::vector<Appearance>& bodies, std::size_t index) {
  const cv::Mat classes = classify_frame(to_lab(frame), bodies);
  std::vector<std::uint8_t> mask;
  for (auto it = classes.begin<std::uint8_t>(); it != classes.end<std::uint8_t>(); ++it)
    mask.push_back(*it == index + 1 ? 1 : 0);
  return mask;
}

}  // namespace bitemark
