#include "video/png.h"

#include <png.h>

#include "base/error.h"
#include "base/files.h"

namespace bitemark {

std::string encode_png(const Frame& frame) {
  png_image image{};
  image.version = PNG_IMAGE_VERSION;
  image.width = static_cast<png_uint_32>(frame.width);
  image.height = static_cast<png_uint_32>(frame.height);
  image.format = PNG_FORMAT_RGB;
  png_alloc_size_t size = PNG_IMAGE_PNG_SIZE_MAX(image);
  std::string bytes(size, '\0');
  const int done = png_image_write_to_memory(&image, bytes.data(), &size, 0, frame.rgb.data(), 0, nullptr);
  BITEMARK_CHECK(done != 0, image.message);
  bytes.resize(size);
  return bytes;
}

void write_png(const std::filesystem::path& path, const Frame& frame) { write_file(path, encode_png(frame)); }

}  // namespace bitemark
