// What a suite file may say, and what the fingerprint of a protocol depends on.
#include "suite/plan.h"

#include <gmock/gmock.h>

#include "base/error.h"
#include "base/files.h"
#include "temporary_folder.h"

namespace bitemark {
namespace {

using testing::HasSubstr;
using testing::ThrowsMessage;

Suite suite_of(const std::string& size) {
  const TemporaryFolder folder;
  const fs::path file = folder.path() / "s.json";
  write_file(file, R"({"name": "s", "size": )" + size + R"(, "fps": "12", "second_takes": 2,
                       "entries": [{"scenario": "bounce", "takes": 1}]})");
  return load_suite(file);
}

TEST(SuiteSize, IsOneSideOrTwo) {
  EXPECT_EQ(suite_of("64").size, (FrameSize{64, 64}));
  EXPECT_EQ(suite_of("\"64x64\"").size, (FrameSize{64, 64}));
  EXPECT_EQ(suite_of("\"96x64\"").size, (FrameSize{96, 64}));
  for (const FrameSize& size : {FrameSize{64, 64}, FrameSize{96, 64}, FrameSize{64, 96}})
    EXPECT_EQ(size_member({{"size", to_json(size)}}, "a file"), size);
}

TEST(SuiteSize, IsRefusedWithItsPlace) {
  for (const char* size : {"16", "\"96x16\"", "\"2048x64\"", "\"wide\"", "\"64x\"", "[96, 64]", "null", "64.5"})
    EXPECT_THAT([&] { suite_of(size); }, ThrowsMessage<InputError>(HasSubstr("s.json: /size: "))) << size;
}

TEST(SuiteSize, IsPartOfTheProtocol) {
  const std::string square = protocol_fingerprint(suite_of("64"), {});
  EXPECT_EQ(protocol_fingerprint(suite_of("\"64x64\""), {}), square);
  EXPECT_NE(protocol_fingerprint(suite_of("\"96x64\""), {}), square);
  EXPECT_NE(protocol_fingerprint(suite_of("\"96x64\""), {}), protocol_fingerprint(suite_of("\"64x96\""), {}));
}

}  // namespace
}  // namespace bitemark
