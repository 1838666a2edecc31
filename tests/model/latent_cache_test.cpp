#include "model/latent_cache.h"

#include <gtest/gtest.h>

#include "model/weights.h"
#include "toys.h"

namespace bitemark::model {
namespace {

constexpr std::int64_t kTemporal = 4,
                       kFrames = 18;  // two frames are put before the first, so that five latents are full

/// The toy's takes without their last two frames.
void write_short_shards(const std::filesystem::path& folder) {
  write_toy_shards(folder);
  for (const char* name : {"slide-000.safetensors", "drop-000.safetensors"}) {
    std::vector<NamedTensor> tensors;
    std::map<std::string, std::string> metadata;
    {
      const SafetensorsFile whole(folder / name);
      metadata = whole.metadata();
      for (const auto& [key, view] : whole.tensors()) {
        const Tensor all = to_tensor(whole, key);
        tensors.push_back({key, all.dim() > 1 ? all.slice(1, 0, kFrames).contiguous() : all});
      }
    }
    save_tensors(folder / name, tensors, metadata);
  }
}

TEST(LatentCache, AWindowsLatentsAndFramesAreOfTheSameTime) {
  const torch::NoGradGuard no_grad;
  const auto data = fresh_folder("data");
  write_short_shards(data);
  const ClipSource source({data}, {});
  VaeConfig config = tiny_vae();
  config.temporal = kTemporal;
  Vae vae(config);
  vae.to(default_device());
  const LatentCache cache(fresh_folder("latents"), source, vae, "digest");
  StreamState state;
  const Tensor padded = pad_front(frames_from_bytes(source.shard_frames(0).slice(0, 3, 4)), kTemporal);
  const Tensor take = vae.encode(padded.to(default_device()), state)[0].cpu();
  for (std::int64_t start = 0; start + 2 * kTemporal <= kFrames; ++start) {
    ClipWindow window{0, 3, start, 0};
    cache.align(window, 2);
    EXPECT_LT(std::abs(window.start - start), kTemporal);
    ASSERT_GE(window.start, 0);
    ASSERT_LE(window.start + 2 * kTemporal, kFrames);
    // The padded take's frame `window.start + 2` is the window's first; a latent begins there.
    ASSERT_EQ((window.start + 2) % kTemporal, 0) << start;
    const std::int64_t latent = (window.start + 2) / kTemporal;
    EXPECT_TRUE(at::allclose(cache.load({window}, 2)[0], take.slice(0, latent, latent + 2), 1e-2, 1e-2)) << start;
  }
}

TEST(LatentCache, ShardsOfSeveralFoldersAreKeptApart) {
  const torch::NoGradGuard no_grad;
  const auto wide = fresh_folder("wide"), square = fresh_folder("square");
  write_toy_shards(wide, {{64, 32}});
  write_toy_shards(square);
  const ClipSource both({square, wide}, {{"slide", 0.0}}, 3);
  ASSERT_EQ(both.shard_count(), 2U);
  EXPECT_EQ(both.scenarios(), std::vector<std::string>{"drop"});
  EXPECT_EQ(both.shard_name(0), "1-drop-000");
  EXPECT_EQ(both.shard_name(1), "2-drop-000");  // had the first none, its shard "2-..." could be the second's
  EXPECT_EQ(both.sizes(), (std::vector<FrameSize>{{32, 32}, {64, 32}}));
  Vae vae(tiny_vae());
  vae.to(default_device());
  const LatentCache cache(fresh_folder("latents"), both, vae, "digest");
  EXPECT_EQ(cache.load({{0, 0, 0, 0}}, 4).size(4), 4);
  EXPECT_EQ(cache.load({{1, 0, 0, 0}}, 4).size(4), 8);
  // The last three of all takes are held out, not three of each folder.
  for (const ClipWindow& window : both.last_windows(3, 4)) EXPECT_EQ(window.shard, 1U);
  Pcg32 random(1, 1);
  std::size_t of_first = 0;
  constexpr int kDraws = 1300;  // one at a time: those drawn together have one size
  for (int i = 0; i < kDraws; ++i) of_first += both.draw(1, 4, random).front().shard == 0 ? 1 : 0;
  EXPECT_NEAR(static_cast<double>(of_first), 800, 88);  // 8 takes against 5; five standard deviations of 17.5
}

}  // namespace
}  // namespace bitemark::model
