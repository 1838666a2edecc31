// Colours by name: tracked bodies are saturated and far apart in hue, surroundings are calm.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "sim/vec.h"

namespace bitemark::sim {

using Rgb8 = std::array<std::uint8_t, 3>;

/// A palette name ("red", "beige") or "#rrggbb", sRGB; nullopt for anything else.
std::optional<Rgb8> find_color(const std::string& text);
/// Saturated colours that are none of `taken` and that nobody would take for `other`: 84 degrees of hue apart or more.
std::vector<Rgb8> colors_apart(const std::vector<Rgb8>& taken, const Rgb8& other);
/// sRGB (IEC 61966-2-1) to linear light in [0, 1].
V3 to_linear(const Rgb8& color);
float srgb_to_linear(float s);
/// 8-bit sRGB of linear light: entry i is that of i / (kSrgbTableSize - 1).
constexpr int kSrgbTableSize = 8192;
const std::uint8_t* srgb_table();
/// Linear light to its place in the table; clamped to [0, 1].
inline int srgb_place(float linear) {
  const float clamped = linear < 0 ? 0.0F : linear > 1 ? 1.0F : linear;
  return static_cast<int>(clamped * (kSrgbTableSize - 1) + 0.5F);
}
inline std::uint8_t to_srgb8(float linear) { return srgb_table()[srgb_place(linear)]; }

}  // namespace bitemark::sim
