// The shadow map, of which what stands still is drawn once.
#pragma once

#include <vector>

#include "sim/raster.h"

namespace bitemark::sim {

/// In a map that holds nothing but depth the order of drawing does not matter: the nearest counts. So things that are
/// where they were are kept in a layer, and the others are drawn over a copy of it.
class ShadowCaster {
 public:
  /// Meshes must live until the next map is drawn.
  void draw(const std::vector<MeshPose>& casters, const Projector& light, int size, VisibilityBuffer& map);

 private:
  bool layer_holds(const std::vector<MeshPose>& casters, const Projector& light, int size) const;
  void draw_layer(const std::vector<MeshPose>& casters, const Projector& light, int size);

  Rasterizer rasterizer_;
  VisibilityBuffer layer_;
  Projector light_;
  std::vector<MeshPose> last_;  ///< of the map before
  std::vector<char> in_layer_;  ///< of `last_`
  std::vector<MeshPose> some_;
};

}  // namespace bitemark::sim
