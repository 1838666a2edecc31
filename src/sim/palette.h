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
/// Linear light to 8-bit sRGB, by table; input is clamped to [0, 1].
std::uint8_t to_srgb8(float linear);

}  // namespace bitemark::sim
