// The space that captions and clips share (CLIP): how well a clip shows what is said of it.
#pragma once

#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "model/torch_compat.h"

namespace bitemark::model {

struct CaptionSpace {
  /// -> [N, E], unit length.
  std::function<Tensor(const std::vector<std::string>&)> captions;
  /// u8 [T, H, W, 3] of any size, T >= 1 -> [E], unit length. Its first, middle and last frames count.
  std::function<Tensor(const Tensor&)> clip;
};

/// The towers of a checkpoint folder: our own image tower, which sees the three frames at once, or a published one,
/// which sees them one by one (their mean, as in CLIP4Clip, Luo et al. 2021). Throws InputError when it has neither.
CaptionSpace caption_space(const std::filesystem::path& checkpoint);

}  // namespace bitemark::model
