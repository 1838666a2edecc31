// Colour: what light comes from each sample that the rasteriser found.
#pragma once

#include <memory>
#include <vector>

#include "episode/clip.h"
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

/// Renders RGB with 2 x 2 samples a pixel. Holds buffers, so keep one for each thread.
class Shader {
 public:
  Frame render(const std::vector<DrawItem>& items, const Camera& camera, const Lighting& lighting, int width,
               int height);

 private:
  struct PreparedItem;
  void prepare(const std::vector<DrawItem>& items, const Camera& camera, const Lighting& lighting);
  void draw_shadow_map(const std::vector<DrawItem>& items, const Lighting& lighting, int size);
  struct Batch;
  void shade_row(int row, const Projector& projector, Frame& frame);
  void shade(const PreparedItem& prepared, Batch& batch) const;
  void paint_blocks(const PreparedItem& prepared, Batch& batch) const;
  void fade(Batch& batch) const;
  V3 background(float ray_x, float ray_y) const;
  void normals_of(const PreparedItem& prepared, Batch& batch) const;
  void sun_at(const PreparedItem& prepared, Batch& batch) const;
  void ambient_at(const PreparedItem& prepared, Batch& batch) const;
  V3 rest_of(const PreparedItem& item, std::uint32_t triangle, V3 p_B) const;
  V3 lamps_at(V3 p_W, V3 normal_W) const;
  float shadow_at(V3 p, float bias) const;

  struct PreparedItem {
    const DrawItem* item = nullptr;
    Affine X_BC;
    V3 light_B, up_B, eye_B;
    Affine X_WB;
  };
  Rasterizer rasterizer_;
  VisibilityBuffer samples_, shadow_;
  std::vector<PreparedItem> prepared_;
  std::vector<MeshPose> poses_;
  Affine X_WC_, shadow_from_camera_;
  Projector shadow_projector_;
  Affine X_LW_;
  Lighting lighting_;
  float sample_angle_ = 0;  ///< width of a sample at 1 m [m]
};

}  // namespace bitemark::sim
