// Procedural surfaces: brightness patterns made once, sampled with mip-maps.
#pragma once

#include <vector>

#include "sim/lanes.h"

namespace bitemark::sim {

/// A square tile that repeats; values multiply a base colour and average about 1.
class Texture {
 public:
  explicit Texture(std::vector<float> values);  ///< [n, n], n a power of two
  /// (u, v) in tiles; `footprint` is the width of a sample in tiles. Bilinear in the level that fits.
  float sample(float u, float v, float footprint) const;
  /// The same for `count` places, several at a time. `value` may be one of the arguments.
  void sample(const Lanes& u, const Lanes& v, const Lanes& footprint, int count, Lanes& value) const;

 private:
  int size_ = 0;               ///< of the finest level
  int levels_ = 0;             ///< each of half the size of the one before, down to 1
  std::vector<float> values_;  ///< all levels, the finest first
};

/// Each is made at the first call and lives for ever.
const Texture& wood_texture();     ///< eight planks along u
const Texture& tiles_texture();    ///< 8 x 8 tiles, chequered, with joints
const Texture& plaster_texture();  ///< soft blotches at several scales
const Texture& canvas_texture();   ///< weave with uneven threads
const Texture& sand_texture();     ///< fine grains and faint ripples
const Texture& crumb_texture();    ///< coarse grain: what a cookie is made of

}  // namespace bitemark::sim
