// AdamW, Muon for the hidden matrices where a recipe asks for it, and a moving average of the weights; every number of
// their state in plain sight, so that a run can be written down and taken up again to the bit.
#pragma once

#include <vector>

#include "model/torch_compat.h"
#include "model/weights.h"

namespace bitemark::model {

/// The matrix with `gradient`'s singular vectors whose singular values are all near 1 (0.68 to 1.20): five
/// Newton-Schulz steps of Jordan's quintic, K. Jordan et al. 2024, "Muon: an optimizer for hidden layers". [r, c] ->
/// [r, c].
Tensor orthogonalised(const Tensor& gradient);

/// `rate` is AdamW's. With a `matrix_rate` above 0 the matrices inside transformer blocks follow Muon at that rate
/// times sqrt(max(1, rows / columns)); both fall and rise together.
struct OptimiserSettings {
  double rate = 1e-3, matrix_rate = 0;
  double weight_decay = 0;  ///< of matrices and kernels only
  double ema = 0.999;       ///< of the average; (1 + n) / (10 + n) after n steps, where that is less
};

class Optimiser {
 public:
  /// `module`'s parameters that need gradients.
  Optimiser(torch::nn::Module& module, const OptimiserSettings& settings);

  void zero_grad();
  /// Scales all gradients so that their norm is at most `limit`; the norm before.
  double clip(double limit);
  /// Loshchilov and Hutter 2019, betas 0.9 and 0.95; Muon with Nesterov momentum 0.95. `schedule` in 0..1 scales both
  /// rates; `step` counts from 0; `threads` share the matrices, which changes no bit.
  void step(double schedule, std::int64_t step, int threads);
  /// What it changes, gradients included, in the order of the module's parameters.
  std::vector<Tensor> weights() const;
  /// Exchanges the weights with their average; twice restores them.
  void swap_average();

  /// Weights, moments and average under "weight.", "first.", "second." (AdamW only), "average.".
  std::vector<NamedTensor> state() const;
  /// Throws InputError naming the tensor that is missing or has another shape.
  void restore(const SafetensorsFile& file);

 private:
  struct Row {
    std::string name;
    Tensor weight, first, second, average;  ///< second is undefined where Muon rules
    double decay = 0;
  };
  void adam(Row& row, double rate, double count) const;
  void muon(Row& row, double rate) const;

  std::vector<Row> rows_;
  OptimiserSettings settings_;
};

}  // namespace bitemark::model
