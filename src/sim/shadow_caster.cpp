#include "sim/shadow_caster.h"

#include <cstring>

namespace bitemark::sim {
namespace {

/// To the bit. Deforming bodies and bitten ones have another mesh in every frame.
bool same(const MeshPose& a, const MeshPose& b) {
  return a.mesh == b.mesh && std::memcmp(&a.X_CB, &b.X_CB, sizeof a.X_CB) == 0;
}

bool same(const Projector& a, const Projector& b) {
  return a.parallel == b.parallel && a.fx == b.fx && a.fy == b.fy && a.cx == b.cx && a.cy == b.cy && a.near == b.near &&
         a.far == b.far;
}

}  // namespace

void ShadowCaster::draw(const std::vector<MeshPose>& casters, const Projector& light, int size, VisibilityBuffer& map) {
  if (!layer_holds(casters, light, size)) draw_layer(casters, light, size);
  last_ = casters;
  light_ = light;
  some_.clear();
  for (std::size_t i = 0; i < casters.size(); ++i) {
    if (in_layer_[i] == 0) some_.push_back(casters[i]);
  }
  map = layer_;
  rasterizer_.draw(some_, light, map);
}

/// Whether all that the layer shows is where it was.
bool ShadowCaster::layer_holds(const std::vector<MeshPose>& casters, const Projector& light, int size) const {
  if (layer_.width != size || casters.size() != last_.size() || !same(light, light_)) return false;
  for (std::size_t i = 0; i < casters.size(); ++i) {
    if (in_layer_[i] != 0 && !same(casters[i], last_[i])) return false;
  }
  return true;
}

/// Of what has not moved since the last map; at the first everything.
void ShadowCaster::draw_layer(const std::vector<MeshPose>& casters, const Projector& light, int size) {
  in_layer_.assign(casters.size(), 1);
  some_.clear();
  for (std::size_t i = 0; i < casters.size(); ++i) {
    if (casters.size() == last_.size() && !same(casters[i], last_[i])) in_layer_[i] = 0;
    if (in_layer_[i] != 0) some_.push_back(casters[i]);
  }
  layer_.clear_depth(size, size);
  rasterizer_.draw(some_, light, layer_);
}

}  // namespace bitemark::sim
