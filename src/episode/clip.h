// What everybody sees: RGB frames with timestamps.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace bitemark {

/// 8-bit sRGB, row-major, three bytes a pixel: [height, width, 3]. Pixel (x, y) covers [x, x+1) x [y, y+1); its
/// centre is at (x + 0.5, y + 0.5).
struct Frame {
  int width = 0;
  int height = 0;
  std::vector<std::uint8_t> rgb;

  Frame() = default;
  Frame(int w, int h) : width(w), height(h), rgb(static_cast<std::size_t>(w) * static_cast<std::size_t>(h) * 3) {}
  std::uint8_t* at(int x, int y) { return rgb.data() + offset(x, y); }
  const std::uint8_t* at(int x, int y) const { return rgb.data() + offset(x, y); }
  bool operator==(const Frame&) const = default;

 private:
  std::size_t offset(int x, int y) const {
    return (static_cast<std::size_t>(y) * static_cast<std::size_t>(width) + static_cast<std::size_t>(x)) * 3;
  }
};

/// Frames a second as a fraction, so that 30000/1001 is itself.
struct Rate {
  int num = 12;
  int den = 1;
  double hz() const { return static_cast<double>(num) / den; }
  double time_of(std::int64_t frame) const { return static_cast<double>(frame) * den / num; }  ///< seconds
  bool operator==(const Rate&) const = default;
};

/// "12", "23.976" is refused, "30000/1001" is understood. Throws InputError. Between 1 and 240 Hz.
Rate parse_rate(const std::string& text);
std::string to_text(const Rate& rate);

/// Of a frame [px].
struct FrameSize {
  int width = 64;
  int height = 64;
  bool operator==(const FrameSize&) const = default;
};

/// "96x64", or "64" for a square. Throws InputError for anything else, or a side that is not between 16 and 4096.
FrameSize parse_size(const std::string& text);
std::string to_text(const FrameSize& size);

/// All frames have one size; times are seconds, ascending, one a frame.
struct Clip {
  std::vector<Frame> frames;
  std::vector<double> times;

  int width() const { return frames.empty() ? 0 : frames.front().width; }
  int height() const { return frames.empty() ? 0 : frames.front().height; }
  std::size_t size() const { return frames.size(); }
};

Clip make_clip(std::vector<Frame> frames, Rate rate, double start_s = 0.0);

/// SHA-256 over size, timestamps (nanoseconds) and pixels: the identity of a decoded clip, whatever its container.
std::string digest_of(const Clip& clip);

}  // namespace bitemark
