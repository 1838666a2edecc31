// Colour: what light comes from each sample that the rasteriser found.
#pragma once

#include <memory>
#include <vector>

#include "episode/clip.h"
#include "episode/geometry.h"
#include "sim/raster.h"

namespace bitemark::sim {

enum class Material { kPlain, kOctants, kWood, kTiles, kPlaster, kCanvas, kCookie, kEnamel, kSand };
Material material_from_name(const std::string& name);  ///< std::invalid_argument for an unknown one

/// Trails on the upper side of a surface, as far as they have come.
struct Mark {
  struct Segment {
    float ax = 0, ay = 0, bx = 0, by = 0;  ///< body frame [m]
  };
  std::vector<Segment> segments;
  float half_width = 0;                                ///< [m]
  bool dent = false;                                   ///< pressed in; otherwise painted
  V3 color;                                            ///< linear
  float low_x = 0, high_x = 0, low_y = 0, high_y = 0;  ///< around the segments [m]
};

struct Surface {
  Material material = Material::kPlain;
  V3 color;  ///< linear
  float texture_cos = 1, texture_sin = 0;
  V3 texture_shift;                                ///< [m]
  V3 size;                                         ///< cookie: radius, -, height [m]
  std::vector<V3> chips;                           ///< cookie: chips, body frame (x, y) and radius [m]
  std::shared_ptr<const std::vector<Mark>> marks;  ///< null where nothing is marked
};

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
  V3 normal_of(const PreparedItem& item, std::uint32_t triangle, V3 p_B) const;
  V3 rest_of(const PreparedItem& item, std::uint32_t triangle, V3 p_B) const;
  V3 lamps_at(V3 p_W, V3 normal_W) const;
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
  Lighting lighting_;
  float sample_angle_ = 0;  ///< width of a sample at 1 m [m]
};

}  // namespace bitemark::sim
