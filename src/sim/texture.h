// Procedural surfaces: brightness patterns made once, sampled with mip-maps.
#pragma once

#include <vector>

namespace bitemark::sim {

/// A square tile that repeats; values multiply a base colour and average about 1.
class Texture {
 public:
  explicit Texture(std::vector<float> values);  ///< [n, n], n a power of two
  /// (u, v) in tiles; `footprint` is the width of a sample in tiles. Bilinear in the level that fits.
  float sample(float u, float v, float footprint) const;

 private:
  struct Level {
    int size = 0;
    std::vector<float> values;
  };
  std::vector<Level> levels_;
};

/// Each is made at the first call and lives for ever.
const Texture& wood_texture();     ///< eight planks along u
const Texture& tiles_texture();    ///< 8 x 8 tiles, chequered, with joints
const Texture& plaster_texture();  ///< soft blotches at several scales
const Texture& canvas_texture();   ///< weave with uneven threads
const Texture& sand_texture();     ///< fine grains and faint ripples
const Texture& crumb_texture();    ///< coarse grain: what a cookie is made of

}  // namespace bitemark::sim
