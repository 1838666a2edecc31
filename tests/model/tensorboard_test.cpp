// Event files, read by a decoder of their own that knows TFRecord and protocol buffers and nothing of the writer.
#include "model/tensorboard.h"

#include <gmock/gmock.h>

#include <cstring>
#include <map>
#include <optional>

#include "base/files.h"
#include "toys.h"

namespace bitemark::model {
namespace {

/// Bit by bit, from the definition: the remainder of the reflected message by the Castagnoli polynomial.
std::uint32_t slow_crc32c(const std::string& bytes) {
  std::uint32_t remainder = 0xffffffffU;
  for (const char c : bytes) {
    for (int bit = 0; bit < 8; ++bit) {
      const bool odd = ((remainder ^ static_cast<std::uint32_t>(static_cast<unsigned char>(c) >> bit)) & 1U) != 0;
      remainder >>= 1U;
      if (odd) remainder ^= 0x82f63b78U;
    }
  }
  return remainder ^ 0xffffffffU;
}

template <typename T>
T number_at(const std::string& bytes, std::size_t at) {
  T value;
  EXPECT_LE(at + sizeof(T), bytes.size());
  std::memcpy(&value, bytes.data() + at, sizeof(T));  // little-endian, as this machine
  return value;
}

/// Data of all records of a TFRecord file; both checksums of each are checked.
std::vector<std::string> records_of(const std::string& file) {
  std::vector<std::string> records;
  const auto unmasked = [&](std::size_t at) {
    const std::uint32_t rotated = number_at<std::uint32_t>(file, at) - 0xa282ead8U;
    return rotated >> 17U | rotated << 15U;
  };
  for (std::size_t at = 0; at < file.size();) {
    const auto length = number_at<std::uint64_t>(file, at);
    EXPECT_EQ(unmasked(at + 8), slow_crc32c(file.substr(at, 8)));
    records.push_back(file.substr(at + 12, length));
    EXPECT_EQ(unmasked(at + 12 + length), slow_crc32c(records.back()));
    at += 16 + length;
  }
  return records;
}

/// Fields of a message by number: varints and fixed numbers as their bits, the rest as bytes.
struct Field {
  std::uint64_t bits = 0;
  std::string bytes;
};
using Message = std::multimap<int, Field>;

Message parsed(const std::string& bytes) {
  std::size_t at = 0;
  const auto varint = [&] {
    std::uint64_t value = 0;
    for (unsigned shift = 0;; shift += 7) {
      const auto byte = static_cast<unsigned char>(bytes.at(at++));
      value |= static_cast<std::uint64_t>(byte & 127U) << shift;
      if (byte < 128) return value;
    }
  };
  Message message;
  while (at < bytes.size()) {
    const std::uint64_t key = varint();
    Field field;
    switch (key & 7U) {
      case 0:
        field.bits = varint();
        break;
      case 1:
        field.bits = number_at<std::uint64_t>(bytes, at), at += 8;
        break;
      case 5:
        field.bits = number_at<std::uint32_t>(bytes, at), at += 4;
        break;
      case 2: {
        const std::uint64_t length = varint();
        field.bytes = bytes.substr(at, length);
        at += length;
        break;
      }
      default:
        ADD_FAILURE() << "wire type " << (key & 7U);
        return message;
    }
    message.emplace(static_cast<int>(key >> 3U), field);
  }
  return message;
}

const Field& only(const Message& message, int field) {
  EXPECT_EQ(message.count(field), 1U) << field;
  return message.find(field)->second;
}

std::vector<Message> events_in(const std::filesystem::path& folder) {
  std::vector<std::filesystem::path> files;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) files.push_back(entry.path());
  std::sort(files.begin(), files.end());
  std::vector<Message> events;
  for (const auto& file : files)
    for (const auto& record : records_of(read_file(file))) events.push_back(parsed(record));
  return events;
}

TEST(Crc32c, PublishedVectors) {
  EXPECT_EQ(crc32c("123456789"), 0xe3069283U);
  // RFC 3720, B.4.
  EXPECT_EQ(crc32c(std::string(32, '\0')), 0x8a9136aaU);
  EXPECT_EQ(crc32c(std::string(32, '\xff')), 0x62a8ab43U);
}

TEST(TensorBoard, ScalarsComeBack) {
  const auto folder = fresh_folder("board");
  {
    TensorBoard board(folder, 0);
    board.scalars(0, {{"loss", 0.5}, {"rate", 1e-3}});
    board.scalars(300, {{"loss", -2.25}});
  }
  const auto events = events_in(folder);
  ASSERT_EQ(events.size(), 3U);
  EXPECT_EQ(only(events[0], 3).bytes, "brain.Event:2");
  EXPECT_EQ(only(events[2], 2).bits, 300U);
  const Message summary = parsed(only(events[1], 5).bytes);
  std::map<std::string, float> values;
  for (const auto& [number, field] : summary) {
    ASSERT_EQ(number, 1);
    const Message value = parsed(field.bytes);
    const auto bits = static_cast<std::uint32_t>(only(value, 2).bits);
    std::memcpy(&values[only(value, 1).bytes], &bits, 4);
  }
  EXPECT_EQ(values, (std::map<std::string, float>{{"loss", 0.5F}, {"rate", 1e-3F}}));
}

TEST(TensorBoard, ARunThatGoesOnTakesBackWhatItDoesAgain) {
  const auto folder = fresh_folder("board");
  TensorBoard(folder, 0).scalars(7, {{"loss", 1}});
  TensorBoard(folder, 5).scalars(5, {{"loss", 2}});
  const auto events = events_in(folder);
  ASSERT_EQ(events.size(), 5U) << "two files: version, loss; version, session, loss";
  EXPECT_EQ(only(events[3], 2).bits, 5U);
  EXPECT_EQ(only(parsed(only(events[3], 7).bytes), 1).bits, 1U) << "SessionLog.START";
}

TEST(TensorBoard, PictureIsKeptAsItIs) {
  const auto folder = fresh_folder("board");
  TensorBoard(folder, 0).picture(9, "rollouts", 640, 130, std::string("\x89PNG\0\1", 6));
  const Message value = parsed(only(parsed(only(events_in(folder).at(1), 5).bytes), 1).bytes);
  EXPECT_EQ(only(value, 1).bytes, "rollouts");
  const Message image = parsed(only(value, 4).bytes);
  EXPECT_EQ(only(image, 1).bits, 130U);
  EXPECT_EQ(only(image, 2).bits, 640U);
  EXPECT_EQ(only(image, 4).bytes, std::string("\x89PNG\0\1", 6));
}

}  // namespace
}  // namespace bitemark::model
