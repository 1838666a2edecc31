// What a picture is made of: things with surfaces, and light.
#pragma once

#include <memory>
#include <vector>

#include "episode/geometry.h"
#include "sim/albedo.h"
#include "sim/raster.h"

namespace bitemark::sim {

/// One thing to draw. Items of one body stand together.
struct DrawItem {
  std::shared_ptr<const Mesh> mesh;
  Surface surface;
  Pose X_WB;
  int owner = -1;  ///< index of the body in the scene
  bool casts_shadow = true;
  float dimming_radius = 0;  ///< of the sphere that keeps ambient light from its neighbours [m]; 0 = none
  bool deforms = false;      ///< the mesh is another in every frame, corner for corner
  float glow = 0;            ///< light that it sends out, in parts of its colour
};

/// What shading asks of an item.
struct PreparedItem {
  const DrawItem* item = nullptr;
  Affine X_BC;
  V3 light_B, up_B, eye_B;
  Affine X_WB;
};

/// A lamp without shadows.
struct PointLight {
  V3 position;  ///< world
  V3 color;     ///< linear radiance times 1/pi of a white surface that faces it at 1 m
};

struct Lighting {
  V3 towards_light{0, 0, 1};  ///< unit, world
  V3 stage_center;            ///< shadows are right within this sphere
  float stage_radius = 2;     ///< [m]
  float brightness = 1;       ///< of sun and sky
  std::vector<PointLight> lamps;
  bool sky = false;                ///< voxel worlds: sky instead of a backdrop, into which far things fade
  float fog_from = 0, fog_to = 1;  ///< [m]
};

}  // namespace bitemark::sim
