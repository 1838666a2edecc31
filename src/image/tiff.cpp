#include <bit>

#include "base/error.h"
#include "image/raw_image.h"

namespace bitemark {
namespace {

static_assert(std::endian::native == std::endian::little, "arrays are written as they lie in memory");

void put(std::string& out, std::uint32_t value, int bytes) {
  for (int i = 0; i < bytes; ++i) out += static_cast<char>(value >> 8 * i & 255U);
}

enum Type : std::uint32_t { kShort = 3, kLong = 4 };

struct Tag {
  std::uint32_t id;
  Type type;
  std::uint32_t value;
};

}  // namespace

std::string encode_tiff(const RawImage<float>& image) {
  const std::size_t count = static_cast<std::size_t>(image.width) * static_cast<std::size_t>(image.height);
  BITEMARK_CHECK(image.channels == 1 && count > 0 && image.values.size() == count);
  constexpr std::uint32_t kTags = 11, kDirectory = 8, kData = kDirectory + 2 + 12 * kTags + 4;
  const Tag tags[kTags] = {{256, kLong, static_cast<std::uint32_t>(image.width)},
                           {257, kLong, static_cast<std::uint32_t>(image.height)},
                           {258, kShort, 32},                                       // bits a sample
                           {259, kShort, 1},                                        // not compressed
                           {262, kShort, 1},                                        // 0 is black
                           {273, kLong, kData},                                     // where the strip begins
                           {277, kShort, 1},                                        // samples a pixel
                           {278, kLong, static_cast<std::uint32_t>(image.height)},  // rows in the strip
                           {279, kLong, static_cast<std::uint32_t>(4 * count)},     // its bytes
                           {284, kShort, 1},                                        // contiguous
                           {339, kShort, 3}};                                       // IEEE floats
  std::string out = "II";
  put(out, 42, 2);
  put(out, kDirectory, 4);
  put(out, kTags, 2);
  for (const Tag& tag : tags) {
    put(out, tag.id, 2);
    put(out, tag.type, 2);
    put(out, 1, 4);
    put(out, tag.value, 4);
  }
  put(out, 0, 4);  // no further directory
  out.append(reinterpret_cast<const char*>(image.values.data()), 4 * count);
  return out;
}

}  // namespace bitemark
