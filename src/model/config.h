// What a checkpoint's config.json and a recipe say about the networks.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/json.h"

namespace bitemark::model {

/// Streaming causal video VAE: 8 x 8 pixels in space, `temporal` frames in time, to one latent.
struct VaeConfig {
  std::int64_t latent_channels = 8;
  std::int64_t temporal = 1;                               ///< 1, 2 or 4 frames a latent
  std::vector<std::int64_t> encoder_channels{32, 48, 64};  ///< at 1/2, 1/4 and 1/8 of the size
  std::vector<std::int64_t> decoder_channels{96, 64, 32};  ///< at 1/8, 1/4 and 1/2 of the size
  bool encoder_memory = false;                             ///< blocks see the frame before
  bool decoder_memory = true;
  double latent_noise = 0.1;  ///< standard deviation of the posterior, the same for all latents
};

/// Diffusion transformer over spacetime patches.
struct DitConfig {
  std::int64_t latent_channels = 8;
  std::int64_t width = 192;
  std::int64_t depth = 6;
  std::int64_t heads = 4;
  std::int64_t patch = 2;            ///< latents a side
  std::int64_t spacetime_every = 2;  ///< every k-th block's attention reaches back in time
  std::int64_t text_every = 3;       ///< every k-th block attends to the caption
  std::int64_t past_frames = 2;      ///< earlier latents stacked on a frame's own channels
  std::int64_t controls = 10;
  std::int64_t text_width = 128;
  bool qk_norm = true;
  bool local_skip = false;          ///< frames before are copied into the answer by place, not only as a whole
  bool learned_variance = false;    ///< twice the output channels; follows the diffusion
  bool orders = false;              ///< trained to fill in before and between given frames
  bool shortcut = false;            ///< is told how far a sampling step goes (Frans et al. 2024)
  std::int64_t registers = 0;       ///< learned tokens beside a frame's own (Darcet et al. 2023)
  std::int64_t actions = 0;         ///< channels of a player's keys and mouse; 0 = it was never played
  std::int64_t shots = 1;           ///< shots of a clip that it tells apart; 1 = it knows no cuts
  std::vector<std::string> labels;  ///< classes that a clip can be asked to be of
};

/// Byte-pair tokens -> text tower (CLIP).
struct TextConfig {
  std::int64_t vocabulary = 1024;  ///< tokens, start and end included
  std::int64_t context = 48;       ///< tokens, start and end included
  std::int64_t width = 128;
  std::int64_t depth = 2;
  std::int64_t heads = 2;
  std::int64_t embedding = 64;  ///< the space that captions and frames share
};

/// Our own image tower: three frames of a clip -> the space of its captions.
struct ImageConfig {
  std::int64_t width = 64, height = 64;                ///< frames are resized to this
  std::vector<std::int64_t> channels{24, 32, 48, 64};  ///< at 1/2, 1/4, 1/8 and 1/16 of the size
  std::int64_t embedding = 64;                         ///< the text tower's
};

/// A published image tower: a vision transformer over one picture.
struct VisionConfig {
  std::int64_t size = 224;  ///< pixels a side
  std::int64_t patch = 32;  ///< pixels a side
  std::int64_t width = 768;
  std::int64_t depth = 12;
  std::int64_t heads = 12;
  std::int64_t embedding = 512;
};

/// The small network behind FVD-sim.
struct FeatureConfig {
  std::int64_t size = 64;    ///< frames are resized to size x size
  std::int64_t window = 16;  ///< frames
  std::int64_t stride = 8;
  std::int64_t width = 48;
  std::int64_t features = 16;
  std::vector<std::string> scenarios;
};

/// Path of noise, what the network predicts, and how its errors are weighed (model/diffusion.h).
struct DiffusionConfig {
  std::string path = "flow";        ///< flow | cosine | linear | sigmoid
  std::string prediction = "x";     ///< x | v | eps; eps only where noise never drowns the signal altogether
  std::string weight = "ramp";      ///< ramp | unit | min-snr
  double weight_floor = 0.1;        ///< ramp: weight (1 - floor) * tau + floor
  double snr_cap = 5.0;             ///< min-snr
  std::int64_t noise_steps = 1000;  ///< of the discrete chain: tables of linear and sigmoid, the variational bound
  bool zero_terminal_snr = false;   ///< linear, sigmoid: rescaled so that the last index is pure noise
  bool learned_variance = false;    ///< the network also says the variance of an ancestral step
  std::string solver = "ddim";      ///< ddim | dpm++2m | ancestral
};

/// How a rollout is drawn.
struct RolloutConfig {
  std::int64_t steps = 8;
  std::int64_t window = 24;    ///< frames in the key/value ring, sinks included
  std::int64_t sinks = 2;      ///< first frames that never leave it
  double history_level = 1.0;  ///< tau of generated frames as history; below 1 they are noised, and told so
  double temperature = 1.0;    ///< scale of the noise that a frame is drawn from which others came before
  double guidance = 1.0;       ///< classifier-free; 1 = the conditional prediction alone
  double text_guidance = 1.0;  ///< the same where no frame is given
  std::int64_t memory = 0;     ///< of the window's frames, how many stand for several earlier ones each
};

VaeConfig vae_config(const Json& json, const std::string& file, const std::string& where);
DitConfig dit_config(const Json& json, const std::string& file, const std::string& where);
TextConfig text_config(const Json& json, const std::string& file, const std::string& where);
ImageConfig image_config(const Json& json, const std::string& file, const std::string& where);
VisionConfig vision_config(const Json& json, const std::string& file, const std::string& where);
FeatureConfig feature_config(const Json& json, const std::string& file, const std::string& where);
DiffusionConfig diffusion_config(const Json& json, const std::string& file, const std::string& where);
RolloutConfig rollout_config(const Json& json, const std::string& file, const std::string& where);

Json to_json(const VaeConfig& config);
Json to_json(const DitConfig& config);
Json to_json(const TextConfig& config);
Json to_json(const ImageConfig& config);
Json to_json(const VisionConfig& config);
Json to_json(const FeatureConfig& config);
Json to_json(const DiffusionConfig& config);
Json to_json(const RolloutConfig& config);

}  // namespace bitemark::model
