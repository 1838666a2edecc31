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
  const ClipSource source(data, {});
  VaeConfig config = tiny_vae();
  config.temporal = kTemporal;
  Vae vae(config);
  const LatentCache cache(fresh_folder("latents"), source, vae, "digest");
  StreamState state;
  const Tensor padded = pad_front(frames_from_bytes(source.shard_frames(0).slice(0, 3, 4)), kTemporal);
  const Tensor take = vae.encode(padded, state)[0];
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

}  // namespace
}  // namespace bitemark::model
