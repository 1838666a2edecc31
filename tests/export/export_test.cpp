#include "export/export.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/error.h"
#include "base/random.h"
#include "base/subprocess.h"
#include "export/npy.h"
#include "image/raw_image.h"
#include "temporary_folder.h"

namespace bitemark {
namespace {

using testing::HasSubstr;

constexpr int kWidth = 20, kHeight = 14, kFrames = 3;

/// Two bodies, one of them seen more; colours, depths and flow at random where `moving`, else all the same.
class Export : public testing::Test {
 protected:
  EpisodeInfo info(int bodies = 2) const {
    EpisodeInfo info;
    info.scenario = "made-up";
    info.family = "test";
    info.split = "test";
    info.mode = "continuation";
    info.solver = "bouncing";
    info.caption = "two things";
    info.captions = {info.caption};
    info.width = kWidth;
    info.height = kHeight;
    info.frame_count = kFrames;
    const double half = 0.5 * kWidth;
    for (int t = 0; t < kFrames; ++t) {
      info.cameras.push_back({18, 18, half, 0.5 * kHeight, {{0, -4, 1}, {0.8, -0.6, 0, 0}}, 0});
      std::vector<BodyState> states;
      for (int b = 0; b < bodies; ++b) {
        BodyState state;
        state.id = static_cast<std::uint16_t>(b + 1);
        state.X_WB.position = {0.1 * b, 0.2 * t, 1};
        const Projection p = project(info.cameras.back(), state.X_WB.position);
        state.u = p.u, state.v = p.v, state.depth_m = p.depth;
        state.visible_px = 10 * (b + 1);
        states.push_back(state);
      }
      info.states.push_back(states);
    }
    for (int b = 0; b < bodies; ++b) {
      Body body;
      body.id = static_cast<std::uint16_t>(b + 1);
      body.name = "thing_" + std::to_string(b + 1);
      body.shape = "box";
      info.bodies.push_back(body);
    }
    info.controls.values.assign(kFrames * Controls::width(), 0.25F);
    return info;
  }

  fs::path episode(bool moving, int bodies = 2) {
    const fs::path folder = folder_.path() / "episode";
    const EpisodeInfo about = info(bodies);
    EpisodeFolderWriter writer(folder);
    writer.begin(about);
    Pcg32 random(3, 3);
    for (int t = 0; t < kFrames; ++t) {
      Frame frame(kWidth, kHeight);
      for (auto& value : frame.rgb) value = static_cast<std::uint8_t>(random.below(256));
      constexpr std::size_t kPixels = kWidth * kHeight;
      FrameTruth truth{std::vector<float>(kPixels, 2.5F), std::vector<std::uint16_t>(kPixels, 0),
                       std::vector<float>(2 * kPixels, 0), std::vector<float>(2 * kPixels, 0),
                       std::vector<std::uint8_t>(kPixels, 0)};
      for (std::size_t i = 0; moving && i < kPixels; ++i) {
        truth.depth[i] = random.below(8) == 0 ? 0 : static_cast<float>(random.uniform(0.1, 80));
        truth.ids[i] = static_cast<std::uint16_t>(random.below(3));
        truth.flow_forward[2 * i] = static_cast<float>(random.uniform(-30, 40));
        truth.flow_forward[2 * i + 1] = static_cast<float>(random.uniform(-3, 2));
        truth.flow_backward[2 * i] = static_cast<float>(random.uniform(-1, 1));
        truth.flow_flags[i] = random.below(4) == 0 ? static_cast<std::uint8_t>(1U << random.below(8)) : 0;
      }
      writer.frame(t, std::move(frame), std::move(truth));
    }
    writer.end(about);
    return folder;
  }

  void expect_agreement(const fs::path& source) {
    std::vector<std::string> words{"/usr/bin/python3", std::string(BITEMARK_SOURCE_DIR) + "/tests/export/compare.py",
                                   std::string(BITEMARK_SOURCE_DIR) + "/examples", source.string()};
    for (const char* layout : {"numpy", "png", "kubric"}) {
      export_episode(source, layout, folder_.path() / layout);
      words.push_back((folder_.path() / layout).string());
    }
    const ProcessResult result = run_process(words, {120, 0, 0}, {}, {}, {{"PYTHONDONTWRITEBYTECODE", "1"}});
    EXPECT_TRUE(result.ok()) << result.error_tail;
  }

  static void expect_refused(const std::function<void()>& work, const std::string& reason) {
    try {
      work();
      FAIL() << "accepted, expected: " << reason;
    } catch (const InputError& error) {
      EXPECT_THAT(error.what(), HasSubstr(reason));
    }
  }
  TemporaryFolder folder_;
};

// Read again by examples/read_episode.py, which shares no code with what wrote them.
TEST_F(Export, EveryLayoutHoldsTheEpisode) { expect_agreement(episode(true)); }

// Nothing moves: 16 bits are spread over a range of no length.
TEST_F(Export, AConstantFieldIsNoDivisionByZero) { expect_agreement(episode(false)); }

TEST_F(Export, AnEarlierExportIsReplacedAndNothingElse) {
  const fs::path source = episode(true), out = folder_.path() / "out";
  export_episode(source, "numpy", out);
  export_episode(source, "png", out);
  EXPECT_FALSE(fs::exists(out / "frames.npy"));
  EXPECT_TRUE(fs::exists(out / "rgb" / "00002.png"));
  make_folder(folder_.path() / "mine");
  write_file(folder_.path() / "mine" / "thesis.tex", "x");
  expect_refused([&] { export_episode(source, "png", folder_.path() / "mine"); }, "something else than an export");
  expect_refused([&] { export_episode(source, "exr", folder_.path() / "new"); }, "expected one of kubric, png, numpy");
  EXPECT_FALSE(fs::exists(folder_.path() / "new"));
}

TEST_F(Export, AnEpisodeThatWasTouchedIsRefusedAndLeavesNothing) {
  const fs::path source = episode(true);
  std::string bytes = read_file(source / "truth.safetensors");
  bytes.back() = static_cast<char>(bytes.back() ^ 1);
  write_file(source / "truth.safetensors", bytes);
  expect_refused([&] { export_episode(source, "numpy", folder_.path() / "out"); }, "is not what the manifest names");
  EXPECT_FALSE(fs::exists(folder_.path() / "out"));
  EXPECT_EQ(std::distance(fs::directory_iterator(folder_.path()), fs::directory_iterator()), 1);  // the episode
}

TEST_F(Export, KubricHolds255Bodies) {
  const fs::path source = episode(true, 256);
  expect_refused([&] { export_episode(source, "kubric", folder_.path() / "out"); }, "shows 256 bodies");
}

// From the format's definition: magic, version 1.0, little-endian length, a literal that ends with a newline.
TEST_F(Export, NpyHeader) {
  const std::string header = npy_header(DType::kF32, {3, 2});
  EXPECT_EQ(header.size() % 64, 0U);
  EXPECT_EQ(header.substr(0, 8), std::string("\x93NUMPY\x01\x00", 8));
  EXPECT_EQ(static_cast<unsigned char>(header[8]) + 256 * static_cast<unsigned char>(header[9]), header.size() - 10);
  EXPECT_THAT(header, HasSubstr("{'descr': '<f4', 'fortran_order': False, 'shape': (3, 2, ), }"));
  EXPECT_EQ(header.back(), '\n');
}

// OpenCV's decoder, in the child process that reads pictures, sees the colours that were written.
TEST_F(Export, PngIsWhatOthersRead) {
  Pcg32 random(5, 5);
  RawImage<std::uint8_t> image{5, 4, 3, {}};
  for (int i = 0; i < 60; ++i) image.values.push_back(static_cast<std::uint8_t>(random.below(256)));
  make_folder(folder_.path() / "pictures");
  write_file(folder_.path() / "pictures" / "0.png", encode_png(image));
  EXPECT_EQ(read_clip(folder_.path() / "pictures", {12, 1}).frames.front().rgb, image.values);
}

}  // namespace
}  // namespace bitemark
