// Numbers as pictures that any tool opens: PNG (ISO/IEC 15948) of 8 or 16 bits, TIFF 6.0 of 32-bit floats.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

namespace bitemark {

/// Row-major [height, width, channels].
template <typename T>
struct RawImage {
  int width = 0, height = 0;
  int channels = 1;  ///< PNG: 1 grey, 3 RGB, 4 RGBA
  std::vector<T> values;
};

using Palette = std::vector<std::array<std::uint8_t, 3>>;

/// Every row is filtered by "up": a reader without a library undoes it with one cumulative sum.
std::string encode_png(const RawImage<std::uint8_t>& image);
std::string encode_png(const RawImage<std::uint16_t>& image);
/// One channel of indices into a palette of at most 256 colours.
std::string encode_png(const RawImage<std::uint8_t>& image, const Palette& palette);

/// One channel, uncompressed, little-endian, one strip.
std::string encode_tiff(const RawImage<float>& image);

}  // namespace bitemark
