#include "sim/contact_sheet.h"

#include <algorithm>
#include <cmath>

namespace bitemark {
namespace {

using Rgb = std::array<std::uint8_t, 3>;

/// Hue in [0, 1), full saturation.
Rgb hue_color(double hue, double value) {
  Rgb color{};
  for (int i = 0; i < 3; ++i) {
    const double x = std::fmod(hue + (3 - i) / 3.0, 1.0) * 6;
    const double ramp = std::clamp(std::abs(x - 3) - 1, 0.0, 1.0);
    color[static_cast<std::size_t>(i)] = static_cast<std::uint8_t>(std::lround(255 * value * ramp));
  }
  return color;
}

Rgb label_color(std::uint16_t id) {
  if (id == 0) return {24, 24, 28};
  return hue_color(std::fmod(id * 0.618034, 1.0), 0.95);  // golden ratio: neighbours in number are far in hue
}

Rgb flow_color(float dx, float dy, double full_length) {
  const double length = std::hypot(static_cast<double>(dx), static_cast<double>(dy));
  const double hue = std::atan2(static_cast<double>(dy), static_cast<double>(dx)) / (2 * M_PI) + 0.5;
  return hue_color(std::fmod(hue, 1.0), std::min(1.0, length / full_length));
}

void put(Frame& sheet, int left, int top, const Frame& tile) {
  for (int y = 0; y < tile.height; ++y) std::copy_n(tile.at(0, y), 3 * tile.width, sheet.at(left, top + y));
}

template <typename Color>
Frame paint(int width, int height, Color&& color) {
  Frame frame(width, height);
  for (int i = 0; i < width * height; ++i) {
    const Rgb c = color(static_cast<std::size_t>(i));
    std::copy(c.begin(), c.end(), frame.rgb.begin() + 3 * i);
  }
  return frame;
}

}  // namespace

Frame contact_sheet(const Episode& episode, int stride) {
  const int w = episode.info.width, h = episode.info.height, gap = 2;
  const int columns = (static_cast<int>(episode.clip.size()) + stride - 1) / stride;
  const int rows = episode.truth.empty() ? 1 : 3;
  Frame sheet(columns * (w + gap) - gap, rows * (h + gap) - gap);
  std::fill(sheet.rgb.begin(), sheet.rgb.end(), std::uint8_t{255});
  for (int column = 0; column < columns; ++column) {
    const auto index = static_cast<std::size_t>(column * stride);
    put(sheet, column * (w + gap), 0, episode.clip.frames[index]);
    if (episode.truth.empty()) continue;
    const FrameTruth& truth = episode.truth[index];
    put(sheet, column * (w + gap), h + gap, paint(w, h, [&](std::size_t i) { return label_color(truth.ids[i]); }));
    put(sheet, column * (w + gap), 2 * (h + gap), paint(w, h, [&](std::size_t i) {
          return flow_color(truth.flow_forward[2 * i], truth.flow_forward[2 * i + 1], w / 16.0);
        }));
  }
  return sheet;
}

}  // namespace bitemark
