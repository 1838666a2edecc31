// From noise to data in a few steps, whatever the path.
#pragma once

#include <functional>
#include <string>

#include "model/diffusion.h"

namespace bitemark::model {

/// z at `level` (a scalar for the whole batch) -> the network's output.
using Denoiser = std::function<Tensor(const Tensor& z, double level)>;
/// Fresh noise for step i of a random sampler, shaped like z.
using StepNoise = std::function<Tensor(std::int64_t step)>;

/// Solvers over levels 0 = l_0 < ... < l_steps = 1, evenly spaced. noise: [B, T, C, ...].
/// ddim       z' = alpha' x + sigma' eps, with x and eps from the answer (Song et al. 2020); Euler on the flow path.
/// dpm++2m    second order in log(alpha / sigma) (Lu et al. 2022, DPM-Solver++ 2M), first order at both ends.
/// ancestral  draws each step from the chain's posterior (Ho et al. 2020, algorithm 2), with the network's variance
///            where it gives one; asks `fresh` for noise at every step but the last.
Tensor sample(const Diffusion& diffusion, const std::string& solver, const Tensor& noise, std::int64_t steps,
              const Denoiser& denoise, const StepNoise& fresh = {});

/// Strides that a network trained for long steps knows: this one and its doubles up to 1.
constexpr double kShortestStride = 0.125;
/// What such a network is told when a frame is drawn in so many even steps; 0 where it knows no such stride.
double told_stride(std::int64_t steps);

/// uncond + scale * (cond - uncond); at scale 1 the conditional answer itself, to the bit.
Tensor guided(const Tensor& conditional, const std::function<Tensor()>& unconditional, double scale);

}  // namespace bitemark::model
