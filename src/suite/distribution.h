// How far a generator's rollouts lie from the true clips as a population: Frechet distance and unbiased MMD^2 in the
// space of a feature network. With the shipped network this is "FVD-sim"; "FVD" is said only of a user's I3D file.
#pragma once

#include "suite/run.h"

namespace bitemark {

/// Fills report.distributions from out/clips; leaves it empty where the suite names no network. Kept in
/// out/features.json under a key of clips and network, so that a second run reads it.
void measure_distributions(const RunOptions& options, RunReport& report);

}  // namespace bitemark
