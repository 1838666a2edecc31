#include "sim/faults/fault.h"

#include "base/error.h"

namespace bitemark::sim {

void apply_fault(const Scenario& scenario, const RenderOptions& options, World&) {
  throw InputError(scenario.name, "", "unknown fault '" + options.fault + "'");
}

}  // namespace bitemark::sim
