#include "sim/faults/fault.h"

#include <algorithm>
#include <stdexcept>

#include "base/error.h"
#include "sim/voxel/overlay.h"

namespace bitemark::sim {
namespace {

struct FaultKind {
  const char* name;
  int (*apply)(FaultRequest&);
};

constexpr FaultKind kFaults[] = {
    {"vanish-while-hidden", vanish_while_hidden},
    {"duplicate", duplicate},
    {"identity-swap", swap_identities},
    {"missing-mark", leave_no_mark},
    {"mark-heals", heal_mark},
    {"motion-before-contact", move_before_contact},
    {"wobbling-geometry", wobble_geometry},
    {"vanish-in-view", vanish_in_view},
    {"appear-from-nothing", appear},
    {"teleport", teleport},
    {"change-color", change_color},
    {"change-size", change_size},
    {"swimming-texture", swim_texture},
    {"mark-before-contact", mark_too_early},
    {"no-motion-after-contact", stay_when_struck},
    {"pass-through", pass_through},
    {"weak-gravity", weaken_gravity},
    {"reversed-gravity", reverse_gravity},
    {"energy-gain", gain_energy},
    {"wrong-camera", turn_camera_wrongly},
    {"camera-drift", drift_camera},
    {"time-reversal", reverse_clip},
    {"mirror", mirror_clip},
    {"freeze", freeze_clip},
    {"shuffle", shuffle_clip},
    {"broken-block-returns", return_broken_block},
    {"change-shape", change_shape},
    {"cut-changes-character", change_character},
    {"wrong-event-order", exchange_order},
    {"lamp-without-button", light_lamp},
    {"button-without-lamp", leave_lamp_dark},
    {"missing-stroke", leave_no_stroke},
    {"stroke-fades", fade_stroke},
};

const FaultKind& find_fault(const std::string& name) {
  std::string known;
  for (const FaultKind& kind : kFaults) {
    if (name == kind.name) return kind;
    known += (known.empty() ? "" : ", ") + std::string(kind.name);
  }
  throw InputError("unknown fault '" + name + "', expected one of " + known);
}

/// Blocks do not move or change one by one: of the other faults only those of the clip have a meaning there.
bool is_for_blocks(const FaultKind& kind) {
  return kind.apply == return_broken_block || kind.apply == mirror_clip || kind.apply == freeze_clip ||
         kind.apply == shuffle_clip;
}

/// Renders both worlds from `frame` on until they differ; -1 when they never do.
int first_difference(const World& truth, const World& faulty, int frame, const RenderOptions& options) {
  const Stage true_stage(truth.scene, truth.motion, needs_fine_meshes(options.width));
  const Stage faulty_stage(faulty.scene, faulty.motion, needs_fine_meshes(options.width));
  Shader shader;
  for (; frame < static_cast<int>(truth.timeline.size()); ++frame) {
    const Frame a = render_frame(truth, true_stage, frame, options.width, options.height, shader);
    const Frame b = render_frame(faulty, faulty_stage, frame, options.width, options.height, shader);
    if (a != b) return frame;
  }
  return -1;
}

}  // namespace

int FaultRequest::any_frame(int low, int high) {
  if (low >= high) throw std::invalid_argument("no frame is left for it after the context");
  return low + static_cast<int>(random.below(static_cast<std::uint32_t>(high - low)));
}

int FaultRequest::any_onset() {
  const int start = world.context_frames;
  return any_frame(start, start + (3 * (frame_count() - start) + 4) / 5);
}

std::vector<int> FaultRequest::tracked() const {
  std::vector<int> found;
  for (std::size_t b = 0; b < world.scene.bodies.size(); ++b) {
    if (world.scene.bodies[b].info.tracked) found.push_back(static_cast<int>(b));
  }
  return found;
}

LabelImage FaultRequest::labels(int frame) const {
  const Stage stage(world.scene, world.motion, needs_fine_meshes(options.width));
  const FrameWorld& at = world.timeline[static_cast<std::size_t>(frame)];
  LabelImage labels =
      Labeller().label(stage.items(at), world.scene.bodies.size(), at.camera, options.width, options.height);
  if (world.scene.voxels) label_overlay(*world.scene.voxels, labels);
  return labels;
}

std::pair<int, int> FaultRequest::any_body_in_view() {
  const std::vector<int> bodies = tracked();
  for (int attempt = 0; attempt < 60 && !bodies.empty(); ++attempt) {
    const int index = bodies[random.below(static_cast<std::uint32_t>(bodies.size()))];
    const int frame = any_onset();
    const LabelImage seen = labels(frame);
    const auto b = static_cast<std::size_t>(index);
    if (seen.full[b] >= 12 && seen.visible[b] >= 0.9 * seen.full[b]) return {index, frame};
  }
  throw std::invalid_argument("no tracked body is plainly in view");
}

int FaultRequest::add_body_like(int original, const char* suffix) {
  const auto from = static_cast<std::size_t>(original);
  BodySpec spec = world.scene.bodies[from];
  for (const BodySpec& other : world.scene.bodies)
    spec.info.id = std::max(spec.info.id, static_cast<std::uint16_t>(other.info.id + 1));
  spec.info.name += suffix;
  world.scene.bodies.push_back(spec);
  world.motion.forms.push_back(world.motion.forms[from]);
  for (FrameWorld& frame : world.timeline) {
    frame.bodies.push_back(frame.bodies[from]);
    frame.bodies.back().alive = false;
  }
  return static_cast<int>(world.scene.bodies.size()) - 1;
}

void FaultRequest::simulate_again(const std::vector<Push>& pushes) {
  world.motion = simulate(world.scene, pushes);
  world.timeline = make_timeline(world.scene, world.motion, options.rate, frame_count(), options.width, options.height);
}

void apply_fault(const Scenario& scenario, const RenderOptions& options, World& world) {
  const FaultKind& kind = find_fault(options.fault);
  const World truth = world;
  FaultRequest request{options, world, stream_for(world.scene.seed, std::string("fault/") + kind.name)};
  try {
    if (world.scene.voxels && !is_for_blocks(kind)) throw std::invalid_argument("its world is made of blocks");
    const int touched = kind.apply(request);
    world.fault_first_frame = first_difference(truth, world, touched, options);
  } catch (const std::invalid_argument& reason) {
    throw InputError(scenario.name, "",
                     "the fault " + options.fault + " does not apply to this take: " + reason.what());
  }
  if (world.fault_first_frame < 0) {
    throw InputError(scenario.name, "", "the fault " + options.fault + " changes nothing that is seen in this take");
  }
}

}  // namespace bitemark::sim
