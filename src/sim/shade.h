// Colour: what light comes from each sample that the rasteriser found.
#pragma once

#include <array>
#include <vector>

#include "episode/clip.h"
#include "sim/reuse.h"
#include "sim/shade_types.h"
#include "sim/shadow_caster.h"

namespace bitemark::sim {

/// Renders RGB. Holds buffers and the inputs of the picture before, of which it keeps the pixels that nothing has
/// changed (reuse.h), so keep one for each thread. The pixels do not depend on what was rendered before.
class Shader {
 public:
  /// `grid` squared samples a pixel, each shaded: 1 or 2. `seen` may hold what the rasteriser finds for this grid;
  /// it is taken, and a buffer that nobody needs is left there. The picture is good until the next.
  const Frame& render(const std::vector<DrawItem>& items, const Camera& camera, const Lighting& lighting, int width,
                      int height, int grid = 2, VisibilityBuffer* seen = nullptr);
  /// Part of the last picture's pixels that were kept.
  double kept() const { return kept_; }

 private:
  struct Pending;
  struct Samples;
  struct Batch;

  void prepare(const std::vector<DrawItem>& items, const Camera& camera);
  void draw_shadow_map(const std::vector<DrawItem>& items, const Lighting& lighting, int size);
  void aim_rays(int columns, int rows);
  void shade_row(int row, Frame& frame);
  void shade_pixels(Pending& pending, Frame& frame);
  void find_samples(const Pending& pending, Samples& samples) const;
  static void collect(int from, const Samples& samples, std::array<bool, kLanes>& done, Batch& batch);
  void write(const Pending& pending, const Lanes3& color, Frame& frame) const;
  // What light comes from samples: shade_light.cpp.
  void shade(const PreparedItem& prepared, Batch& batch) const;
  void paint_blocks(const PreparedItem& prepared, Batch& batch) const;
  void fade(Batch& batch) const;
  V3 background(float ray_x, float ray_y) const;
  void normals_of(const PreparedItem& prepared, Batch& batch) const;
  void sun_at(const PreparedItem& prepared, Batch& batch) const;
  void ambient_at(const PreparedItem& prepared, Batch& batch) const;
  V3 rest_of(const PreparedItem& item, std::uint32_t triangle, V3 p_B) const;
  V3 lamps_at(V3 p_W, V3 normal_W) const;

  Rasterizer rasterizer_;
  ShadowCaster shadows_;
  Inputs now_, before_;
  Frame last_;          ///< the picture before, which becomes this one
  bool whole_ = false;  ///< the picture before was finished
  Reuse reuse_;
  double kept_ = 0;
  int kept_pixels_ = 0;
  int grid_ = 2;
  std::vector<float> ray_x_, ray_y_;
  std::vector<MeshPose> poses_;
  Affine X_WC_, shadow_from_camera_;
  Projector projector_, shadow_projector_;
  Affine X_LW_;
  float sample_angle_ = 0;  ///< width of a sample at 1 m [m]
};

}  // namespace bitemark::sim
