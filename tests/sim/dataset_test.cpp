#include "sim/dataset.h"

#include <gmock/gmock.h>

#include "base/error.h"
#include "base/files.h"
#include "base/safetensors.h"
#include "base/sha256.h"
#include "sim/scenarios.h"
#include "temporary_folder.h"

namespace bitemark {
namespace {

DatasetOptions tiny() {
  DatasetOptions options;
  options.takes = 5;
  options.takes_per_shard = 3;
  options.sizes = {{16, 16}};
  options.render = small_options(16);
  options.render.duration_s = 0.75;
  options.threads = 2;
  return options;
}

TEST(Dataset, HoldsWhatTheTakesAre) {
  TemporaryFolder folder;
  const Scenario scenario = shipped("launch");
  write_dataset({scenario}, tiny(), folder.path());
  const Json index = load_json(folder.path() / "index.json");
  ASSERT_EQ(index["shards"].size(), 2U);
  const SafetensorsFile shard(folder.path() / index["shards"][1]["file"].get<std::string>());
  const std::int64_t takes = 2, frames = 9;
  const TensorView& rgb = shard.at("frames", DType::kU8, {takes, frames, 16, 16, 3});
  const TensorView& states = shard.at("states", DType::kF32, {takes, frames, 4, 7});
  shard.at("controls", DType::kF32, {takes, frames, static_cast<std::int64_t>(Controls::width())});
  EXPECT_EQ(shard.at("context_frames", DType::kI32, {takes}).as<std::int32_t>()[0], 6);

  const Episode episode = render_episode(scenario, "train", 4, tiny().render);  // the second take of this shard
  const std::size_t bytes = 16 * 16 * 3, at = (static_cast<std::size_t>(frames) + 8) * bytes;
  EXPECT_TRUE(
      std::equal(episode.clip.frames[8].rgb.begin(), episode.clip.frames[8].rgb.end(), rgb.as<std::uint8_t>() + at));
  const float* row = states.as<float>() + (static_cast<std::size_t>(frames) + 8) * 28;
  const BodyState& striker = episode.state(8, episode.body("striker")->id);
  EXPECT_EQ(row[0], 1);
  EXPECT_FLOAT_EQ(row[1], static_cast<float>(striker.u / 16));
  EXPECT_FLOAT_EQ(row[3], static_cast<float>(striker.depth_m));
  EXPECT_EQ(row[14], 0) << "launch tracks two bodies, the third slot is empty";
  const Json captions = parse_json(shard.metadata().at("captions"), "captions");
  EXPECT_EQ(captions[1].get<std::vector<std::string>>(), episode.info.captions);
}

TEST(Dataset, HoldsTheSameTakesAtEachSize) {
  TemporaryFolder folder;
  const Scenario scenario = shipped("bounce");
  DatasetOptions options = tiny();
  options.sizes = {{16, 16}, {32, 16}};
  write_dataset({scenario}, options, folder.path());
  ASSERT_EQ(load_json(folder.path() / "index.json")["shards"].size(), 4U);
  const SafetensorsFile square(folder.path() / "bounce-16x16-000.safetensors");
  const SafetensorsFile wide(folder.path() / "bounce-32x16-000.safetensors");
  const std::int64_t takes = 3, frames = 9;
  EXPECT_NO_THROW(square.at("frames", DType::kU8, {takes, frames, 16, 16, 3}));
  const TensorView& rgb = wide.at("frames", DType::kU8, {takes, frames, 16, 32, 3});
  RenderOptions render = options.render;
  render.width = 32;
  const Episode episode = render_episode(scenario, "train", 0, render);
  EXPECT_TRUE(std::equal(episode.clip.frames[0].rgb.begin(), episode.clip.frames[0].rgb.end(), rgb.as<std::uint8_t>()));
}

TEST(Dataset, ResumesAndRefusesAnother) {
  TemporaryFolder folder;
  const Scenario scenario = shipped("bounce");
  write_dataset({scenario}, tiny(), folder.path());
  const fs::path first = folder.path() / "bounce-000.safetensors", second = folder.path() / "bounce-001.safetensors";
  const std::string digest = sha256_of_file(second);
  const auto written = fs::last_write_time(first);
  fs::remove(second);
  write_dataset({scenario}, tiny(), folder.path());
  EXPECT_EQ(fs::last_write_time(first), written) << "a finished shard is kept";
  EXPECT_EQ(sha256_of_file(second), digest) << "the missing one comes out the same";
  DatasetOptions other = tiny();
  other.split = "test";
  EXPECT_THROW(write_dataset({scenario}, other, folder.path()), InputError);
}

}  // namespace
}  // namespace bitemark
