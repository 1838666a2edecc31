#include "model/caption_space.h"

#include <fmt/format.h>

#include "base/error.h"
#include "model/checkpoint.h"

namespace bitemark::model {
namespace {

/// Mean and standard deviation of the pictures that the published CLIPs were trained on, red, green, blue in [0, 1].
constexpr float kMean[] = {0.48145466F, 0.4578275F, 0.40821073F};
constexpr float kStd[] = {0.26862954F, 0.26130258F, 0.27577711F};

Tensor channels(const float (&values)[3]) { return at::tensor(at::ArrayRef<float>(values, 3)).view({1, 3, 1, 1}); }

/// [3, 3, H, W] in [-1, 1].
Tensor shown(const Tensor& bytes) {
  return frames_from_bytes(three_frames(bytes.unsqueeze(0)).to(default_device())).squeeze(0);
}

Tensor seen_by(ImageTower& tower, const Tensor& bytes) {
  const Tensor frames = resized(shown(bytes), tower.config().height, tower.config().width);
  return tower.forward(frames.flatten(0, 1).unsqueeze(0)).squeeze(0);
}

Tensor seen_by(VisionTower& tower, const Tensor& bytes) {
  const Tensor frames = resized(shown(bytes), tower.config().size, tower.config().size);
  const auto device = frames.device();
  const Tensor pixels = (0.5 * (frames + 1) - channels(kMean).to(device)) / channels(kStd).to(device);
  return unit_length(unit_length(tower.forward(pixels)).mean(0));
}

}  // namespace

CaptionSpace caption_space(const std::filesystem::path& folder) {
  const Checkpoint checkpoint(folder);
  CaptionSpace space;
  std::int64_t embedding = 0;
  const auto sees = [&](const auto& tower) {
    embedding = tower->config().embedding;
    space.clip = [tower](const Tensor& bytes) { return seen_by(*tower, bytes); };
  };
  const bool own = checkpoint.has("image.safetensors");
  if (own)
    sees(checkpoint.image());
  else if (checkpoint.has("vision.safetensors"))
    sees(checkpoint.vision());
  else
    throw InputError(folder.string(), "",
                     "has no image tower (image.safetensors), which recipes/nano/image.json trains");
  const auto text = checkpoint.text();
  if (text->config().embedding != embedding)
    throw InputError((folder / "config.json").string(), own ? "/image/embedding" : "/vision/embedding",
                     fmt::format("is {}, expected {} as /text/embedding", embedding, text->config().embedding));
  space.captions = [text, tokenizer = checkpoint.tokenizer()](const auto& captions) {
    return text->embed(tokenize(tokenizer, captions, text->config().context).to(default_device()));
  };
  return space;
}

}  // namespace bitemark::model
