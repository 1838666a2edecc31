#include "sim/palette.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <map>

namespace bitemark::sim {
namespace {

const std::map<std::string, Rgb8>& palette() {
  static const std::map<std::string, Rgb8> colors{
      // saturated; hue in degrees
      {"red", {214, 28, 36}},      // 357
      {"orange", {240, 120, 12}},  // 28
      {"yellow", {240, 206, 22}},  // 51
      {"green", {30, 158, 58}},    // 133
      {"cyan", {18, 178, 190}},    // 184
      {"blue", {28, 84, 214}},     // 222
      {"purple", {140, 40, 196}},  // 278
      {"brown", {158, 92, 42}},    // 26, the cookie's
      // calm
      {"white", {232, 230, 226}},
      {"ivory", {214, 208, 194}},
      {"beige", {190, 180, 162}},
      {"grey", {150, 150, 150}},
      {"slate", {112, 122, 134}},
      {"mist", {172, 180, 188}},
      {"pale-wood", {186, 166, 142}},
      {"charcoal", {76, 78, 84}},
  };
  return colors;
}

float linear_to_srgb(float l) { return l <= 0.0031308F ? 12.92F * l : 1.055F * std::pow(l, 1.0F / 2.4F) - 0.055F; }

std::vector<std::uint8_t> make_table() {
  std::vector<std::uint8_t> table(kSrgbTableSize);
  for (int i = 0; i < kSrgbTableSize; ++i) {
    const float l = static_cast<float>(i) / (kSrgbTableSize - 1);
    table[static_cast<std::size_t>(i)] = static_cast<std::uint8_t>(std::lround(255.0F * linear_to_srgb(l)));
  }
  return table;
}

}  // namespace

std::optional<Rgb8> find_color(const std::string& text) {
  if (text.size() == 7 && text[0] == '#') {
    if (text.find_first_not_of("0123456789abcdefABCDEF", 1) != std::string::npos) return std::nullopt;
    const long value = std::strtol(text.c_str() + 1, nullptr, 16);
    return Rgb8{static_cast<std::uint8_t>(value >> 16), static_cast<std::uint8_t>(value >> 8 & 255),
                static_cast<std::uint8_t>(value & 255)};
  }
  const auto found = palette().find(text);
  return found == palette().end() ? std::nullopt : std::optional(found->second);
}

std::vector<Rgb8> colors_apart(const std::vector<Rgb8>& taken, const Rgb8& other) {
  constexpr double kUnlike = 0.1;  // cosine of two hues: 84 degrees apart
  const auto hue_of = [](const Rgb8& c) {
    return std::atan2(std::sqrt(3.0) * (c[1] - c[2]), 2.0 * c[0] - c[1] - c[2]);
  };
  std::vector<Rgb8> apart;
  for (const char* name : {"red", "yellow", "green", "cyan", "blue", "purple"}) {
    const Rgb8 color = *find_color(name);
    if (std::find(taken.begin(), taken.end(), color) != taken.end()) continue;
    if (std::cos(hue_of(color) - hue_of(other)) < kUnlike) apart.push_back(color);
  }
  return apart;
}

float srgb_to_linear(float s) { return s <= 0.04045F ? s / 12.92F : std::pow((s + 0.055F) / 1.055F, 2.4F); }

V3 to_linear(const Rgb8& c) {
  return {srgb_to_linear(static_cast<float>(c[0]) / 255), srgb_to_linear(static_cast<float>(c[1]) / 255),
          srgb_to_linear(static_cast<float>(c[2]) / 255)};
}

const std::uint8_t* srgb_table() {
  static const std::vector<std::uint8_t> kTable = make_table();
  return kTable.data();
}

}  // namespace bitemark::sim
