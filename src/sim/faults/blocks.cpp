// Faults of a voxel world: an edit that does not last.
#include <algorithm>
#include <limits>
#include <map>
#include <stdexcept>

#include "sim/faults/fault.h"
#include "sim/voxel/frames.h"

namespace bitemark::sim {
namespace {

constexpr int kLeast = 3;  // frames that the gap is there before the block returns, and that the block is in view after

/// The version of the grid in a frame.
int version_in(const World& world, const FrameWorld& frame) {
  return frame.bodies[static_cast<std::size_t>(world.scene.voxels->ground)].form;
}

bool in_picture(const FrameWorld& frame, const Cell& cell, const RenderOptions& options) {
  const Projection p = project(frame.camera, center_of(cell));
  return p.depth > 0.3 && p.u > 0 && p.v > 0 && p.u < options.width && p.v < options.height;
}

/// The agent does not stand in the gap from frame `first` on, and the gap is looked at.
bool has_room(const FaultRequest& request, const Cell& cell, int first) {
  const World& world = request.world;
  const VoxelSpec& spec = *world.scene.voxels;
  int seen = 0;
  for (int f = first; f < request.frame_count(); ++f) {
    const FrameWorld& frame = world.timeline[static_cast<std::size_t>(f)];
    const Vec3& feet = frame.bodies[static_cast<std::size_t>(spec.agent_body)].X_WB.position;
    if (AgentBody(spec.agent, feet, 1).overlaps(cell)) return false;
    seen += in_picture(frame, cell, request.options) ? 1 : 0;
  }
  return seen >= kLeast;
}

/// From frame `first` on the block that version `broken` lacks is there again.
void restore(World& world, int broken, int first) {
  const VoxelSpec& spec = *world.scene.voxels;
  auto history = std::make_shared<VoxelHistory>(*world.motion.voxels);
  const VoxelVersion& gap = history->versions[static_cast<std::size_t>(broken)];
  const VoxelGrid& whole = history->versions[static_cast<std::size_t>(gap.base)].grid;
  const Cell cell = gap.edited;
  const std::uint8_t kind = whole.kind(cell), owner = whole.owner(cell);
  std::map<int, int> replaced;  // version -> the same with the block
  for (std::size_t f = static_cast<std::size_t>(first); f < world.timeline.size(); ++f) {
    FrameWorld& frame = world.timeline[f];
    const int version = version_in(world, frame);
    const auto [entry, fresh] = replaced.try_emplace(version, static_cast<int>(history->versions.size()));
    if (fresh) history->versions.push_back(edited_version(history->versions, version, cell, kind, owner));
    for (int b = 0; b < spec.agent_body; ++b) {
      const auto body = static_cast<std::size_t>(b);
      auto& forms = world.motion.forms[body];
      if (fresh) forms.push_back(forms.front());
      forms.back().from_step = std::numeric_limits<std::int64_t>::max();
      frame.bodies[body].form = entry->second;
      frame.bodies[body].alive = history->versions[static_cast<std::size_t>(entry->second)].alive[body];
    }
    aim_again(world.scene, history->versions[static_cast<std::size_t>(entry->second)].grid, frame);
  }
  world.motion.voxels = history;
}

}  // namespace

int return_broken_block(FaultRequest& request) {
  World& world = request.world;
  if (!world.scene.voxels) throw std::invalid_argument("the world is not made of blocks");
  const auto& versions = world.motion.voxels->versions;
  const auto& forms = world.motion.forms[static_cast<std::size_t>(world.scene.voxels->ground)];
  std::vector<std::pair<int, int>> places;  // (version, frame)
  for (int v = 1; v < static_cast<int>(versions.size()); ++v) {
    const Cell& cell = versions[static_cast<std::size_t>(v)].edited;
    if (versions[static_cast<std::size_t>(v)].grid.solid(cell) || versions.back().grid.solid(cell)) continue;
    const int gap =
        frame_of_step(forms[static_cast<std::size_t>(v)].from_step, world.motion.step_hz, request.options.rate);
    for (int f = std::max(world.context_frames, gap + kLeast); f < request.frame_count(); ++f) {
      if (has_room(request, cell, f)) places.emplace_back(v, f);
    }
  }
  if (places.empty()) throw std::invalid_argument("no gap is there long enough");
  const auto [version, first] = places[request.random.below(static_cast<std::uint32_t>(places.size()))];
  restore(world, version, first);
  return first;
}

}  // namespace bitemark::sim
