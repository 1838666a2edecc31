#include "sim/laws/law.h"

#include "sim/laws/measures.h"

namespace bitemark::sim {

const std::vector<Law>& all_laws() {
  // Rounding: frames show velocities of steps, of which 80 or 81 (at 960 Hz) lie between two frames at 12 fps: 1.3 % of
  // what gravity does. The ground's friction acts in the two frames of a contact: 0.5 * 9.81 / 12 of 1 m/s at most.
  static const std::vector<Law> kLaws{
      {"permanence", "nothing comes to be or ceases to be without an event", "", 0, 0.5, depart_from_permanence},
      {"identity", "two bodies do not exchange their places", "", 0, 0.5, depart_from_identity},
      {"appearance", "a body keeps its colours", "", 0, 0.1, depart_from_appearance},
      {"texture", "a texture stays on its surface", "m", 0, 0.02, depart_from_texture},
      {"shape", "a body keeps its size and shape", "", 0, 0.03, depart_from_shape},
      {"continuity", "a body does not jump", "m", 0.02, 0.1, depart_from_continuity},
      {"gravity", "what nothing holds falls with g", "", 0.03, 0.3, depart_from_gravity},
      {"inertia", "what nothing touches goes on as it moved", "m/s", 0.03, 0.2, depart_from_inertia},
      {"momentum", "what one body loses in a collision the other gains", "", 0.3, 0.5, depart_from_momentum},
      {"energy", "mechanical energy does not grow", "", 0.03, 0.1, depart_from_energy},
      {"solidity", "no two solids are in one place", "m", 0.005, 0.03, depart_from_solidity},
      {"marks-last", "a mark stays", "", 0.001, 0.02, depart_from_lasting_marks},
      {"marks-have-causes", "a mark comes when its cause does, and only then", "", 0, 0.5, depart_from_caused_marks},
      {"light-has-causes", "a light changes when it is switched, and only then", "", 0, 0.5, depart_from_caused_light},
      {"order", "what should happen first happens first", "", 0, 0.5, depart_from_order},
      {"time", "each moment is followed by the next", "", 0, 0.5, depart_from_time},
      {"camera", "the camera goes where it was told", "m + rad", 1e-9, 0.05, depart_from_camera},
      {"handedness", "left stays left", "", 0, 0.5, depart_from_handedness},
  };
  return kLaws;
}

const Law* find_law(const std::string& name) {
  for (const Law& law : all_laws()) {
    if (name == law.name) return &law;
  }
  return nullptr;
}

LawVerdict judge(const Law& law, const World& world, const World& truth) {
  const auto is = law.residual(world, truth), should = law.residual(truth, truth);
  if (!is || !should) return LawVerdict::kNotMeasurable;
  if (*is - *should > law.clear) return LawVerdict::kBroken;
  return *is - *should <= law.rounding ? LawVerdict::kKept : LawVerdict::kUnclear;
}

}  // namespace bitemark::sim
