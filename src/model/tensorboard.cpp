#include "model/tensorboard.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <bit>
#include <chrono>
#include <cstdlib>

#include "base/files.h"

namespace bitemark::model {
namespace {

// Field numbers of the messages.
enum Event : int { kWallTime = 1, kStep = 2, kFileVersion = 3, kSummary = 5, kSessionLog = 7 };
enum Summary : int { kValue = 1 };
enum Value : int { kTag = 1, kSimpleValue = 2, kImage = 4 };
enum Image : int { kHeight = 1, kWidth = 2, kColorspace = 3, kEncoded = 4 };
enum SessionLog : int { kStatus = 1 };
constexpr std::uint64_t kStart = 1;  // SessionLog.SessionStatus
constexpr std::uint64_t kRgb = 3;
constexpr std::string_view kPrefix = "events.out.tfevents.";

constexpr auto kCrcTable = [] {
  std::array<std::uint32_t, 256> table{};
  for (std::uint32_t i = 0; i < 256; ++i) {
    std::uint32_t c = i;
    for (int bit = 0; bit < 8; ++bit) c = (c & 1U) != 0 ? c >> 1U ^ 0x82f63b78U : c >> 1U;
    table[i] = c;
  }
  return table;
}();

template <typename T>
std::string little_endian(T value) {
  std::string out;
  for (std::size_t i = 0; i < sizeof(T); ++i) out += static_cast<char>(value >> 8U * i & 255U);
  return out;
}

std::string varint(std::uint64_t value) {
  std::string out;
  for (; value >= 128; value >>= 7U) out += static_cast<char>(value | 128U);
  return out + static_cast<char>(value);
}

// A key is the field's number and its wire type: 0 varint, 1 eight bytes, 2 a length and as many bytes, 5 four bytes.
std::string key(int field, unsigned type) { return varint(static_cast<std::uint64_t>(field) << 3U | type); }
std::string number(int field, std::uint64_t value) { return key(field, 0) + varint(value); }
std::string real(int field, double value) { return key(field, 1) + little_endian(std::bit_cast<std::uint64_t>(value)); }
std::string real(int field, float value) { return key(field, 5) + little_endian(std::bit_cast<std::uint32_t>(value)); }
std::string bytes(int field, const std::string& value) { return key(field, 2) + varint(value.size()) + value; }

/// TFRecord's rotated and shifted checksum: a checksum of data that holds checksums would be weak.
std::uint32_t masked(std::uint32_t crc) { return std::rotr(crc, 15) + 0xa282ead8U; }

std::string framed(const std::string& record) {
  const std::string length = little_endian(static_cast<std::uint64_t>(record.size()));
  return length + little_endian(masked(crc32c(length))) + record + little_endian(masked(crc32c(record)));
}

std::string host_name() {
  std::array<char, 256> name{};
  return ::gethostname(name.data(), name.size() - 1) == 0 ? name.data() : "localhost";
}

double now_s() { return std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count(); }

/// Now, but later than every file in the folder: files are read in the order of their names.
long seconds_for(const std::filesystem::path& folder) {
  auto seconds = static_cast<long>(now_s());
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    const std::string name = entry.path().filename().string();
    if (name.starts_with(kPrefix)) seconds = std::max(seconds, std::atol(name.c_str() + kPrefix.size()) + 1);
  }
  return seconds;
}

}  // namespace

std::uint32_t crc32c(std::string_view text) {
  std::uint32_t crc = ~0U;
  for (const char c : text) crc = crc >> 8U ^ kCrcTable[(crc ^ static_cast<unsigned char>(c)) & 255U];
  return ~crc;
}

TensorBoard::TensorBoard(const std::filesystem::path& folder, std::int64_t first_step) {
  make_folder(folder);
  file_.open(folder / fmt::format("{}{:010}.{}.{}", kPrefix, seconds_for(folder), host_name(), ::getpid()),
             std::ios::binary);
  write(0, kFileVersion, "brain.Event:2");
  if (first_step > 0) write(first_step, kSessionLog, number(kStatus, kStart));
  flush();
}

void TensorBoard::write(std::int64_t step, int field, const std::string& message) {
  file_ << framed(real(kWallTime, now_s()) + number(kStep, static_cast<std::uint64_t>(step)) + bytes(field, message));
}

void TensorBoard::scalars(std::int64_t step, const std::vector<std::pair<std::string, double>>& values) {
  std::string summary;
  for (const auto& [tag, value] : values)
    summary += bytes(kValue, bytes(kTag, tag) + real(kSimpleValue, static_cast<float>(value)));
  write(step, kSummary, summary);
}

void TensorBoard::picture(std::int64_t step, const std::string& tag, int width, int height, const std::string& png) {
  const std::string image = number(kHeight, static_cast<std::uint64_t>(height)) +
                            number(kWidth, static_cast<std::uint64_t>(width)) + number(kColorspace, kRgb) +
                            bytes(kEncoded, png);
  write(step, kSummary, bytes(kValue, bytes(kTag, tag) + bytes(kImage, image)));
}

}  // namespace bitemark::model
