// Geometry that does not keep its form: a fault.
#pragma once

#include "sim/mesh.h"

namespace bitemark::sim {

/// Moves every vertex along its direction from the middle by a wave that travels over the surface; `amplitude` and
/// the wave's length are in radii.
Mesh wobbled(const Mesh& mesh, double radius, double amplitude, double time_s);

}  // namespace bitemark::sim
