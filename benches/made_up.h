// Scenes for measuring, made without a file: as many bodies as one likes.
#pragma once

#include <string>

#include "sim/scenario.h"

namespace bitemark {

/// The standard scene: a textured ground box, four boxes and four spheres that fall onto it, one light with shadows.
Scenario standard_scene();
/// A grid of `count` bodies of one shape (box, cylinder, sphere) that drop onto the floor.
Scenario crowd(int count, const std::string& shape);
/// Triangles that a frame draws at this width.
int triangles_of(const Scenario& scenario, int width);

}  // namespace bitemark
