#include "sim/world.h"

#include <algorithm>

#include "sim/voxel/overlay.h"

namespace bitemark::sim {
namespace {

void mirror(Frame& frame) {
  for (int y = 0; y < frame.height; ++y) {
    for (int left = 0, right = frame.width - 1; left < right; ++left, --right) {
      std::swap_ranges(frame.at(left, y), frame.at(left, y) + 3, frame.at(right, y));
    }
  }
}

}  // namespace

void render_frame(const World& world, const Stage& stage, int index, int width, int height, Shader& shader, int grid,
                  VisibilityBuffer* seen, Frame& frame) {
  const int source = world.shown.empty() ? index : world.shown[static_cast<std::size_t>(index)];
  const FrameWorld& at = world.timeline[static_cast<std::size_t>(source)];
  frame = shader.render(stage.items(at), at.camera, stage.lighting(at), width, height, grid,
                        source == index ? seen : nullptr);
  if (at.voxels.present) draw_overlay(at.voxels, world.scene.voxels->kinds, frame);
  if (world.mirrored_from >= 0 && index >= world.mirrored_from) mirror(frame);
}

Frame render_frame(const World& world, const Stage& stage, int index, int width, int height, Shader& shader, int grid) {
  Frame frame;
  render_frame(world, stage, index, width, height, shader, grid, nullptr, frame);
  return frame;
}

}  // namespace bitemark::sim
