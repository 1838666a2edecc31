#include "suite/side_by_side.h"

#include <algorithm>
#include <array>
#include <cmath>

namespace bitemark {
namespace {

constexpr int kGap = 4;
constexpr int kBorder = 2;
constexpr std::array<std::uint8_t, 3> kPaper{24, 24, 27};
constexpr std::array<std::uint8_t, 3> kRed{226, 61, 40};

Frame paper(int width, int height) {
  Frame frame(width, height);
  for (std::size_t i = 0; i < frame.rgb.size(); ++i) frame.rgb[i] = kPaper[i % 3];
  return frame;
}

void put(const Frame& from, int x, int y, Frame& onto) {
  for (int row = 0; row < from.height; ++row) std::copy_n(from.at(0, row), from.width * 3, onto.at(x, y + row));
}

void outline(Frame& frame) {
  for (int y = 0; y < frame.height; ++y)
    for (int x = 0; x < frame.width; ++x)
      if (std::min({x, y, frame.width - 1 - x, frame.height - 1 - y}) < kBorder)
        std::copy(kRed.begin(), kRed.end(), frame.at(x, y));
}

Frame marked(const Frame& frame, int factor, bool wrong) {
  Frame large = enlarged(frame, factor);
  if (wrong) outline(large);
  return large;
}

int even(int x) { return x + x % 2; }  // H.264 4:2:0 wants even sides

}  // namespace

Frame enlarged(const Frame& frame, int factor) {
  Frame large(frame.width * factor, frame.height * factor);
  for (int y = 0; y < large.height; ++y)
    for (int x = 0; x < large.width; ++x) std::copy_n(frame.at(x / factor, y / factor), 3, large.at(x, y));
  return large;
}

Clip side_by_side(const Clip& truth, const Clip& rollout, int first_wrong, int factor) {
  Clip clip;
  clip.times = truth.times;
  const int width = truth.width() * factor;
  for (std::size_t t = 0; t < truth.size(); ++t) {
    Frame frame = paper(even(2 * width + kGap), even(truth.height() * factor));
    put(marked(truth.frames[t], factor, false), 0, 0, frame);
    put(marked(rollout.frames[t], factor, first_wrong >= 0 && static_cast<int>(t) >= first_wrong), width + kGap, 0,
        frame);
    clip.frames.push_back(std::move(frame));
  }
  return clip;
}

Frame film_strip(const Clip& truth, const Clip& rollout, int first_wrong, int columns, int factor) {
  const int frames = static_cast<int>(truth.size());
  columns = std::min(columns, frames);
  std::vector<int> shown;
  for (int c = 0; c < columns; ++c)
    shown.push_back(
        columns == 1 ? 0 : static_cast<int>(std::lround(static_cast<double>(c) * (frames - 1) / (columns - 1))));
  if (first_wrong >= 0 && std::find(shown.begin(), shown.end(), first_wrong) == shown.end())
    *std::min_element(shown.begin(), shown.end(), [&](int a, int b) {
      return std::abs(a - first_wrong) < std::abs(b - first_wrong);
    }) = first_wrong;
  const int width = truth.width() * factor;
  const int height = truth.height() * factor;
  Frame strip = paper(columns * (width + kGap) - kGap, 2 * height + kGap);
  for (int c = 0; c < columns; ++c) {
    const auto t = static_cast<std::size_t>(shown[static_cast<std::size_t>(c)]);
    put(marked(truth.frames[t], factor, false), c * (width + kGap), 0, strip);
    put(marked(rollout.frames[t], factor, first_wrong >= 0 && static_cast<int>(t) >= first_wrong), c * (width + kGap),
        height + kGap, strip);
  }
  return strip;
}

}  // namespace bitemark
