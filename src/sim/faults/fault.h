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
  /// A frame in the first 60 % of the continuation: a fault of the last two frames would test nothing but luck.
  int any_onset();
  std::vector<int> tracked() const;    ///< indices in scene.bodies
  LabelImage labels(int frame) const;  ///< what is seen, as the world is now
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
int mirror_clip(FaultRequest& request);
int freeze_clip(FaultRequest& request);
int shuffle_clip(FaultRequest& request);
int return_broken_block(FaultRequest& request);

}  // namespace bitemark::sim
