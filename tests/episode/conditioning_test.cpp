#include "episode/conditioning.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <functional>

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
  ASSERT_EQ(read_request(folder.path()).takes, std::vector<std::string>{take.id});
  EXPECT_EQ(read_request(folder.path()).task, "rollout");
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

TEST(Conditioning, PlacesChangesAndWatchedFramesSurvive) {
  const TemporaryFolder folder;
  auto take = sample();
  take.places = {0, 4};
  take.changes = {{1, "a green ball"}, {3, "\xf0\x9f\x8d\xaa \xe2\x80\xae"}};
  take.cuts = {2, 4};
  take.label = "bounce";
  take.watched.assign(3, take.context.front());
  write_request(folder.path(), {take});
  EXPECT_EQ(read_request(folder.path()).task, "surprise");
  const auto read = read_conditioning(folder.path(), take.id);
  EXPECT_EQ(read.places, take.places);
  ASSERT_EQ(read.changes.size(), 2U);
  EXPECT_EQ(read.changes[1].caption, take.changes[1].caption);
  EXPECT_EQ(read.changes[1].frame, 3);
  EXPECT_EQ(read.watched, take.watched);
  EXPECT_EQ(read.cuts, take.cuts);
  EXPECT_EQ(read.label, "bounce");
}

/// A conditioning whose JSON is changed before it is read.
std::string complaint(const std::function<void(Json&)>& change) {
  const TemporaryFolder folder;
  write_request(folder.path(), {sample()});
  const fs::path file = folder.path() / "bounce-test-0" / "conditioning.json";
  Json json = load_json(file);
  change(json);
  save_json(file, json);
  try {
    read_conditioning(folder.path(), "bounce-test-0");
  } catch (const InputError& error) {
    return error.what();
  }
  return "";
}

TEST(Conditioning, PlacesAndChangesThatLieGetASentence) {
  using testing::HasSubstr;
  EXPECT_EQ(complaint([](Json& json) { json["context_places"] = {0, 4}; }), "");
  EXPECT_THAT(complaint([](Json& json) { json["context_places"] = {0}; }), HasSubstr("has 1 places"));
  EXPECT_THAT(complaint([](Json& json) { json["context_places"] = {3, 3}; }), HasSubstr("/context_places/1"));
  EXPECT_THAT(complaint([](Json& json) { json["context_places"] = {0, 5}; }), HasSubstr("0 to 4"));
  const auto change = [](int frame) { return Json{{"frame", frame}, {"caption", "x"}}; };
  EXPECT_THAT(complaint([&](Json& json) {
                json["caption_changes"] = {change(2), change(2)};
              }),
              HasSubstr("/caption_changes/1/frame"));
  EXPECT_THAT(complaint([&](Json& json) { json["caption_changes"] = {change(-1)}; }), HasSubstr("is -1"));
  EXPECT_THAT(complaint([](Json& json) { json["cuts"] = {0}; }), HasSubstr("/cuts/0: is 0, expected"));
  EXPECT_THAT(complaint([](Json& json) { json["cuts"] = {3, 3}; }), HasSubstr("/cuts/1"));
  EXPECT_THAT(complaint([](Json& json) { json["label"] = 7; }), HasSubstr("/label"));
}

TEST(Conditioning, NoTakeAnswersInAnothersFolder) {
  using testing::HasSubstr;
  EXPECT_THAT(complaint([](Json& json) { json["id"] = "../elsewhere"; }),
              HasSubstr("/id: is '../elsewhere', expected the folder's name 'bounce-test-0'"));
  const TemporaryFolder folder;
  write_request(folder.path(), {sample()});
  const fs::path file = folder.path() / "request.json";
  Json json = load_json(file);
  json["takes"] = {"bounce-test-0", "bounce-test-0"};
  save_json(file, json);
  EXPECT_THAT([&] { read_request(folder.path()); }, testing::ThrowsMessage<InputError>(HasSubstr("twice")));
}

TEST(Surprise, RoundTripAndLies) {
  const TemporaryFolder folder;
  write_surprise(folder.path(), "x", {0.5F, 0.25F});
  EXPECT_EQ(read_surprise(folder.path(), "x", 2), (std::vector<float>{0.5F, 0.25F}));
  EXPECT_THROW(read_surprise(folder.path(), "x", 3), InputError);
  write_surprise(folder.path(), "y", {0.5F, std::nanf("")});
  EXPECT_THROW(read_surprise(folder.path(), "y", 2), InputError);
}

TEST(Rollout, RoundTripAndLyingShapes) {
  const TemporaryFolder folder;
  const auto frames = sample().context;
  write_rollout(folder.path(), "x", frames);
  EXPECT_EQ(read_rollout_tensor(folder.path() / "x" / "rollout.safetensors"), frames);
  const auto file = folder.path() / "x" / "rollout.safetensors";
  EXPECT_THROW(read_rollout_tensor(file, 1), InputError);
  std::vector<Frame> one_by_one;
  read_rollout_frames(file, 2, [&](Frame&& frame) { one_by_one.push_back(std::move(frame)); });
  EXPECT_EQ(one_by_one, frames);
  save_safetensors(folder.path() / "none.safetensors", {{"frames", DType::kU8, {0, 4, 4, 3}, nullptr}});
  EXPECT_THROW(read_rollout_tensor(folder.path() / "none.safetensors"), InputError);
}

TEST(Rate, FractionsAreThemselves) {
  EXPECT_EQ(parse_rate("30000/1001"), (Rate{30000, 1001}));
  EXPECT_EQ(to_text(parse_rate("12")), "12");
  for (const char* bad : {"", "x", "12.5", "0", "1000", "12/0", "-3", "12/"})
    EXPECT_THROW(parse_rate(bad), InputError) << bad;
}

TEST(FrameSize, IsTwoSidesOrOneOfASquare) {
  EXPECT_EQ(parse_size("96x64"), (FrameSize{96, 64}));
  EXPECT_EQ(parse_size("128"), (FrameSize{128, 128}));
  EXPECT_EQ(to_text(parse_size("96x64")), "96x64");
  for (const char* bad : {"", "x", "x64", "64x", "64x64x64", "64 x 64", "15", "16x4097", "-64", "64.0", "99999999999"})
    EXPECT_THROW(parse_size(bad), InputError) << bad;
}

}  // namespace
}  // namespace bitemark
