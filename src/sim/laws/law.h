// Laws of the world as numbers: how far a world, as it is shown, departs from each. Measured on its states, events and
// cameras, without a picture. A true world departs by the rounding of frames; a fault breaks some laws and keeps the
// others (scenarios/faults.json says which).
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "sim/world.h"

namespace bitemark::sim {

struct Law {
  const char* name;     ///< as scenarios/faults.json has it
  const char* summary;  ///< what holds in a true world
  const char* unit;     ///< of the residual; "" for shares and counts
  double rounding;      ///< a world that keeps the law lies no further than this from its truth
  double clear;         ///< one that breaks it lies further than this from its truth
  /// How far the world departs from the law; `truth` is the same take without a fault. nullopt: in this world the
  /// law says nothing that could be measured.
  std::optional<double> (*residual)(const World& world, const World& truth);
};

/// All laws, in the order of docs/faults.md.
const std::vector<Law>& all_laws();
const Law* find_law(const std::string& name);  ///< nullptr when there is none

enum class LawVerdict { kKept, kBroken, kUnclear, kNotMeasurable };
/// By the law's own limits: kBroken beyond `clear` from the truth, kKept within `rounding`.
LawVerdict judge(const Law& law, const World& world, const World& truth);

}  // namespace bitemark::sim
