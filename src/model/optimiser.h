// AdamW and a moving average of the weights, with every number of their state in plain sight, so that a run can be
// written down and taken up again to the bit.
#pragma once

#include <vector>

#include "model/torch_compat.h"
#include "model/weights.h"

namespace bitemark::model {

class Optimiser {
 public:
  /// `module`'s parameters that need gradients. Weight decay applies to matrices and kernels only.
  Optimiser(torch::nn::Module& module, double weight_decay, double ema);

  void zero_grad();
  /// Scales all gradients so that their norm is at most `limit`; the norm before.
  double clip(double limit);
  /// Loshchilov and Hutter 2019, betas 0.9 and 0.95. `step` counts from 0.
  void step(double rate, std::int64_t step);
  /// Exchanges the weights with their average; twice restores them.
  void swap_average();

  /// Weights, moments and average under "weight.", "first.", "second.", "average.".
  std::vector<NamedTensor> state() const;
  /// Throws InputError naming the tensor that is missing or has another shape.
  void restore(const SafetensorsFile& file);

 private:
  struct Row {
    std::string name;
    Tensor weight, first, second, average;
    double decay = 0;
  };
  std::vector<Row> rows_;
  double ema_;
};

}  // namespace bitemark::model
