// Colour: what light comes from each sample that the rasteriser found.
#pragma once

#include <memory>
#include <vector>

#include "episode/clip.h"
#include "episode/geometry.h"
#include "sim/raster.h"
#include "sim/voxel/block_texture.h"

namespace bitemark::sim {

enum class Material { kPlain, kOctants, kWood, kTiles, kPlaster, kCanvas, kCookie, kEnamel, kBlocks };
Material material_from_name(const std::string& name);  ///< std::invalid_argument for an unknown one

struct Surface {
  Material material = Material::kPlain;
  V3 color;  ///< linear
  float texture_cos = 1, texture_sin = 0;
  V3 texture_shift;       ///< [m]
  V3 size;                ///< cookie: radius, -, height [m]
  std::vector<V3> chips;  ///< cookie: chips, body frame (x, y) and radius [m]
  AimMark aim;            ///< blocks only
};

/// One thing to draw. Items of one body stand together.
struct DrawItem {
  std::shared_ptr<const Mesh> mesh;
  Surface surface;
  Pose X_WB;
  int owner = -1;  ///< index of the body in the scene
  bool casts_shadow = true;
  float dimming_radius = 0;  ///< of the sphere that keeps ambient light from its neighbours [m]; 0 = none
};

struct Lighting {
  V3 towards_light{0, 0, 1};       ///< unit, world
  V3 stage_center;                 ///< shadows are right within this sphere
  float stage_radius = 2;          ///< [m]
  bool sky = false;                ///< voxel worlds: sky instead of a backdrop, into which far things fade
  float fog_from = 0, fog_to = 0;  ///< [m]
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
  V3 shade(std::uint32_t surface, float closeness, float ray_x, float ray_y) const;
  V3 background(float ray_x, float ray_y) const;
  V3 normal_of(const PreparedItem& item, std::uint32_t triangle, V3 p_B) const;
  float shadow_at(V3 p_C, float slope) const;
  float ambient_at(const PreparedItem& item, V3 p_W, V3 normal_W) const;

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
  bool sky_ = false;
  float fog_from_ = 0, fog_to_ = 0;
  float sample_angle_ = 0;  ///< width of a sample at 1 m [m]
};

}  // namespace bitemark::sim
