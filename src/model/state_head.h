// The simulator's truth as a second teacher of the transformer.
#pragma once

#include <array>

#include "model/feature_net.h"
#include "model/torch_compat.h"

namespace bitemark::model {

/// Tells the body states from the tokens at half depth. Not shipped.
class StateHead : public torch::nn::Module {
 public:
  using Grid = std::array<std::int64_t, 2>;  ///< rows and columns of a frame's tokens

  /// Frames of another grid are brought to this one by means.
  StateHead(std::int64_t width, const Grid& grid)
      : grid_(grid),
        reduce_(register_module("reduce", torch::nn::Linear(width, kReduced))),
        hidden_(register_module("hidden", torch::nn::Linear(kReduced * grid[0] * grid[1], 128))),
        out_(register_module("out", torch::nn::Linear(128, FeatureNet::kBodies * FeatureNet::kState))) {}
  /// [B, F, S, D], S of the rows and columns of `grid` -> [B, F, bodies, state].
  Tensor forward(const Tensor& tokens, const Grid& grid) {
    Tensor x = at::silu(reduce_(tokens));
    if (grid != grid_) {
      const Tensor pictures = x.flatten(0, 1).transpose(1, 2).reshape({-1, kReduced, grid[0], grid[1]});
      x = at::adaptive_avg_pool2d(pictures, grid_)
              .flatten(2)
              .transpose(1, 2)
              .reshape({tokens.size(0), tokens.size(1), -1, kReduced});
    }
    return out_(at::relu(hidden_(x.flatten(2))))
        .view({tokens.size(0), tokens.size(1), FeatureNet::kBodies, FeatureNet::kState});
  }

 private:
  static constexpr std::int64_t kReduced = 32;
  Grid grid_;
  torch::nn::Linear reduce_{nullptr}, hidden_{nullptr}, out_{nullptr};
};

}  // namespace bitemark::model
