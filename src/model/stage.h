// What the trainings have in common, seen from the loop.
#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "model/clip_source.h"
#include "model/noise.h"
#include "model/recipe.h"

namespace bitemark::model {

/// A step's batch is split into recipe.parts parts, one thread each: the bits depend on the recipe, not on the threads,
/// and threads meet once a step instead of at every matrix product.
struct StepPart {
  std::int64_t step = 0;
  std::int64_t part = 0;
};

/// What a part of a step reads from the training data: made ahead of time, away from the networks.
struct StepData {
  Pcg32 random{0, 0};       ///< the part's stream, after what was drawn for the data
  std::int64_t window = 0;  ///< frames, or latents where there are latents
  std::vector<ClipWindow> drawn;
  ClipBatch batch;
  Tensor latents;  ///< [B, window, C, h, w], for stages that work on latents
};

struct StepLoss {
  Tensor total;
  std::vector<std::pair<std::string, Tensor>> parts;  ///< scalars for the log
};

class Stage {
 public:
  virtual ~Stage() = default;
  virtual torch::nn::Module& network() = 0;
  /// Draws and loads one part of a step's batch; it depends on (recipe.seed, step, part) and nothing else. Runs on a
  /// thread of its own beside loss() of the step before.
  virtual StepData prepare(const StepPart& part) const = 0;
  /// The loss of that part; noise and dropping too depend on (recipe.seed, step, part) and nothing else. Parts are
  /// computed at the same time: must be thread-safe.
  virtual StepLoss loss(const StepPart& part, StepData& data) = 0;
  /// Writes this stage's files and config section; called with the averaged weights in place.
  virtual void export_to(const std::filesystem::path& checkpoint) = 0;
  /// Floating-point operations of one step, estimated: 6 a parameter and token, or counted from the convolutions.
  virtual double flop_per_step() const = 0;
};

struct StageInput {
  Recipe recipe;
  ClipSource source;
  std::filesystem::path checkpoint;  ///< holds the parts that earlier stages made
  std::filesystem::path cache;       ///< room for what can be computed again
};

std::unique_ptr<Stage> make_vae_stage(const StageInput& input);
std::unique_ptr<Stage> make_text_stage(const StageInput& input);
std::unique_ptr<Stage> make_image_stage(const StageInput& input);
std::unique_ptr<Stage> make_dit_stage(const StageInput& input);
std::unique_ptr<Stage> make_feature_stage(const StageInput& input);
std::unique_ptr<Stage> make_stage(const StageInput& input);

/// "start": "checkpoint" in the recipe: training goes on from the weights that the run's checkpoint has of this stage.
/// Throws InputError for any other start.
bool starts_from_checkpoint(const Recipe& recipe);

/// What stages that work on frames prepare: batch / parts windows, frames included.
StepData drawn_frames(const Recipe& recipe, const ClipSource& source, const StepPart& part, std::int64_t window);

/// The stream of everything that is drawn in one part of a step.
Pcg32 step_stream(std::uint64_t seed, const StepPart& part);
/// Key of the noise tensor `purpose` (below 256) of one part of a step.
NoiseKey noise_key(std::uint64_t seed, const StepPart& part, std::uint32_t purpose);

}  // namespace bitemark::model
