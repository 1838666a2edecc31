// How a scenario's takes come out: drawn, simulated, accepted or drawn again.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "sim/scenario.h"

namespace bitemark {

/// Takes 0 .. count - 1 of one split.
struct DrawReport {
  std::string split;
  int takes = 0;                       ///< asked for
  int accepted = 0;                    ///< of them
  int rejected = 0;                    ///< draws that broke a rule of "require"
  std::map<std::string, int> reasons;  ///< of rejected draws, numbers left out, and how often
  std::vector<ScenarioFault> faults;   ///< what only these draws told: an expression that is not finite, say
};

/// Draws and simulates, without rendering; stops at a take that is given up. `scenario` is of the file at
/// `scenario.file`.
DrawReport draw_takes(const Scenario& scenario, const std::string& split, int count);

}  // namespace bitemark
