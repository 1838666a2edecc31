#include "episode/conditioning.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/error.h"
#include "base/files.h"
#include "base/safetensors.h"
#include "temporary_folder.h"

namespace bitemark {
namespace {

Conditioning sample() {
  Conditioning take{"bounce-test-0", "a red ball", {30000, 1001}, 4, 2, 5, 1ULL << 63U, {}, {}};
  for (int t = 0; t < 2; ++t) {
    Frame frame(4, 2);
    for (std::size_t i = 0; i < frame.rgb.size(); ++i) frame.rgb[i] = static_cast<std::uint8_t>(i * 7 + t);
    take.context.push_back(frame);
  }
  take.controls.values.assign(5 * Controls::width(), 0.5F);
  return take;
}

TEST(Conditioning, RoundTrip) {
  const TemporaryFolder folder;
  const auto take = sample();
  write_request(folder.path(), {take});
  ASSERT_EQ(read_request(folder.path()), std::vector<std::string>{take.id});
  const auto read = read_conditioning(folder.path(), take.id);
  EXPECT_EQ(read.caption, take.caption);
  EXPECT_EQ(read.rate, take.rate);
  EXPECT_EQ(read.seed, take.seed);
  EXPECT_EQ(read.context, take.context);
  EXPECT_EQ(read.controls.values, take.controls.values);
}

TEST(Conditioning, RefusesIdsThatLeaveTheFolder) {
  const TemporaryFolder folder;
  write_file(folder.path() / "request.json", R"({"protocol": 1, "takes": ["../../etc"]})");
  EXPECT_THROW(read_request(folder.path()), InputError);
  write_file(folder.path() / "request.json", R"({"protocol": 1, "takes": [".."]})");
  EXPECT_THROW(read_request(folder.path()), InputError);
  write_file(folder.path() / "request.json", R"({"protocol": 2, "takes": []})");
  EXPECT_THROW(read_request(folder.path()), InputError);
}

TEST(Rollout, RoundTripAndLyingShapes) {
  const TemporaryFolder folder;
  const auto frames = sample().context;
  write_rollout(folder.path(), "x", frames);
  EXPECT_EQ(read_rollout_tensor(folder.path() / "x" / "rollout.safetensors"), frames);
  save_safetensors(folder.path() / "none.safetensors", {{"frames", DType::kU8, {0, 4, 4, 3}, nullptr}});
  EXPECT_THROW(read_rollout_tensor(folder.path() / "none.safetensors"), InputError);
}

TEST(Rate, FractionsAreThemselves) {
  EXPECT_EQ(parse_rate("30000/1001"), (Rate{30000, 1001}));
  EXPECT_EQ(to_text(parse_rate("12")), "12");
  for (const char* bad : {"", "x", "12.5", "0", "1000", "12/0", "-3", "12/"})
    EXPECT_THROW(parse_rate(bad), InputError) << bad;
}

}  // namespace
}  // namespace bitemark
