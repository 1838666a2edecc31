#include "model/stage.h"

#include "base/error.h"

namespace bitemark::model {

std::unique_ptr<Stage> make_stage(const StageInput& input) {
  // Initial weights come from LibTorch's generator; everything drawn later has its own stream.
  torch::manual_seed(input.recipe.seed);
  const std::string& name = input.recipe.stage;
  auto stage = name == "vae"     ? make_vae_stage(input)
               : name == "text"  ? make_text_stage(input)
               : name == "image" ? make_image_stage(input)
               : name == "dit"   ? make_dit_stage(input)
                                 : make_feature_stage(input);
  stage->network().to(default_device());
  return stage;
}

bool starts_from_checkpoint(const Recipe& recipe) {
  if (!recipe.more.contains("start")) return false;
  const auto start = json_member<std::string>(recipe.more, "start", recipe.file, "/more");
  if (start != "checkpoint") throw InputError(recipe.file, "/more/start", "is '" + start + "', expected 'checkpoint'");
  return true;
}

StepData drawn_frames(const Recipe& recipe, const ClipSource& source, const StepPart& part, std::int64_t window) {
  StepData data;
  data.random = step_stream(recipe.seed, part);
  data.window = window;
  data.drawn = source.draw(recipe.batch / recipe.parts, window, data.random);
  data.batch = source.load(data.drawn, window);
  return data;
}

Pcg32 step_stream(std::uint64_t seed, const StepPart& part) {
  return stream_for(seed, "step " + std::to_string(part.step) + " part " + std::to_string(part.part));
}

NoiseKey noise_key(std::uint64_t seed, const StepPart& part, std::uint32_t purpose) {
  return {seed, static_cast<std::uint32_t>(part.step), static_cast<std::uint32_t>(part.part) * 256 + purpose};
}

}  // namespace bitemark::model
