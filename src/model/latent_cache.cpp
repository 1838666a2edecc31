#include "model/latent_cache.h"

#include <algorithm>

#include "base/files.h"
#include "base/interrupt.h"
#include "base/progress.h"
#include "model/weights.h"

namespace bitemark::model {
namespace {

constexpr std::int64_t kTakesAtOnce = 8;

bool is_current(const std::filesystem::path& path, const std::string& digest) {
  if (!std::filesystem::exists(path)) return false;
  const SafetensorsFile file(path);
  const auto found = file.metadata().find("vae");
  return found != file.metadata().end() && found->second == digest;
}

Tensor encode_all(const Tensor& frames, Vae& vae, Progress& progress) {
  std::vector<Tensor> parts;
  for (std::int64_t first = 0; first < frames.size(0); first += kTakesAtOnce) {
    stop_if_interrupted();
    const Tensor some = frames.slice(0, first, std::min(first + kTakesAtOnce, frames.size(0)));
    StreamState state;
    parts.push_back(vae.encode(pad_front(frames_from_bytes(some.to(default_device())), vae.config().temporal), state)
                        .to(at::kCPU, at::kHalf));
    progress.advance(some.size(0));
  }
  return at::cat(parts);
}

}  // namespace

LatentCache::LatentCache(const std::filesystem::path& folder, const ClipSource& source, Vae& vae,
                         const std::string& digest)
    : temporal_(vae.config().temporal) {
  const torch::NoGradGuard no_grad;
  make_folder(folder);
  std::int64_t takes = 0;
  for (std::size_t i = 0; i < source.shard_count(); ++i) takes += source.shard_frames(i).size(0);
  Progress progress("latents", takes);
  for (std::size_t i = 0; i < source.shard_count(); ++i) {
    const auto path = folder / (source.shard_name(i) + ".safetensors");
    if (is_current(path, digest)) {
      progress.advance(source.shard_frames(i).size(0));
    } else {
      save_tensors(path, {{"latents", encode_all(source.shard_frames(i), vae, progress)}}, {{"vae", digest}});
    }
    files_.push_back(std::make_shared<SafetensorsFile>(path));
    latents_.push_back(map_tensor(*files_.back(), "latents"));
    padded_.push_back(latents_.back().size(1) * temporal_ - source.shard_frames(i).size(1));
  }
}

void LatentCache::align(ClipWindow& window, std::int64_t length) const {
  const std::int64_t padded = padded_[window.shard], last = latents_[window.shard].size(1) - length;
  const std::int64_t latent = std::clamp<std::int64_t>((window.start + padded) / temporal_, padded > 0 ? 1 : 0, last);
  window.start = latent * temporal_ - padded;
}

Tensor LatentCache::load(const std::vector<ClipWindow>& windows, std::int64_t length) const {
  std::vector<Tensor> rows;
  for (const auto& window : windows) {
    const Tensor take = latents_[window.shard][window.row];
    const std::int64_t first = (window.start + padded_[window.shard]) / temporal_;
    rows.push_back(take.slice(0, first, first + length));
  }
  return at::stack(rows).to(at::kFloat);
}

}  // namespace bitemark::model
