// The simulated world at the times of the frames: what a renderer needs to know of it.
#pragma once

#include <vector>

#include "sim/jaws.h"
#include "sim/motion.h"
#include "sim/voxel/world.h"

namespace bitemark::sim {

struct BodyFrame {
  bool alive = true;
  Pose X_WB;
  Vec3 velocity{0, 0, 0}, angular_velocity{0, 0, 0};  ///< world
  int form = 0;                                       ///< index into Motion::forms of this body
  std::array<std::uint8_t, 3> color{};                ///< sRGB
  double glow = 0;                                    ///< of a lamp: 0 off, 1 on
  std::shared_ptr<const Mesh> mesh;                   ///< of a body that deforms, in its frame; else null
  double wobble = 0;                                  ///< faults only: amplitude of the surface's shaking, in radii
  double swim = 0;  ///< faults only: how far the texture has slid over the surface [m]
};

/// What is being done to the world, besides biting: told by the controls.
struct ActState {
  bool present = false;
  double phase = 0;      ///< 0 to 1
  Vec3 target{0, 0, 0};  ///< world
};

struct FrameWorld {
  double time_s = 0;
  double brightness = 1;  ///< of the room's light
  Camera camera;
  std::vector<BodyFrame> bodies;  ///< in the order of SceneSpec::bodies
  JawState jaws;
  ActState act;
  VoxelView voxels;
  double marks_lag_s = 0;      ///< faults only: the trails are shown as they were this long before
  std::vector<float> actions;  ///< since the frame before; empty where nobody acts
};

/// Poses between two steps are interpolated, but never across an event: then the earlier step counts.
std::vector<FrameWorld> make_timeline(const SceneSpec& scene, const Motion& motion, Rate rate, int frame_count,
                                      int width, int height);
/// First frame at or after the time of a step.
int frame_of_step(std::int64_t step, int step_hz, Rate rate);

}  // namespace bitemark::sim
