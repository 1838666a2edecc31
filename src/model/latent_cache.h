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

  /// [windows.size(), length, C, h, w] float32; window starts are in frames, `length` in latents.
  Tensor load(const std::vector<ClipWindow>& windows, std::int64_t length) const;

 private:
  std::int64_t temporal_;
  std::vector<std::shared_ptr<SafetensorsFile>> files_;
  std::vector<Tensor> latents_;  ///< by shard, f16 [N, T, C, h, w]
};

}  // namespace bitemark::model
