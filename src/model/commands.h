// The subcommands of bitemark-model, free of LibTorch's headers so that main.cpp compiles at once.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace bitemark::model {

struct TrainOptions {
  std::filesystem::path recipe, out;
  std::vector<std::filesystem::path> data;  ///< folders of shards, one after another
  std::vector<std::filesystem::path> from;  ///< checkpoints whose parts this stage builds on; later ones win
  int threads = 0;                          ///< 0 = all cores
  double time_limit_min = 0;                ///< 0 = none
  std::int64_t steps = 0;                   ///< 0 = as the recipe says
  double peer_timeout_s = 600;              ///< with several processes: how long to wait for one that does not answer
};

struct RolloutOptions {
  std::filesystem::path checkpoint, request, out;
  int threads = 0;
  std::int64_t steps = 0;     ///< 0 = as the checkpoint says
  double history_level = -1;  ///< < 0 = as the checkpoint says
  double temperature = -1;    ///< < 0 = as the checkpoint says
  double guidance = -1;       ///< < 0 = as the checkpoint says
  std::int64_t memory = -1;   ///< < 0 = as the checkpoint says
};

struct PlayOptions {
  std::filesystem::path checkpoint, request, out;
  int threads = 0;
  int frames = 0;          ///< at most; 0 = until the player ends
  std::int64_t steps = 0;  ///< 0 = as the checkpoint says
};

struct FeatureOptions {
  std::filesystem::path checkpoint, clips, out;
  std::filesystem::path torchscript;  ///< a network file instead of the checkpoint's; empty = none
  int threads = 0;
};

struct EmbedOptions {
  std::filesystem::path checkpoint, clips, out;
  int threads = 0;
};

struct EvaluateTextOptions {
  std::filesystem::path checkpoint, data;
  std::filesystem::path train;  ///< what the towers were trained on, to know which captions are new; empty = not told
  std::filesystem::path out;    ///< the numbers (JSON); empty = none
  std::int64_t takes = 96;      ///< the last ones of each scenario
  int threads = 0;
};

struct EvaluateVaeOptions {
  std::filesystem::path checkpoint, data;
  std::filesystem::path out;  ///< reconstructions, for a look; empty = none
  std::int64_t takes = 64;
  int threads = 0;
};

struct ReconstructOptions {
  std::filesystem::path checkpoint, clips, out;
  int threads = 0;
};

struct EvaluateDitOptions {
  std::filesystem::path checkpoint, data;
  std::filesystem::path out;  ///< errors by take and level (JSON); empty = none
  std::string scenario;       ///< empty = all
  std::int64_t takes = 16;    ///< the last ones of each scenario
  std::int64_t window = 16;   ///< latents
  int threads = 0;
};

struct AverageOptions {
  std::vector<std::filesystem::path> checkpoints;  ///< two or more
  std::filesystem::path out;
};

struct ImportClipOptions {
  std::filesystem::path weights, merges, out;
};

struct ClassDitOptions {
  std::filesystem::path weights, out;
  std::vector<std::int64_t> classes;
  std::int64_t steps = 250;
  std::int64_t heads = 0;  ///< 0 = as published for the width
  double guidance = 4.0;
  std::uint64_t seed = 0;
  int threads = 0;
};

/// Throws InterruptedError when stopped by a signal, the time limit or the end of another process of the run: the same
/// command goes on.
void train(const TrainOptions& options);
/// Answers a request by the generator protocol.
void rollout(const RolloutOptions& options);
/// Goes on from the one clip of the request, frame by frame: actions come from the terminal, or from standard input as
/// a script (model/keyboard.h). Writes out/frames/000000.png and on, and out/actions.txt, which played again gives the
/// same frames.
void play(const PlayOptions& options);
void features(const FeatureOptions& options);
/// Captions and clips of a folder in the space that they share.
void embed(const EmbedOptions& options);
/// Prints how well captions find their takes and takes their captions.
void evaluate_text(const EvaluateTextOptions& options);
void evaluate_vae(const EvaluateVaeOptions& options);
/// clips/<id>.safetensors ("frames" u8 [T, H, W, 3], as a run keeps them) -> out/<id>/rollout.safetensors, encoded and
/// decoded: an answer for `bitemark run --generator folder:out`.
void reconstruct(const ReconstructOptions& options);
/// Prints the mean squared error of denoised latents at levels 0.1 to 0.9 with its standard error over takes. Noise is
/// the same for every checkpoint, so that differences of two are paired.
void evaluate_dit(const EvaluateDitOptions& options);
/// Makes a checkpoint whose transformer is the mean of theirs; all else is the last one's. Throws InputError where VAE,
/// text tower or the shape of the transformer differ.
void average(const AverageOptions& options);
/// Makes the text part of a checkpoint, for `train --from`, of CLIP weights and merges as published, and the image
/// tower where it is a vision transformer.
void import_clip(const ImportClipOptions& options);
/// Draws one picture's latents a class with a published DiT: ancestral steps on DDPM's linear schedule with the learned
/// variance. Writes "latents" f32 [classes, C, n, n], on the scale that the network knows (a decoder divides by
/// 0.18215).
void draw_classes(const ClassDitOptions& options);
void info(const std::filesystem::path& checkpoint);

}  // namespace bitemark::model
