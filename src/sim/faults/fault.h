// Faults: a world changed on purpose from one frame on, to test the metrics.
#pragma once

#include <optional>
#include <vector>

#include "base/random.h"
#include "sim/simulate.h"
#include "sim/truth.h"
#include "sim/world.h"

namespace bitemark::sim {

/// Changes the world as options.fault says and sets fault_first_frame, the first frame that differs from the truth
/// in any pixel; it lies after the context. States and events tell of the changed world; faults of the clip (mirror,
/// freeze, shuffle) change the pictures only. Throws InputError for an unknown fault or one that this take has no
/// place for.
void apply_fault(const Scenario& scenario, const RenderOptions& options, World& world);

/// What a fault needs to know and may change.
struct FaultRequest {
  const RenderOptions& options;
  World& world;
  Pcg32 random;  ///< a stream for this fault in this take

  int frame_count() const { return static_cast<int>(world.timeline.size()); }
  /// A frame in [low, high). Throws std::invalid_argument when there is none.
  int any_frame(int low, int high);
  /// The body at a frame.
  BodyFrame& body(int frame, int index) const {
    return world.timeline[static_cast<std::size_t>(frame)].bodies[static_cast<std::size_t>(index)];
  }
  /// A frame in the first 60 % of the continuation: a fault of the last two frames would test nothing but luck.
  int any_onset();
  std::vector<int> tracked() const;    ///< indices in scene.bodies
  LabelImage labels(int frame) const;  ///< what is seen, as the world is now
  /// A tracked body and a frame like any_onset() in which at least 90 % of it is seen. Throws std::invalid_argument
  /// when chance finds none.
  std::pair<int, int> any_body_in_view();
  /// Adds a body like `original` with an id of its own and this behind its name, not alive yet. Returns its index.
  int add_body_like(int original, const char* suffix);
  /// Simulates again with these pushes and films it as before.
  void simulate_again(const std::vector<Push>& pushes);
};

/// Each throws std::invalid_argument with the reason when the take has no place for it. They return the first frame
/// that they touched.
int vanish_while_hidden(FaultRequest& request);
int duplicate(FaultRequest& request);
int swap_identities(FaultRequest& request);
int wobble_geometry(FaultRequest& request);
int leave_no_mark(FaultRequest& request);
int heal_mark(FaultRequest& request);
int move_before_contact(FaultRequest& request);
int vanish_in_view(FaultRequest& request);
int appear(FaultRequest& request);
int teleport(FaultRequest& request);
int change_color(FaultRequest& request);
int change_size(FaultRequest& request);
int swim_texture(FaultRequest& request);
int mark_too_early(FaultRequest& request);
int stay_when_struck(FaultRequest& request);
int pass_through(FaultRequest& request);
int weaken_gravity(FaultRequest& request);
int reverse_gravity(FaultRequest& request);
int gain_energy(FaultRequest& request);
int turn_camera_wrongly(FaultRequest& request);
int drift_camera(FaultRequest& request);
int reverse_clip(FaultRequest& request);
int mirror_clip(FaultRequest& request);
int freeze_clip(FaultRequest& request);
int shuffle_clip(FaultRequest& request);
int return_broken_block(FaultRequest& request);
int change_shape(FaultRequest& request);
int change_character(FaultRequest& request);
int exchange_order(FaultRequest& request);
int light_lamp(FaultRequest& request);
int leave_lamp_dark(FaultRequest& request);
int leave_no_stroke(FaultRequest& request);
int fade_stroke(FaultRequest& request);

}  // namespace bitemark::sim
