#include "episode/clip.h"

#include <fmt/format.h>

#include <charconv>
#include <cmath>

#include "base/error.h"
#include "base/sha256.h"

namespace bitemark {

Rate parse_rate(const std::string& text) {
  Rate rate{0, 1};
  const auto slash = text.find('/');
  const auto parse = [](const std::string& part, int& value) {
    const auto result = std::from_chars(part.data(), part.data() + part.size(), value);
    return result.ec == std::errc() && result.ptr == part.data() + part.size();
  };
  const bool whole =
      parse(text.substr(0, slash), rate.num) && (slash == std::string::npos || parse(text.substr(slash + 1), rate.den));
  if (!whole || rate.num < 1 || rate.den < 1 || rate.hz() < 1 || rate.hz() > 240)
    throw InputError(
        "\"" + text +
        "\" is not a frame rate, expected a whole number or a fraction such as 30000/1001, between 1 and 240");
  return rate;
}

std::string to_text(const Rate& rate) {
  return rate.den == 1 ? fmt::format("{}", rate.num) : fmt::format("{}/{}", rate.num, rate.den);
}

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
