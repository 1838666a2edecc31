// PNG pictures, by libpng.
#pragma once

#include <filesystem>
#include <string>

#include "episode/clip.h"

namespace bitemark {

/// 8-bit RGB, the same bytes for the same frame.
std::string encode_png(const Frame& frame);
/// Atomic. Throws InputError when the place cannot be written.
void write_png(const std::filesystem::path& path, const Frame& frame);

}  // namespace bitemark
