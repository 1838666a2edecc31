#include "sim/answer.h"

#include <algorithm>
#include <cmath>
#include <numbers>

#include "base/error.h"
#include "sim/vec.h"

namespace bitemark::sim {
namespace {

struct Candidate {
  std::string label;
  std::size_t body = 0;  ///< index in info.bodies
  std::uint16_t other = 0;
};

std::size_t body_index(const Resolver& in, const std::string& key, const EpisodeInfo& info) {
  const std::string name = in.text(key, "");
  for (std::size_t b = 0; b < info.bodies.size(); ++b) {
    if (info.bodies[b].name == name) return b;
  }
  throw InputError(in.file(), in.pointer() + "/" + key, "names no listed body");
}

std::vector<Candidate> candidates_of(const Resolver& in, const EpisodeInfo& info) {
  std::vector<Candidate> candidates;
  in.each("of", [&](const Resolver& one) {
    Candidate candidate;
    candidate.body = body_index(one, "body", info);
    candidate.label = one.text("label", one.text("body", ""));
    if (one.has("other")) candidate.other = info.bodies[body_index(one, "other", info)].id;
    candidates.push_back(candidate);
  });
  if (candidates.empty()) throw InputError(in.file(), in.pointer() + "/of", "names no body");
  return candidates;
}

/// What a rule of order sorts by: the candidate with the least comes first.
double order_key(const std::string& rule, const BodyState& state) {
  if (rule == "leftmost") return state.u;
  if (rule == "rightmost") return -state.u;
  if (rule == "topmost") return state.v;
  if (rule == "bottommost") return -state.v;
  return state.depth_m;  // nearest
}

std::string first_in_frame(const std::string& rule, const std::vector<Candidate>& candidates, const EpisodeInfo& info,
                           std::size_t frame) {
  const auto& states = info.states[frame];
  return std::min_element(candidates.begin(), candidates.end(),
                          [&](const Candidate& a, const Candidate& b) {
                            return order_key(rule, states[a.body]) < order_key(rule, states[b.body]);
                          })
      ->label;
}

bool in_picture(const BodyState& state, const EpisodeInfo& info) {
  return state.alive && state.depth_m > 0 && state.u >= 0 && state.v >= 0 && state.u < info.width &&
         state.v < info.height;
}

/// Which of the candidates' first contacts with their partners comes first.
Json first_contact(const std::vector<Candidate>& candidates, const EpisodeInfo& info) {
  for (const Event& event : info.events) {  // by step
    if (event.type != "contact_begin") continue;
    for (const Candidate& candidate : candidates) {
      const std::uint16_t id = info.bodies[candidate.body].id;
      const bool its = (event.ids[0] == id && event.ids[1] == candidate.other) ||
                       (event.ids[1] == id && event.ids[0] == candidate.other);
      if (its) return candidate.label;
    }
  }
  return nullptr;
}

/// Where a body has gone in the picture between the first and the last frame.
std::string direction_of(const Candidate& candidate, const EpisodeInfo& info) {
  const BodyState& from = info.states.front()[candidate.body];
  const BodyState& to = info.states.back()[candidate.body];
  const double right = to.u - from.u, down = to.v - from.v;
  if (std::hypot(right, down) < 0.02 * info.width) return "stays";
  if (std::abs(right) >= std::abs(down)) return right > 0 ? "right" : "left";
  return down > 0 ? "down" : "up";
}

/// The kind of camera path, from the cameras of the first shot alone.
std::string camera_path_of(const EpisodeInfo& info) {
  const Camera& first = info.cameras.front();
  const auto last = std::find_if(info.cameras.rbegin(), info.cameras.rend(),
                                 [&](const Camera& camera) { return camera.shot == first.shot; });
  const double zoom = last->fx / first.fx;
  if (zoom > 1.05) return "zoom in";
  if (zoom < 0.95) return "zoom out";
  const Vec3 moved = rotate(conjugate(first.X_WC.rotation), last->X_WC.position - first.X_WC.position);
  const Vec3 ahead0 = rotate(first.X_WC.rotation, {0, 0, 1}), ahead1 = rotate(last->X_WC.rotation, {0, 0, 1});
  const double turn = std::remainder(std::atan2(ahead1[1], ahead1[0]) - std::atan2(ahead0[1], ahead0[0]),
                                     2 * std::numbers::pi);  // to the left is positive
  const bool moves = norm(moved) > 0.1, turns = std::abs(turn) > 0.05;
  if (!moves && !turns) return "still";
  if (!moves) return turn > 0 ? "pan left" : "pan right";
  // A camera that goes right and turns left circles what it looks at, seen from above against the clock.
  if (turns) return turn > 0 ? "orbit right" : "orbit left";
  if (std::abs(moved[2]) >= std::abs(moved[0]) && std::abs(moved[2]) >= std::abs(moved[1])) {
    return moved[2] > 0 ? "dolly in" : "dolly out";
  }
  if (std::abs(moved[1]) > std::abs(moved[0])) return moved[1] < 0 ? "crane up" : "crane down";
  return moved[0] > 0 ? "truck right" : "truck left";
}

Json answer_one(const Resolver& in, const EpisodeInfo& info) {
  const std::string rule = in.text("rule", "");
  Json answer{{"question", in.text("question", "")}, {"rule", rule}};
  if (rule == "camera") {
    answer["value"] = camera_path_of(info);
    return answer;
  }
  const std::vector<Candidate> candidates = candidates_of(in, info);
  if (rule == "count") {
    answer["value"] = std::count_if(candidates.begin(), candidates.end(),
                                    [&](const Candidate& c) { return in_picture(info.states.back()[c.body], info); });
  } else if (rule == "color") {
    answer["value"] = info.bodies[candidates.front().body].color_name;
  } else if (rule == "first-contact") {
    answer["value"] = first_contact(candidates, info);
  } else if (rule == "direction") {
    answer["value"] = direction_of(candidates.front(), info);
  } else {
    answer["by_frame"] = Json::array();
    for (std::size_t t = 0; t < info.states.size(); ++t) {
      answer["by_frame"].push_back(first_in_frame(rule, candidates, info, t));
    }
    answer["value"] = answer["by_frame"].back();
  }
  return answer;
}

}  // namespace

Json answer_questions(const Scenario& scenario, const SceneSpec& scene, const EpisodeInfo& info) {
  Json answers = Json::array();
  Resolver(scenario.document, "", scenario.file, scene.parameters).each("answers", [&](const Resolver& in) {
    answers.push_back(answer_one(in, info));
  });
  return answers;
}

}  // namespace bitemark::sim
