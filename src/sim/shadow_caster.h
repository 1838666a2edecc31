// The shadow map, of which what stands still is drawn once.
#pragma once

#include <vector>

#include "sim/raster.h"

namespace bitemark::sim {

/// The nearest depth seen from the light, and where it may differ from the layer of things that stand still.
struct ShadowDepth {
  VisibilityBuffer depth;
  int layer = 0;                 ///< which one; 0 = none
  std::vector<SampleRect> over;  ///< what moves was drawn here
};

/// In a map that holds nothing but depth the order of drawing does not matter: the nearest counts. So things that are
/// where they were are kept in a layer, and the others are drawn over a copy of it. A map that is drawn again is a copy
/// already, but for what moved in it.
class ShadowCaster {
 public:
  /// Meshes must live until the next map is drawn.
  void draw(const std::vector<MeshPose>& casters, const Projector& light, int size, ShadowDepth& map);

 private:
  bool layer_holds(const std::vector<MeshPose>& casters, const Projector& light, int size) const;
  void copy_layer(ShadowDepth& map) const;
  void draw_layer(const std::vector<MeshPose>& casters, const Projector& light, int size);

  Rasterizer rasterizer_;
  VisibilityBuffer layer_;
  int layer_number_ = 0;
  Projector light_;
  std::vector<MeshPose> last_;  ///< of the map before
  std::vector<char> in_layer_;  ///< of `last_`
  std::vector<MeshPose> some_;
};

}  // namespace bitemark::sim
