// The shipped scenarios, for tests.
#pragma once

#include <filesystem>

#include "sim/simulate.h"

namespace bitemark {

inline std::filesystem::path scenario_path(const std::string& name) {
  return std::filesystem::path(BITEMARK_SOURCE_DIR) / "scenarios" / (name + ".json");
}
inline Scenario shipped(const std::string& name) { return load_scenario(scenario_path(name)); }

/// Small and quick.
inline RenderOptions small_options(int size = 32) {
  RenderOptions options;
  options.width = options.height = size;
  return options;
}

}  // namespace bitemark
