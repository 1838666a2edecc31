// The gradient of one step's batch, from the parts that this process computes.
#pragma once

#include <vector>

#include "model/stage.h"

namespace bitemark::model {

/// Adds the gradient of every part's loss, divided by `divisor`, to the weights, in the order of the parts whatever the
/// number of threads: the bits depend on the parts alone. Threads that have no part
/// of their own help with another's. `parts` and `data` have one entry each; losses likewise.
/// `mixed`: losses are computed in mixed precision (mixed_precision.h); gradients and weights are float32 either way.
std::vector<StepLoss> add_gradients(Stage& stage, const std::vector<StepPart>& parts, std::vector<StepData>& data,
                                    const std::vector<Tensor>& weights, double divisor, int threads, bool mixed);

}  // namespace bitemark::model
