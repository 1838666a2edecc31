#include <memory>

#include "export/export.h"
#include "export/npy.h"

namespace bitemark {
namespace {

/// What there is of every body in every frame, [T, B, columns].
void save_states(const EpisodeInfo& info, const fs::path& folder) {
  const auto frames = static_cast<std::int64_t>(info.states.size()),
             bodies = static_cast<std::int64_t>(info.bodies.size());
  std::vector<double> positions, quaternions, velocities, angular_velocities, pixels;
  std::vector<std::uint8_t> alive;
  std::vector<std::int32_t> visible;
  const auto put = [](std::vector<double>& all, const auto& values) {
    all.insert(all.end(), values.begin(), values.end());
  };
  for (const auto& frame : info.states) {
    for (const BodyState& state : frame) {
      put(positions, state.X_WB.position);
      put(quaternions, state.X_WB.rotation);
      put(velocities, state.velocity);
      put(angular_velocities, state.angular_velocity);
      put(pixels, Vec3{state.u, state.v, state.depth_m});
      alive.push_back(state.alive ? 1 : 0);
      visible.push_back(state.visible_px);
    }
  }
  save_npy(folder / "positions.npy", DType::kF64, {frames, bodies, 3}, positions);
  save_npy(folder / "quaternions.npy", DType::kF64, {frames, bodies, 4}, quaternions);
  save_npy(folder / "velocities.npy", DType::kF64, {frames, bodies, 3}, velocities);
  save_npy(folder / "angular_velocities.npy", DType::kF64, {frames, bodies, 3}, angular_velocities);
  save_npy(folder / "projections.npy", DType::kF64, {frames, bodies, 3}, pixels);
  save_npy(folder / "alive.npy", DType::kBool, {frames, bodies}, alive);
  save_npy(folder / "visible_px.npy", DType::kI32, {frames, bodies}, visible);
}

void save_cameras(const EpisodeInfo& info, const fs::path& folder) {
  const auto frames = static_cast<std::int64_t>(info.cameras.size());
  std::vector<double> positions, quaternions, intrinsics;
  for (const Camera& camera : info.cameras) {
    positions.insert(positions.end(), camera.X_WC.position.begin(), camera.X_WC.position.end());
    quaternions.insert(quaternions.end(), camera.X_WC.rotation.begin(), camera.X_WC.rotation.end());
    for (const double x : {camera.fx, camera.fy, camera.cx, camera.cy}) intrinsics.push_back(x);
  }
  save_npy(folder / "camera_positions.npy", DType::kF64, {frames, 3}, positions);
  save_npy(folder / "camera_quaternions.npy", DType::kF64, {frames, 4}, quaternions);
  save_npy(folder / "intrinsics.npy", DType::kF64, {frames, 4}, intrinsics);
}

}  // namespace

void write_numpy(const EpisodeFolderReader& episode, const fs::path& folder) {
  const EpisodeInfo& info = episode.info();
  const std::int64_t t = info.frame_count, h = info.height, w = info.width;
  NpyWriter frames(folder / "frames.npy", DType::kU8, {t, h, w, 3});
  std::vector<std::unique_ptr<NpyWriter>> truth;
  if (episode.has_truth()) {
    const auto add = [&](const char* name, DType type, const std::vector<std::int64_t>& shape) {
      truth.push_back(std::make_unique<NpyWriter>(folder / (std::string(name) + ".npy"), type, shape));
    };
    add("depth", DType::kF32, {t, h, w});
    add("ids", DType::kU16, {t, h, w});
    add("flow_forward", DType::kF32, {t, h, w, 2});
    add("flow_backward", DType::kF32, {t, h, w, 2});
    add("flow_flags", DType::kU8, {t, h, w});
  }
  episode.for_each_frame([&](int index, Frame&& frame) {
    frames.append(frame.rgb.data(), frame.rgb.size());
    if (truth.empty()) return;
    const FrameTruth one = episode.truth(index);
    const auto put = [&](std::size_t i, const auto& values) {
      truth[i]->append(values.data(), values.size() * sizeof(values.front()));
    };
    put(0, one.depth);
    put(1, one.ids);
    put(2, one.flow_forward);
    put(3, one.flow_backward);
    put(4, one.flow_flags);
  });
  frames.finish();
  for (const auto& channel : truth) channel->finish();
  save_states(info, folder);
  save_cameras(info, folder);
  const auto controls = static_cast<std::int64_t>(Controls::width()),
             actions = static_cast<std::int64_t>(Actions::width());
  save_npy(folder / "controls.npy", DType::kF32, {t, controls}, info.controls.values);
  if (!info.actions.values.empty()) save_npy(folder / "actions.npy", DType::kF32, {t, actions}, info.actions.values);
  save_json(folder / "episode.json", episode.json());
}

}  // namespace bitemark
