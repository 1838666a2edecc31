// Latents of all shards, encoded once, in half precision, mapped.
#pragma once

#include <filesystem>
#include <memory>
#include <vector>

#include "model/clip_source.h"
#include "model/vae.h"

namespace bitemark::model {

class LatentCache {
 public:
  /// Encodes what `folder` does not hold yet for this VAE (named by `digest`), with a progress bar.
  LatentCache(const std::filesystem::path& folder, const ClipSource& source, Vae& vae, const std::string& digest);

  /// Moves the window's start to the first frame that one of the take's latents stands for, so that `length` latents
  /// from there on are of the take's own frames: a take is padded at its front.
  void align(ClipWindow& window, std::int64_t length) const;
  /// [windows.size(), length, C, h, w] float32; window starts are in frames and aligned, `length` in latents.
  Tensor load(const std::vector<ClipWindow>& windows, std::int64_t length) const;

 private:
  std::int64_t temporal_;
  std::vector<std::shared_ptr<SafetensorsFile>> files_;
  std::vector<Tensor> latents_;       ///< by shard, f16 [N, T, C, h, w]
  std::vector<std::int64_t> padded_;  ///< by shard, frames
};

}  // namespace bitemark::model
