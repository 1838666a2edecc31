#include "model/stage.h"

#include "base/error.h"

namespace bitemark::model {

std::unique_ptr<Stage> make_stage(const StageInput& input) {
  // Initial weights come from LibTorch's generator; everything drawn later has its own stream.
  torch::manual_seed(input.recipe.seed);
  if (input.recipe.stage == "vae") return make_vae_stage(input);
  if (input.recipe.stage == "text") return make_text_stage(input);
  if (input.recipe.stage == "dit") return make_dit_stage(input);
  return make_feature_stage(input);
}

Pcg32 step_stream(std::uint64_t seed, std::int64_t step) { return stream_for(seed, "step " + std::to_string(step)); }

}  // namespace bitemark::model
