#include "episode/clip.h"

#include <fmt/format.h>

#include <charconv>
#include <cmath>

#include "base/error.h"
#include "base/sha256.h"

namespace bitemark {

namespace {

bool is_number(const std::string& text, int& value) {
  const auto result = std::from_chars(text.data(), text.data() + text.size(), value);
  return result.ec == std::errc() && result.ptr == text.data() + text.size();
}

}  // namespace

Rate parse_rate(const std::string& text) {
  Rate rate{0, 1};
  const auto slash = text.find('/');
  const bool whole = is_number(text.substr(0, slash), rate.num) &&
                     (slash == std::string::npos || is_number(text.substr(slash + 1), rate.den));
  if (!whole || rate.num < 1 || rate.den < 1 || rate.hz() < 1 || rate.hz() > 240)
    throw InputError(
        "\"" + text +
        "\" is not a frame rate, expected a whole number or a fraction such as 30000/1001, between 1 and 240");
  return rate;
}

std::string to_text(const Rate& rate) {
  return rate.den == 1 ? fmt::format("{}", rate.num) : fmt::format("{}/{}", rate.num, rate.den);
}

FrameSize parse_size(const std::string& text) {
  FrameSize size;
  const auto cross = text.find('x');
  const auto is_side = [](const std::string& part, int& side) {
    return is_number(part, side) && side >= 16 && side <= 4096;
  };
  if (!is_side(text.substr(0, cross), size.width) ||
      !is_side(cross == std::string::npos ? text : text.substr(cross + 1), size.height))
    throw InputError("\"" + text +
                     "\" is not a frame's size, expected a width and height such as 96x64, or one number for a square, "
                     "each between 16 and 4096");
  return size;
}

std::string to_text(const FrameSize& size) { return fmt::format("{}x{}", size.width, size.height); }

Clip make_clip(std::vector<Frame> frames, Rate rate, double start_s) {
  Clip clip;
  clip.frames = std::move(frames);
  for (std::size_t i = 0; i < clip.frames.size(); ++i)
    clip.times.push_back(start_s + rate.time_of(static_cast<std::int64_t>(i)));
  return clip;
}

std::string digest_of(const Clip& clip) {
  Sha256 hash;
  hash.update(fmt::format("{}x{}x{}|", clip.width(), clip.height(), clip.size()));
  for (std::size_t i = 0; i < clip.size(); ++i) {
    hash.update(fmt::format("{}|", std::llround(clip.times[i] * 1e9)));
    hash.update(clip.frames[i].rgb.data(), clip.frames[i].rgb.size());
  }
  return hex(hash.finish());
}

}  // namespace bitemark
