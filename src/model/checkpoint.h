// A checkpoint folder: config.json, vae.safetensors, dit.safetensors, text.safetensors, tokenizer.json,
// image.safetensors or vision.safetensors, features.safetensors, MODEL_CARD.md. Parts may be missing as long as nobody
// asks for them.
#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "episode/clip.h"
#include "model/clip_towers.h"
#include "model/config.h"
#include "model/dit.h"
#include "model/feature_net.h"
#include "model/public/vision_tower.h"
#include "model/tokenizer.h"
#include "model/vae.h"

namespace bitemark::model {

/// Beside config.json: what later stages take over from earlier ones.
inline constexpr const char* kParts[] = {"dit.safetensors",   "features.safetensors", "image.safetensors",
                                         "text.safetensors",  "tokenizer.json",       "vae.safetensors",
                                         "vision.safetensors"};

/// Those of kParts that are there. Throws InterruptedError on a full disk.
void copy_parts(const std::filesystem::path& from, const std::filesystem::path& to);

class Checkpoint {
 public:
  /// Reads config.json. Throws InputError when it is missing or wrong.
  explicit Checkpoint(const std::filesystem::path& folder);

  std::shared_ptr<Vae> vae() const;
  std::shared_ptr<Dit> dit() const;
  std::shared_ptr<TextTower> text() const;
  Tokenizer tokenizer() const;
  std::shared_ptr<ImageTower> image() const;    ///< our own
  std::shared_ptr<VisionTower> vision() const;  ///< a published one
  std::shared_ptr<FeatureNet> features() const;

  /// Throws InputError where VAE, transformer and text tower do not fit each other, or what rollouts need is wrong.
  void check_parts() const;
  /// The transformer's, without its weights.
  DitConfig dit_settings() const;
  DiffusionConfig diffusion() const;
  RolloutConfig rollout() const;
  /// Mean and standard deviation of each control channel, [channels]; finite, deviations above 0.
  std::pair<Tensor, Tensor> control_statistics() const;
  /// Of the frames that it was trained on: at least one, sides multiples of 8.
  std::vector<FrameSize> sizes() const;
  std::string name() const;
  const Json& config() const { return config_; }
  bool has(const std::string& file) const { return std::filesystem::exists(folder_ / file); }
  /// SHA-256 over config.json, tokenizer.json and the weight files, in the order of their names.
  std::string digest() const;

 private:
  template <typename Network, typename Config>
  std::shared_ptr<Network> load(const char* file, const Config& config) const;
  const Json& section(const char* key) const;
  std::filesystem::path folder_;
  std::string file_;
  Json config_;
};

/// ["64x64", "96x64"]
Json to_json(const std::vector<FrameSize>& sizes);
/// Sets members of config.json, which is made if missing.
void write_config(const std::filesystem::path& folder, const Json& members);

}  // namespace bitemark::model
