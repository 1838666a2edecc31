// Which pixels of a picture must be as they were: those whose every input is the same to the bit.
//
// A camera that stands still sees mostly things that stand still. A segment of a row may be kept when in all its
// samples the same triangle is seen at the same depth, its bodies look as they did, nothing has moved in the part of
// the shadow map that it reads, and no body has moved that dims its ambient light. The test is exact where it says
// yes; where it is unsure it says no. So pixels do not depend on what was rendered before.
#pragma once

#include <array>
#include <vector>

#include "sim/shade_types.h"
#include "sim/shadow_caster.h"

namespace bitemark::sim {

/// What the pixels of a picture were made of.
struct Inputs {
  std::vector<DrawItem> items;  ///< holds the meshes: an address in use is not given to another
  std::vector<PreparedItem> prepared;
  Camera camera;
  Lighting lighting;
  VisibilityBuffer samples;
  ShadowDepth shadow;
};

class Reuse {
 public:
  /// Compares before any segment is asked for. `shadow_from_camera` leads to the light's frame, `shadow` to texels.
  void compare(const Inputs& before, const Inputs& now, const Projector& camera, const Affine& X_WC,
               const Affine& shadow_from_camera, const Projector& shadow);
  /// True when samples [x0, x1) of rows [y0, y1) make the pixels that they made before.
  bool keeps(const Inputs& before, const Inputs& now, int x0, int x1, int y0, int y1) const;
  /// False when no segment can be kept.
  bool possible() const { return possible_; }

 private:
  /// Where the point at depth z on the ray (x, y, 1) is: z (a x + b y + c) + t. World x, y, z and shadow map u, v;
  /// eight numbers go side by side.
  struct Places {
    std::array<float, 8> a{}, b{}, c{}, t{};
  };
  struct Bounds {
    std::array<float, 8> low, high;
  };
  struct Sphere {
    V3 center;        ///< world
    float reach = 0;  ///< ambient light farther away does not know of it [m]
  };
  void place(std::size_t i, float scale, V3 row, float t, float shift);
  void find_moved(const Inputs& before, const Inputs& now);
  void find_dirty(const ShadowDepth& before, const ShadowDepth& now);
  static void bound(const Places& places, const float* x, const float* y, const float* z, Bounds& bounds);
  bool same_light(const Inputs& now, int x0, int x1, int y0, int y1) const;
  bool shadow_is_same(float low_x, float high_x, float low_y, float high_y) const;

  bool possible_ = false;
  std::vector<char> changed_;  ///< by item
  std::vector<Sphere> moved_;
  int tiles_ = 0;            ///< a side of the shadow map
  std::vector<char> asked_;  ///< [tiles, tiles]: may have changed
  std::vector<int> dirty_;   ///< [tiles + 1, tiles + 1]: changed tiles above and to the left
  Projector camera_;
  Places places_;
};

}  // namespace bitemark::sim
