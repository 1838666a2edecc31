// Geometry that does not keep its form: a fault.
#pragma once

#include "sim/mesh.h"

namespace bitemark::sim {

/// Moves every vertex along its direction from the middle by three waves that travel over the surface; `amplitude`
/// and the waves' lengths are in radii. A plane is first cut into small squares and moved along its normal, by
/// `amplitude` metres and waves of about a metre.
Mesh wobbled(const Mesh& mesh, bool is_plane, double radius, double amplitude, double time_s);

}  // namespace bitemark::sim
