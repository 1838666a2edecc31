#include "sim/voxel/frames.h"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <set>

#include "sim/vec.h"

namespace bitemark::sim {
namespace {

constexpr double kFullCamera = 20 * std::numbers::pi / 180;  // [rad] a frame: the 1 of cameraX and cameraY

/// Where a frame lies between two physics steps; the part is 0 where the next step is an event's.
struct Moment {
  std::int64_t step = 0;
  double part = 0;
};

Moment moment_of(int frame, Rate rate, int step_hz, const std::set<std::int64_t>& event_steps) {
  const std::int64_t numerator = static_cast<std::int64_t>(frame) * rate.den * step_hz;
  Moment moment{numerator / rate.num, static_cast<double>(numerator % rate.num) / rate.num};
  if (event_steps.contains(moment.step + 1)) moment.part = 0;
  return moment;
}

View mix(const View& a, const View& b, double part) {
  return {a.yaw + part * (b.yaw - a.yaw), a.pitch + part * (b.pitch - a.pitch)};
}

Camera camera_of(const VoxelSpec& spec, const Vec3& feet, const View& view, int width, int height) {
  const Vec3 forward = direction_of(view);
  const Vec3 right{std::sin(view.yaw), -std::cos(view.yaw), 0};
  Camera camera;
  camera.fx = camera.fy = 0.5 * std::min(width, height) / std::tan(spec.fov / 2);
  camera.cx = 0.5 * width;
  camera.cy = 0.5 * height;
  camera.X_WC = {feet + Vec3{0, 0, spec.agent.eye_height}, from_columns(right, cross(forward, right), forward)};
  return camera;
}

float held(std::uint32_t keys, std::uint32_t key) { return (keys & key) != 0 ? 1.0F : 0.0F; }

/// In the order of Actions::names().
std::vector<float> actions_of(std::uint32_t keys, const View& before, const View& now) {
  std::vector<float> row{0, 0};  // inventory, ESC: there are no menus
  for (int slot = 0; slot < kHotbarSlots; ++slot) row.push_back(held(keys, kKeyHotbar1 << slot));
  for (const Key key : {kKeyForward, kKeyBack, kKeyLeft, kKeyRight}) row.push_back(held(keys, key));
  const auto camera = [](double angle) { return static_cast<float>(std::clamp(angle / kFullCamera, -1.0, 1.0)); };
  row.push_back(camera(before.pitch - now.pitch));
  row.push_back(camera(before.yaw - now.yaw));
  for (const Key key : {kKeyJump, kKeySneak, kKeySprint}) row.push_back(held(keys, key));
  row.push_back(0);  // swapHands: there is one hand
  for (const Key key : {kKeyAttack, kKeyUse}) row.push_back(held(keys, key));
  row.insert(row.end(), {0, 0});  // pickItem, drop
  return row;
}

}  // namespace

void set_voxel_frames(const SceneSpec& scene, const Motion& motion, Rate rate, int width, int height,
                      std::vector<FrameWorld>& timeline) {
  const VoxelSpec& spec = *scene.voxels;
  const VoxelHistory& history = *motion.voxels;
  std::set<std::int64_t> event_steps;
  for (const Event& event : motion.events) event_steps.insert(event.step);
  View shown = spec.view;
  std::int64_t acted = 0;  // actions up to this step are told by an earlier frame
  for (std::size_t n = 0; n < timeline.size(); ++n) {
    FrameWorld& frame = timeline[n];
    const Moment at = moment_of(static_cast<int>(n), rate, motion.step_hz, event_steps);
    const AgentMoment& now = history.moments[static_cast<std::size_t>(at.step)];
    const View view = mix(now.view, history.moments[static_cast<std::size_t>(at.step) + 1].view, at.part);
    const Vec3& feet = frame.bodies[static_cast<std::size_t>(spec.agent_body)].X_WB.position;
    frame.camera = camera_of(spec, feet, view, width, height);
    frame.voxels = {true, now.aiming, now.aim, now.breaking, now.selected, history.hotbars[now.hotbar]};
    for (std::size_t b = 0; b < frame.bodies.size(); ++b) {
      if (!spec.is_block(static_cast<int>(b))) continue;
      frame.bodies[b].alive = history.versions[static_cast<std::size_t>(frame.bodies[b].form)].alive[b];
    }
    std::uint32_t keys = 0;
    for (std::int64_t step = acted + 1; step <= at.step; ++step) {
      keys |= history.moments[static_cast<std::size_t>(step)].keys;
    }
    frame.actions = actions_of(keys, shown, view);
    const bool busy = (keys & (kKeyAttack | kKeyUse)) != 0 && now.aiming;
    frame.act = busy ? ActState{true, now.breaking, now.aim_point} : ActState{};
    shown = view;
    acted = at.step;
  }
}

void aim_again(const SceneSpec& scene, const VoxelGrid& grid, FrameWorld& frame) {
  const Vec3 forward = rotate(frame.camera.X_WC.rotation, {0, 0, 1});
  const auto hit = cast_ray(grid, frame.camera.X_WC.position, forward, scene.voxels->agent.reach);
  if (!hit || hit->cell != frame.voxels.aim) frame.voxels.breaking = 0;
  frame.voxels.aiming = hit.has_value();
  if (hit) frame.voxels.aim = hit->cell;
}

}  // namespace bitemark::sim
