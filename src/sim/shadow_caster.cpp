#include "sim/shadow_caster.h"

#include <algorithm>
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

void ShadowCaster::draw(const std::vector<MeshPose>& casters, const Projector& light, int size, ShadowDepth& map) {
  if (!layer_holds(casters, light, size)) draw_layer(casters, light, size);
  last_ = casters;
  light_ = light;
  some_.clear();
  for (std::size_t i = 0; i < casters.size(); ++i) {
    if (in_layer_[i] == 0) some_.push_back(casters[i]);
  }
  copy_layer(map);
  rasterizer_.draw(some_, light, map.depth, &map.over);
}

void ShadowCaster::copy_layer(ShadowDepth& map) const {
  if (map.layer != layer_number_) {
    map.depth = layer_;
    map.layer = layer_number_;
    return;
  }
  for (const SampleRect& rect : map.over) {
    for (int y = rect.y0; y < rect.y1; ++y) {
      const auto row = static_cast<std::ptrdiff_t>(y) * layer_.width;
      std::copy(layer_.closeness.begin() + row + rect.x0, layer_.closeness.begin() + row + rect.x1,
                map.depth.closeness.begin() + row + rect.x0);
    }
  }
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
  ++layer_number_;
  layer_.clear_depth(size, size);
  rasterizer_.draw(some_, light, layer_);
}

}  // namespace bitemark::sim
