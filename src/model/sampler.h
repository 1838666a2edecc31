// From noise to data in a few steps, whatever the path.
#pragma once

#include <functional>

#include "model/diffusion.h"

namespace bitemark::model {

/// z at `level` (a scalar for the whole batch) -> the network's answer.
using Denoiser = std::function<Tensor(const Tensor& z, double level)>;

/// Deterministic solvers over levels 0 = l_0 < ... < l_steps = 1, evenly spaced.
/// ddim: z' = alpha' x + sigma' eps, with x and eps from the answer (Song et al. 2020); on the flow path this is Euler.
/// dpm++2m: second order in log(alpha / sigma) (Lu et al. 2022, DPM-Solver++ 2M), first order at both ends.
Tensor sample(const Diffusion& diffusion, const std::string& solver, const Tensor& noise, std::int64_t steps,
              const Denoiser& denoise);

/// uncond + scale * (cond - uncond); at scale 1 the conditional answer itself, to the bit.
Tensor guided(const Tensor& conditional, const std::function<Tensor()>& unconditional, double scale);

}  // namespace bitemark::model
