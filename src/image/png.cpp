#include <zlib.h>

#include "base/error.h"
#include "image/raw_image.h"

namespace bitemark {
namespace {

void put_u32(std::string& out, std::uint32_t value) {  // big-endian, as all of PNG
  for (int shift = 24; shift >= 0; shift -= 8) out += static_cast<char>(value >> shift & 255U);
}

void put_chunk(std::string& out, const char* type, const std::string& data) {
  put_u32(out, static_cast<std::uint32_t>(data.size()));
  const std::string body = type + data;
  out += body;
  put_u32(out, static_cast<std::uint32_t>(
                   ::crc32(0, reinterpret_cast<const Bytef*>(body.data()), static_cast<uInt>(body.size()))));
}

/// Each row behind its filter type, 2: the difference to the row above.
std::string filtered(const std::string& rows, std::size_t row_bytes) {
  std::string out;
  out.reserve(rows.size() + rows.size() / row_bytes);
  for (std::size_t start = 0; start < rows.size(); start += row_bytes) {
    out += '\2';
    for (std::size_t i = start; i < start + row_bytes; ++i)
      out += static_cast<char>(rows[i] - (start == 0 ? '\0' : rows[i - row_bytes]));
  }
  return out;
}

std::string compressed(const std::string& data) {
  constexpr int kLevel = 4;  // labels are smooth: higher levels cost twice the time for a few percent
  uLongf size = ::compressBound(data.size());
  std::string out(size, '\0');
  const int result = ::compress2(reinterpret_cast<Bytef*>(out.data()), &size,
                                 reinterpret_cast<const Bytef*>(data.data()), data.size(), kLevel);
  BITEMARK_CHECK(result == Z_OK);
  out.resize(size);
  return out;
}

/// `rows` holds the samples as PNG orders them. Colour type 3 needs a palette.
std::string assemble(int width, int height, int bits, int color_type, const std::string& rows, const Palette& palette) {
  std::string header;
  put_u32(header, static_cast<std::uint32_t>(width));
  put_u32(header, static_cast<std::uint32_t>(height));
  header += static_cast<char>(bits);
  header += static_cast<char>(color_type);
  header += std::string(3, '\0');  // deflate, the five filters, not interlaced
  std::string out = "\x89PNG\r\n\x1a\n";
  put_chunk(out, "IHDR", header);
  std::string colors;
  for (const auto& color : palette) colors.append(color.begin(), color.end());
  if (!palette.empty()) put_chunk(out, "PLTE", colors);
  put_chunk(out, "IDAT", compressed(filtered(rows, rows.size() / static_cast<std::size_t>(height))));
  put_chunk(out, "IEND", "");
  return out;
}

int color_type_of(int channels) {
  BITEMARK_CHECK(channels == 1 || channels == 3 || channels == 4);
  return channels == 1 ? 0 : channels == 3 ? 2 : 6;
}

template <typename T>
void check_size(const RawImage<T>& image) {
  BITEMARK_CHECK(image.width > 0 && image.height > 0);
  BITEMARK_CHECK(image.values.size() == static_cast<std::size_t>(image.width) * static_cast<std::size_t>(image.height) *
                                            static_cast<std::size_t>(image.channels));
}

}  // namespace

std::string encode_png(const RawImage<std::uint8_t>& image) {
  check_size(image);
  return assemble(image.width, image.height, 8, color_type_of(image.channels),
                  std::string(image.values.begin(), image.values.end()), {});
}

std::string encode_png(const RawImage<std::uint16_t>& image) {
  check_size(image);
  std::string rows;
  rows.reserve(2 * image.values.size());
  for (const std::uint16_t value : image.values) {
    rows += static_cast<char>(value >> 8U);
    rows += static_cast<char>(value & 255U);
  }
  return assemble(image.width, image.height, 16, color_type_of(image.channels), rows, {});
}

std::string encode_png(const RawImage<std::uint8_t>& image, const Palette& palette) {
  check_size(image);
  BITEMARK_CHECK(image.channels == 1 && !palette.empty() && palette.size() <= 256);
  return assemble(image.width, image.height, 8, 3, std::string(image.values.begin(), image.values.end()), palette);
}

}  // namespace bitemark
