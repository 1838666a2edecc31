#include "video/video_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/error.h"
#include "base/files.h"
#include "base/random.h"
#include "temporary_folder.h"
#include "video/png.h"

namespace bitemark {
namespace {

using testing::HasSubstr;

/// Noise: any loss would show.
Clip noise_clip(int frames, int width, int height, Rate rate) {
  Pcg32 random(7, 7);
  std::vector<Frame> all;
  for (int t = 0; t < frames; ++t) {
    Frame frame(width, height);
    for (auto& value : frame.rgb) value = static_cast<std::uint8_t>(random.below(256));
    all.push_back(frame);
  }
  return make_clip(all, rate);
}

void expect_refused(const fs::path& path, const std::string& reason, const ReadLimits& limits = {}) {
  try {
    read_clip(path, {12, 1}, limits);
    FAIL() << "accepted, expected: " << reason;
  } catch (const InputError& error) {
    EXPECT_THAT(error.what(), HasSubstr(path.filename().string()));
    EXPECT_THAT(error.what(), HasSubstr(reason));
  }
}

class VideoFile : public testing::Test {
 protected:
  TemporaryFolder folder_;
};

TEST_F(VideoFile, Ffv1IsLossless) {
  const Clip clip = noise_clip(5, 30, 18, {24, 1});
  write_video(folder_.path() / "a.mkv", Codec::kFfv1, clip, {24, 1});
  const Clip read = read_clip(folder_.path() / "a.mkv", {24, 1});
  EXPECT_EQ(read.frames, clip.frames);
}

TEST_F(VideoFile, OddRatesKeepTheirTimestamps) {
  const Rate rate{30000, 1001};
  write_video(folder_.path() / "a.mkv", Codec::kFfv1, noise_clip(31, 16, 16, rate), rate);
  const Clip read = read_clip(folder_.path() / "a.mkv", rate);
  ASSERT_EQ(read.size(), 31U);
  // Matroska counts milliseconds: half of one, and half again for the first frame's own rounding.
  for (std::size_t i = 0; i < read.size(); ++i) EXPECT_NEAR(read.times[i], rate.time_of(static_cast<int>(i)), 0.0011);
}

TEST_F(VideoFile, H264IsReadBackWithATimestampForEveryFrame) {
  write_video(folder_.path() / "a.mp4", Codec::kH264, noise_clip(7, 32, 32, {24, 1}), {24, 1});
  const Clip clip = read_clip(folder_.path() / "a.mp4", {12, 1});
  ASSERT_EQ(clip.size(), 7U);
  for (std::size_t i = 0; i < clip.size(); ++i) EXPECT_NEAR(clip.times[i], static_cast<double>(i) / 24, 1e-3) << i;
}

TEST_F(VideoFile, PictureFoldersAreReadInTheOrderOfTheirNames) {
  const Clip clip = noise_clip(3, 8, 8, {12, 1});
  make_folder(folder_.path() / "frames");
  for (int i : {2, 0, 1})
    write_png(folder_.path() / "frames" / (std::to_string(i) + ".png"), clip.frames[static_cast<std::size_t>(i)]);
  const Clip read = read_clip(folder_.path() / "frames", {12, 1});
  EXPECT_EQ(read.frames, clip.frames);
  EXPECT_DOUBLE_EQ(read.times[2], 2.0 / 12);
}

TEST_F(VideoFile, RefusesWhatIsNoVideo) {
  write_file(folder_.path() / "text.mp4", "this is not a video, whatever its name says\n");
  expect_refused(folder_.path() / "text.mp4", "is not a video");
  write_file(folder_.path() / "empty.mp4", "");
  expect_refused(folder_.path() / "empty.mp4", "is not a video");
  expect_refused(folder_.path() / "absent.mp4", "does not exist");
  make_folder(folder_.path() / "none");
  expect_refused(folder_.path() / "none", "holds no .png or .jpg");
}

TEST_F(VideoFile, RefusesPicturesOfDifferentSizes) {
  make_folder(folder_.path() / "frames");
  write_png(folder_.path() / "frames/0.png", Frame(8, 8));
  write_png(folder_.path() / "frames/1.png", Frame(8, 9));
  expect_refused(folder_.path() / "frames", "another size");
}

TEST_F(VideoFile, RefusesWhatIsBeyondTheLimits) {
  write_video(folder_.path() / "a.mkv", Codec::kFfv1, noise_clip(9, 32, 16, {12, 1}), {12, 1});
  ReadLimits limits;
  limits.max_frames = 8;
  expect_refused(folder_.path() / "a.mkv", "more than 8 frames", limits);
  limits = {};
  limits.max_side = 31;
  expect_refused(folder_.path() / "a.mkv", "at most 31 a side", limits);
}

TEST_F(VideoFile, ATruncatedVideoGivesItsWholeFramesOrASentence) {
  write_video(folder_.path() / "a.mkv", Codec::kFfv1, noise_clip(20, 32, 32, {12, 1}), {12, 1});
  const std::string whole = read_file(folder_.path() / "a.mkv");
  for (const double share : {0.02, 0.5, 0.9}) {
    write_file(folder_.path() / "cut.mkv",
               whole.substr(0, static_cast<std::size_t>(share * static_cast<double>(whole.size()))));
    try {
      EXPECT_LT(read_clip(folder_.path() / "cut.mkv", {12, 1}).size(), 21U);
    } catch (const InputError& error) {
      EXPECT_THAT(error.what(), HasSubstr("cut.mkv"));
    }
  }
}

TEST_F(VideoFile, AnUnwritablePlaceIsASentence) {
  EXPECT_THROW(
      write_video(folder_.path() / "no/such/folder/a.mkv", Codec::kFfv1, noise_clip(2, 16, 16, {12, 1}), {12, 1}),
      InputError);
}

}  // namespace
}  // namespace bitemark
