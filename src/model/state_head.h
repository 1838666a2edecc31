// The simulator's truth as a second teacher of the transformer.
#pragma once

#include "model/feature_net.h"
#include "model/torch_compat.h"

namespace bitemark::model {

/// Tells the body states from the tokens at half depth. Not shipped.
class StateHead : public torch::nn::Module {
 public:
  StateHead(std::int64_t width, std::int64_t tokens)
      : reduce_(register_module("reduce", torch::nn::Linear(width, 32))),
        hidden_(register_module("hidden", torch::nn::Linear(32 * tokens, 128))),
        out_(register_module("out", torch::nn::Linear(128, FeatureNet::kBodies * FeatureNet::kState))) {}
  /// [B, F, S, D] -> [B, F, bodies, state].
  Tensor forward(const Tensor& tokens) {
    const Tensor x = at::relu(hidden_(at::silu(reduce_(tokens)).flatten(2)));
    return out_(x).view({tokens.size(0), tokens.size(1), FeatureNet::kBodies, FeatureNet::kState});
  }

 private:
  torch::nn::Linear reduce_{nullptr}, hidden_{nullptr}, out_{nullptr};
};

}  // namespace bitemark::model
