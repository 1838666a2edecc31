// The .npy format, version 1.0: magic, length of the header, the header as a Python literal, raw little-endian data.
// Source: https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "base/files.h"
#include "base/safetensors.h"

namespace bitemark {

/// Magic and header of an array in row-major order; its length is a multiple of 64.
std::string npy_header(DType type, const std::vector<std::int64_t>& shape);

/// An array, row by row of its first extent. Data lies at its place at once: memory does not grow with the file.
class NpyWriter {
 public:
  NpyWriter(const std::filesystem::path& path, DType type, const std::vector<std::int64_t>& shape);
  /// Throws InterruptedError on a full disk, std::logic_error beyond the end.
  void append(const void* data, std::size_t bytes);
  /// The file appears. Throws std::logic_error when it is not whole.
  void finish();

 private:
  PendingFile file_;
  std::uint64_t at_ = 0, end_ = 0;
};

/// Throws std::logic_error when `data` is not of that shape.
template <typename T>
void save_npy(const std::filesystem::path& path, DType type, const std::vector<std::int64_t>& shape,
              const std::vector<T>& data) {
  NpyWriter writer(path, type, shape);
  writer.append(data.data(), data.size() * sizeof(T));
  writer.finish();
}

}  // namespace bitemark
