// The stylised jaws: they come in open from outside, close, open and withdraw.
#pragma once

#include "sim/scene.h"
#include "sim/sdf.h"

namespace bitemark::sim {

/// Times relative to the moment the teeth meet [s].
struct JawTiming {
  static constexpr double kEnter = -0.9, kArrived = -0.25, kOpening = 0.1, kOpen = 0.25, kGone = 0.75;
};

struct JawState {
  bool present = false;
  double phase = 0;      ///< how far closed: 0 open, 1 the teeth meet
  Pose X_WU, X_WL;       ///< upper and lower jaw
  Vec3 target{0, 0, 0};  ///< world: middle of the mark
};

/// Middle of the mark in the target's frame: just inside the rim.
Bite bite_in_body(const SceneSpec& scene, const BiteSpec& bite);
/// The jaws at a time, for the bite whose turn it is.
JawState jaws_at(const SceneSpec& scene, const Pose& X_WTarget, double time_s);
/// Jaw frame: x into the cookie, z up, the origin where the teeth meet. The lower jaw is the mirror image.
Mesh make_gum(double radius, bool upper);
Mesh make_teeth(double radius, bool upper);

}  // namespace bitemark::sim
