#include "sim/pair.h"

#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "sim/vec.h"

namespace bitemark::sim {

Json overrides_of(const Scenario& scenario, const std::string& variant) {
  if (!scenario.document.contains("pair"))
    throw InputError(scenario.file, "/pair", "is missing: there are no variants");
  if (variant == "with") return Json::object();
  const Json& pair = scenario.document["pair"];
  if ((variant != "without" && variant != "null") || !pair.contains(variant)) {
    throw InputError(scenario.file, "/pair", "has no variant '" + variant + "'");
  }
  return pair[variant];
}

std::string partner_of(const std::string& variant) { return variant == "with" ? "without" : "with"; }

Json compare_futures(const Scenario& scenario, const std::string& variant, const std::vector<FrameWorld>& mine,
                     const std::vector<FrameWorld>& other) {
  Json result{{"variant", variant}, {"against", partner_of(variant)}, {"differs", scenario.document["pair"]["differs"]},
              {"first_frame", -1},  {"divergence_m", Json::array()},  {"divergence_light", Json::array()}};
  for (std::size_t t = 0; t < mine.size(); ++t) {
    double apart = 0, light = std::abs(mine[t].brightness - other[t].brightness);
    for (std::size_t b = 0; b < mine[t].bodies.size(); ++b) {
      const BodyFrame &a = mine[t].bodies[b], &c = other[t].bodies[b];
      light = std::max(light, std::abs(a.glow - c.glow));
      if (a.alive && c.alive) apart = std::max(apart, norm(a.X_WB.position - c.X_WB.position));
    }
    if (result["first_frame"] == -1 && (apart > 0 || light > 0)) result["first_frame"] = t;
    result["divergence_m"].push_back(apart);
    result["divergence_light"].push_back(light);
  }
  return result;
}

}  // namespace bitemark::sim
