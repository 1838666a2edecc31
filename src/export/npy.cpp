#include "export/npy.h"

#include <fmt/format.h>

#include "base/error.h"

namespace bitemark {
namespace {

/// '<' little-endian, '|' where there is only one byte.
const char* code_of(DType type) {
  switch (type) {
    case DType::kBool:
      return "|b1";
    case DType::kU8:
      return "|u1";
    case DType::kI8:
      return "|i1";
    case DType::kU16:
      return "<u2";
    case DType::kI16:
      return "<i2";
    case DType::kF16:
      return "<f2";
    case DType::kU32:
      return "<u4";
    case DType::kI32:
      return "<i4";
    case DType::kF32:
      return "<f4";
    case DType::kU64:
      return "<u8";
    case DType::kI64:
      return "<i8";
    case DType::kF64:
      return "<f8";
    case DType::kBF16:
      break;
  }
  BITEMARK_CHECK(false, "numpy has no such type");
  return "";
}

}  // namespace

std::string npy_header(DType type, const std::vector<std::int64_t>& shape) {
  std::string extents;
  for (const std::int64_t extent : shape) extents += fmt::format("{}, ", extent);
  std::string text = fmt::format("{{'descr': '{}', 'fortran_order': False, 'shape': ({}), }}", code_of(type), extents);
  constexpr std::size_t kBefore = 10;  // magic, version, length of the header
  while ((kBefore + text.size() + 1) % 64 != 0) text += ' ';
  text += '\n';
  std::string header("\x93NUMPY\x01\x00", 8);
  header += static_cast<char>(text.size() & 255U);
  header += static_cast<char>(text.size() >> 8U);
  return header + text;
}

NpyWriter::NpyWriter(const std::filesystem::path& path, DType type, const std::vector<std::int64_t>& shape)
    : file_(path) {
  const std::string header = npy_header(type, shape);
  file_.write_at(0, header);
  std::uint64_t bytes = size_of(type);
  for (const std::int64_t extent : shape) bytes *= static_cast<std::uint64_t>(extent);
  at_ = header.size();
  end_ = at_ + bytes;
}

void NpyWriter::append(const void* data, std::size_t bytes) {
  BITEMARK_CHECK(bytes <= end_ - at_, "an array gets more than its shape holds");
  file_.write_at(at_, {static_cast<const char*>(data), bytes});
  at_ += bytes;
}

void NpyWriter::finish() {
  BITEMARK_CHECK(at_ == end_, "an array is not whole");
  file_.commit();
}

}  // namespace bitemark
