// The committed failing cases replay bit for bit.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include "base/json.h"
#include "cli/program.h"
#include "temporary_folder.h"

namespace bitemark {
namespace {

using testing::HasSubstr;

class SlowRepro : public testing::TestWithParam<const char*> {};

TEST_P(SlowRepro, IsBitExactAndNamesTheFrame) {
  const TemporaryFolder folder;
  const fs::path file = fs::path(BITEMARK_SOURCE_DIR) / "reports" / "cases" / GetParam();
  const auto said = bitemark({"repro", file.string(), "--out", folder.path().string()});
  EXPECT_EQ(said.code, 0) << said.out << said.err;
  EXPECT_THAT(said.out, HasSubstr("bit-exact: truth and rollout have the recorded digests"));
  const int frame = load_json(file).at("first_wrong_frame");
  EXPECT_GE(frame, 0);
  EXPECT_THAT(said.out, HasSubstr("first wrong frame: " + std::to_string(frame) + " "));
  EXPECT_GT(fs::file_size(folder.path() / "side-by-side.mp4"), 1000U);
  EXPECT_GT(fs::file_size(folder.path() / "strip.png"), 1000U);
}

INSTANTIATE_TEST_SUITE_P(Slow, SlowRepro,
                         testing::Values("cookie-without-a-mark.case.json", "left-right-swap.case.json"));

TEST(Repro, AChangedDigestIsTold) {
  const TemporaryFolder folder;
  auto json = load_json(fs::path(BITEMARK_SOURCE_DIR) / "reports" / "cases" / "left-right-swap.case.json");
  json["rollout_digest"] = std::string(64, '0');
  save_json(folder.path() / "x.case.json", json);
  const auto said =
      bitemark({"repro", (folder.path() / "x.case.json").string(), "--out", (folder.path() / "out").string()});
  EXPECT_EQ(said.code, 1);
  EXPECT_THAT(said.out, HasSubstr("NOT bit-exact: the truth is the same, the rollout differs"));
}

}  // namespace
}  // namespace bitemark
