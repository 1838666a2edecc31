// What this machine multiplies at best, to hold a training's rate against.
#pragma once

namespace bitemark::model {

/// The best rate of single-precision matrix products on default_device() within 0.3 s, in GFLOP/s; `threads` on a CPU.
double matrix_rate_gflops(int threads);

}  // namespace bitemark::model
