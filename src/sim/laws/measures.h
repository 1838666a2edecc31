// One function a law: how far a world departs from it; see law.h. The text above each is its formula.
#pragma once

#include <optional>

#include "sim/world.h"

namespace bitemark::sim {

using Residual = std::optional<double>;

Residual depart_from_permanence(const World& world, const World& truth);
Residual depart_from_identity(const World& world, const World& truth);
Residual depart_from_appearance(const World& world, const World& truth);
Residual depart_from_texture(const World& world, const World& truth);
Residual depart_from_shape(const World& world, const World& truth);
Residual depart_from_continuity(const World& world, const World& truth);
Residual depart_from_gravity(const World& world, const World& truth);
Residual depart_from_inertia(const World& world, const World& truth);
Residual depart_from_momentum(const World& world, const World& truth);
Residual depart_from_energy(const World& world, const World& truth);
Residual depart_from_solidity(const World& world, const World& truth);
Residual depart_from_lasting_marks(const World& world, const World& truth);
Residual depart_from_caused_marks(const World& world, const World& truth);
Residual depart_from_caused_light(const World& world, const World& truth);
Residual depart_from_order(const World& world, const World& truth);
Residual depart_from_time(const World& world, const World& truth);
Residual depart_from_camera(const World& world, const World& truth);
Residual depart_from_handedness(const World& world, const World& truth);

}  // namespace bitemark::sim
