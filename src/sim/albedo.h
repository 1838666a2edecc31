// What a surface is made of, and how much light it returns in each colour.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "sim/lanes.h"
#include "sim/voxel/block_texture.h"

namespace bitemark::sim {

enum class Material { kPlain, kOctants, kWood, kTiles, kPlaster, kCanvas, kCookie, kEnamel, kSand, kBlocks };
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
  AimMark aim;                                     ///< blocks only
};

/// The linear albedo of `count` points p (body frame) with normals n, each seen through a sample `footprint` metres
/// wide.
void albedo_of(const Surface& s, const Lanes3& p, const Lanes3& n, const Lanes& footprint, int count, Lanes3& albedo);

/// Paint covers, with an edge as wide as a sample; what is dented is darker, as pressed sand is. Then the normal leans
/// away from the middle of a groove inside and from its rim outside.
void apply_marks(const std::vector<Mark>& marks, V3 p, float footprint, V3& albedo, V3& normal);

/// Strength of the highlight.
float gloss_of(Material material);

}  // namespace bitemark::sim
