// A space in which clips are compared: our own network (FVD-sim), or anybody's TorchScript file (an I3D: FVD).
#pragma once

#include <filesystem>
#include <functional>

#include "model/config.h"
#include "model/torch_compat.h"

namespace bitemark::model {

struct FeatureSpace {
  FeatureConfig config;  ///< window, stride and size of what it sees
  /// [N, window, 3, size, size] in [-1, 1] -> [N, features], finite.
  std::function<Tensor(const Tensor&)> features;
};

/// The feature network of a checkpoint folder.
FeatureSpace own_feature_space(const std::filesystem::path& checkpoint);

/// A TorchScript video network. It is given 16 frames of 224 x 224 as [N, 3, 16, 224, 224] in [-1, 1] and answers
/// [N, features]. The file of StyleGAN-V (Skorokhodov et al., CVPR 2022), whose forward has the switches `rescale`,
/// `resize` and `return_features`, is called with false, false, true: I3D's 400 logits, as FVD is defined.
/// Such a file is a program: run only those that you trust. Throws InputError for a file that is not TorchScript and
/// for an answer of another shape.
FeatureSpace torchscript_feature_space(const std::filesystem::path& file);

}  // namespace bitemark::model
