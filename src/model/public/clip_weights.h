// CLIP weights as others publish them, brought to OpenAI's names and read into the two towers.
#pragma once

#include <filesystem>
#include <memory>

#include "model/clip_towers.h"
#include "model/public/vision_tower.h"
#include "model/weights.h"

namespace bitemark::model {

/// Under OpenAI's names, whichever of these they came in: OpenAI's own; Hugging Face's CLIPModel, CLIPTextModel or
/// CLIPTextModelWithProjection; either behind a prefix such as "model." or "text_encoder.". What is no weight
/// (position_ids, logit_scale, input_resolution, ...) is left out. A text model without projection gets the identity.
StoredWeights as_openai_clip(StoredWeights weights);

/// Towers of the sizes that the weights tell; heads are 64 wide, as in every published CLIP. Throws InputError naming
/// the parameter that is missing or does not fit.
std::shared_ptr<TextTower> clip_text_tower(const StoredWeights& openai, const std::string& file);
std::shared_ptr<VisionTower> clip_vision_tower(const StoredWeights& openai, const std::string& file);

}  // namespace bitemark::model
