// The shipped scenarios, for tests.
#pragma once

#include <filesystem>

#include "base/sha256.h"
#include "sim/simulate.h"

namespace bitemark {

inline std::filesystem::path scenario_path(const std::string& name) {
  return std::filesystem::path(BITEMARK_SOURCE_DIR) / "scenarios" / (name + ".json");
}
inline Scenario shipped(const std::string& name) { return load_scenario(scenario_path(name)); }

/// Pixels, depth, ids, flow and everything that is told of the world.
inline std::string digest(const Episode& episode) {
  Sha256 sum;
  sum.update(digest_of(episode.clip));
  for (const FrameTruth& truth : episode.truth) {
    sum.update(truth.depth.data(), truth.depth.size() * sizeof(float));
    sum.update(truth.ids.data(), truth.ids.size() * sizeof(std::uint16_t));
    sum.update(truth.flow_forward.data(), truth.flow_forward.size() * sizeof(float));
    sum.update(truth.flow_backward.data(), truth.flow_backward.size() * sizeof(float));
    sum.update(truth.flow_flags.data(), truth.flow_flags.size());
  }
  Json info = to_json(episode.info);
  for (const char* key : {"metrics", "tags"}) info.erase(key);  // no part of the world
  sum.update(info.dump());
  return hex(sum.finish()).substr(0, 16);
}

/// Small and quick.
inline RenderOptions small_options(int size = 32) {
  RenderOptions options;
  options.width = options.height = size;
  return options;
}

}  // namespace bitemark
