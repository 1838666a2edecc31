// Meshes and surfaces of a scene, made once and drawn in every frame.
#pragma once

#include <map>
#include <memory>
#include <vector>

#include "sim/shade.h"
#include "sim/timeline.h"

namespace bitemark::sim {

class Stage {
 public:
  /// `fine` chooses meshes for images wider than 128 pixels.
  Stage(const SceneSpec& scene, const Motion& motion, bool fine);
  /// All living bodies; `owner` is the index of the body. Thread-safe.
  std::vector<DrawItem> items(const FrameWorld& world) const;
  Lighting lighting(const FrameWorld& world) const;

 private:
  struct Part {
    std::shared_ptr<const Mesh> mesh;
    Surface surface;
    bool tinted = true;   ///< takes the body's colour of the frame
    bool placed = false;  ///< somewhere in the body, at X_BP
    Pose X_BP{};
  };
  struct Look {
    std::vector<std::vector<Part>> forms;  ///< [form][part]
    bool casts_shadow = true;
    bool in_world = false;  ///< blocks: meshes have world coordinates
    float dimming_radius = 0;
  };
  Look make_look(std::size_t body, const Motion& motion, bool fine) const;
  void add_voxel_looks(const Motion& motion);

  /// What trails have left on a body until now; null for nothing.
  std::shared_ptr<const std::vector<Mark>> marks_on(int body, double time_s) const;

  const SceneSpec& scene_;
  const Motion& motion_;
  std::vector<Look> looks_;
};

}  // namespace bitemark::sim
