#include "base/safetensors.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/error.h"
#include "base/files.h"
#include "temporary_folder.h"

namespace bitemark {
namespace {

using testing::HasSubstr;

class Safetensors : public testing::Test {
 protected:
  /// Writes a file with this header text (its length may be overridden) and `data` zero bytes.
  fs::path file_with(const std::string& header, std::size_t data, std::int64_t claimed = -1) {
    const std::uint64_t size = claimed < 0 ? header.size() : static_cast<std::uint64_t>(claimed);
    std::string content(8, '\0');
    for (std::size_t i = 0; i < 8; ++i) content[i] = static_cast<char>(size >> (8 * i) & 255U);
    const fs::path path = folder_.path() / "file.safetensors";
    write_file(path, content + header + std::string(data, '\0'));
    return path;
  }
  void expect_refused(const fs::path& path, const std::string& reason) {
    try {
      const SafetensorsFile file(path);
      FAIL() << "accepted, expected: " << reason;
    } catch (const InputError& error) {
      EXPECT_THAT(error.what(), HasSubstr(path.filename().string()));
      EXPECT_THAT(error.what(), HasSubstr(reason));
    }
  }
  TemporaryFolder folder_;
};

TEST_F(Safetensors, RoundTripKeepsValuesShapesAndMetadata) {
  const std::vector<float> values{1.5F, -2.0F, 0.25F, 3.0F, 4.0F, 5.0F};
  const std::vector<std::uint8_t> bytes{7, 8};
  const fs::path path = folder_.path() / "a.safetensors";
  save_safetensors(path,
                   {{"w", DType::kF32, {2, 3}, values.data()},
                    {"b", DType::kU8, {2}, bytes.data()},
                    {"empty", DType::kF32, {0, 4}, nullptr}},
                   {{"format", "test"}});
  const SafetensorsFile file(path);
  const auto& w = file.at("w", DType::kF32, {2, -1});
  EXPECT_EQ(std::vector<float>(w.as<float>(), w.as<float>() + 6), values);
  EXPECT_EQ(file.at("b").as<std::uint8_t>()[1], 8);
  EXPECT_EQ(file.at("empty").count(), 0);
  EXPECT_EQ(file.metadata().at("format"), "test");
}

TEST_F(Safetensors, SameInputSameBytes) {
  const float value = 1;
  save_safetensors(folder_.path() / "a", {{"x", DType::kF32, {}, &value}});
  save_safetensors(folder_.path() / "b", {{"x", DType::kF32, {}, &value}});
  EXPECT_EQ(read_file(folder_.path() / "a"), read_file(folder_.path() / "b"));
}

TEST_F(Safetensors, RefusesTruncatedFiles) {
  const fs::path path = folder_.path() / "short.safetensors";
  write_file(path, "abc");
  expect_refused(path, "expected at least 8");
  expect_refused(file_with("{}", 0, 1000), "claims 1000 bytes");
  expect_refused(file_with(R"({"x":{"dtype":"F32","shape":[4],"data_offsets":[0,16]}})", 8), "outside the 8 bytes");
}

TEST_F(Safetensors, RefusesLyingOffsetsAndShapes) {
  expect_refused(file_with(R"({"x":{"dtype":"F32","shape":[4],"data_offsets":[0,8]}})", 8), "has 8 bytes, expected 16");
  expect_refused(file_with(R"({"x":{"dtype":"F32","shape":[2],"data_offsets":[8,0]}})", 8), "outside");
  expect_refused(file_with(R"({"x":{"dtype":"F32","shape":[4611686018427387904,4],"data_offsets":[0,8]}})", 8),
                 "overflows");
  expect_refused(file_with(R"({"x":{"dtype":"F32","shape":[18446744073709551615],"data_offsets":[0,8]}})", 8),
                 "negative");
  expect_refused(file_with(R"({"x":{"dtype":"F32","shape":[-2],"data_offsets":[0,8]}})", 8), "negative");
  expect_refused(file_with(R"({"x":{"dtype":"F31","shape":[2],"data_offsets":[0,8]}})", 8), "unknown dtype");
  expect_refused(file_with(R"({"x":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},)"
                           R"("y":{"dtype":"F32","shape":[1],"data_offsets":[2,6]}})",
                           8),
                 "overlaps");
}

TEST_F(Safetensors, RefusesAHeaderThatIsNotAnObject) {
  expect_refused(file_with("[1]", 0), "not a JSON object");
  expect_refused(file_with("{\"x\":", 0), "is not JSON");
}

TEST_F(Safetensors, NamesTheTensorThatIsMissingOrDiffers) {
  const fs::path path = file_with(R"({"x":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}})", 8);
  const SafetensorsFile file(path);
  EXPECT_THROW(file.at("y"), InputError);
  try {
    file.at("x", DType::kF32, {3});
    FAIL();
  } catch (const InputError& error) {
    EXPECT_THAT(error.what(), HasSubstr("x: is F32 [2], expected F32 [3]"));
  }
}

TEST_F(Safetensors, WrittenInPiecesItIsTheSameFile) {
  const std::vector<float> a{1, 2, 3, 4, 5, 6};
  const std::vector<std::uint16_t> b{7, 8, 9};
  const std::vector<TensorToSave> tensors{{"a", DType::kF32, {3, 2}, a.data()}, {"b", DType::kU16, {3}, b.data()}};
  const std::map<std::string, std::string> metadata{{"who", "us"}};
  save_safetensors(folder_.path() / "whole", tensors, metadata);
  SafetensorsWriter writer(folder_.path() / "pieces", tensors, metadata);
  for (std::size_t row = 0; row < 3; ++row) {  // by turns, as the frames of an episode come
    writer.append(0, &a[2 * row], 2 * sizeof(float));
    writer.append(1, &b[row], sizeof(std::uint16_t));
    EXPECT_FALSE(fs::exists(folder_.path() / "pieces"));
  }
  EXPECT_THROW(writer.append(1, b.data(), 2), std::logic_error);  // beyond its end
  writer.finish();
  EXPECT_EQ(read_file(folder_.path() / "pieces"), read_file(folder_.path() / "whole"));
}

TEST_F(Safetensors, WhatIsNotWholeDoesNotAppear) {
  const float value = 1;
  {
    SafetensorsWriter writer(folder_.path() / "x", {{"a", DType::kF32, {2}, nullptr}});
    writer.append(0, &value, sizeof(value));
    EXPECT_THROW(writer.finish(), std::logic_error);
  }
  EXPECT_TRUE(fs::is_empty(folder_.path()));
}

}  // namespace
}  // namespace bitemark
