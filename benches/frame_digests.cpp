// Digests of every channel of every frame, for comparing builds and processors: scripts/determinism.sh.
// usage: frame_digests SECONDS SIZE [SCENARIO...]     one line of JSON a scenario; all scenarios when none is named
#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>

#include "base/error.h"
#include "base/json.h"
#include "base/parallel.h"
#include "base/sha256.h"
#include "sim/simulate.h"

namespace {

using namespace bitemark;

template <typename T>
std::string brief(const std::vector<T>& values) {
  return hex(Sha256().update(values.data(), values.size() * sizeof(T)).finish()).substr(0, 12);
}

std::string digest_of_states(const std::vector<BodyState>& states) {
  std::vector<double> numbers;
  for (const BodyState& s : states) {
    for (const auto* values : {s.X_WB.position.data(), s.velocity.data(), s.angular_velocity.data()})
      numbers.insert(numbers.end(), values, values + 3);
    numbers.insert(numbers.end(), s.X_WB.rotation.begin(), s.X_WB.rotation.end());
    numbers.insert(numbers.end(), {s.mass_kg, s.u, s.v, s.depth_m});
  }
  return brief(numbers);
}

Json digests_of(const Scenario& scenario, double seconds, int size) {
  RenderOptions options;
  options.width = options.height = size;
  options.duration_s = std::min(seconds, scenario.duration_s);
  options.threads = default_threads();
  const Episode episode = render_episode(scenario, "test", 0, options);
  options.samples = 1;  // made of the labels' own samples
  options.flow = false;
  const Episode quick = render_episode(scenario, "test", 0, options);
  Json frames = Json::array();
  for (std::size_t t = 0; t < episode.truth.size(); ++t) {
    const FrameTruth& truth = episode.truth[t];
    frames.push_back({{"states", digest_of_states(episode.info.states[t])},
                      {"depth", brief(truth.depth)},
                      {"ids", brief(truth.ids)},
                      {"flow_forward", brief(truth.flow_forward)},
                      {"flow_backward", brief(truth.flow_backward)},
                      {"flow_flags", brief(truth.flow_flags)},
                      {"colour", brief(episode.clip.frames[t].rgb)},
                      {"colour of one sample", brief(quick.clip.frames[t].rgb)}});
  }
  return {{"scenario", scenario.name},
          {"parameters", sha256_hex(episode.info.parameters.dump()).substr(0, 12)},
          {"told", sha256_hex(to_json(episode.info).dump()).substr(0, 12)},
          {"frames", frames}};
}

}  // namespace

int main(int argc, char** argv) {
  try {
    const double seconds = argc > 1 ? std::atof(argv[1]) : 2;
    const int size = argc > 2 ? std::atoi(argv[2]) : 64;
    const std::vector<std::string> names(argv + std::min(argc, 3), argv + argc);
    for (const Scenario& scenario : load_scenarios(std::string(BITEMARK_SOURCE_DIR) + "/scenarios")) {
      if (!names.empty() && std::find(names.begin(), names.end(), scenario.name) == names.end()) continue;
      fmt::print("{}\n", digests_of(scenario, seconds, size).dump());
      std::fflush(stdout);
    }
    return 0;
  } catch (const std::exception& error) {
    fmt::print(stderr, "frame_digests: {}\n", error.what());
    return 4;
  }
}
