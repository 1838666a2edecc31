// A take ready to be rendered.
#pragma once

#include <vector>

#include "sim/stage.h"

namespace bitemark::sim {

struct World {
  SceneSpec scene;
  Motion motion;
  std::vector<FrameWorld> timeline;  ///< [frame]
  int context_frames = 0;            ///< a fault may not begin sooner
  int fault_first_frame = -1;
  /// Faults of the clip: which frame is shown in place of each ([frame]; empty = itself), and from where on mirrored.
  std::vector<int> shown;
  int mirrored_from = -1;
};

/// Wide images get finer meshes.
inline bool needs_fine_meshes(int width) { return width > 128; }

/// RGB of one frame as it is shown, `grid` squared samples a pixel. `seen`: Shader::render(), of the frame `index`.
void render_frame(const World& world, const Stage& stage, int index, int width, int height, Shader& shader, int grid,
                  VisibilityBuffer* seen, Frame& frame);
Frame render_frame(const World& world, const Stage& stage, int index, int width, int height, Shader& shader,
                   int grid = 2);

}  // namespace bitemark::sim
