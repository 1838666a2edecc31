#include "sim/explain.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace bitemark {
namespace {

/// A number, an expression or a vector of them, as the file has it.
std::string words(const Json& value) {
  if (value.is_string()) return value.get<std::string>();
  if (!value.is_array()) return value.dump();
  std::string all;
  for (const Json& entry : value) all += (all.empty() ? "" : ", ") + words(entry);
  return all;
}

std::string vector(const Json& value) { return "(" + words(value) + ")"; }

/// "1 to 2 s", from the members from_s and to_s.
std::string span(const Json& object) {
  const bool from = object.contains("from_s"), to = object.contains("to_s");
  if (from && to) return fmt::format("from {} to {} s", words(object["from_s"]), words(object["to_s"]));
  if (from) return fmt::format("from {} s on", words(object["from_s"]));
  return to ? fmt::format("until {} s", words(object["to_s"])) : "all the time";
}

std::string note(const Json& object) {
  return object.contains("description") ? "  # " + object["description"].get<std::string>() : "";
}

// --- parameters

std::string range(const Json& spec, const char* member) {
  if (!spec.contains(member)) return "";
  return spec.contains("uniform") ? fmt::format("{} to {}", spec[member][0].dump(), spec[member][1].dump())
                                  : words(spec[member]);
}

std::string one_parameter(const std::string& name, const Json& spec) {
  if (spec.contains("value")) return fmt::format("  {} = {}{}\n", name, words(spec["value"]), note(spec));
  const char* drawn = spec.contains("uniform") ? "uniform" : "choice";
  std::string line = fmt::format("  {}: {}", name, range(spec, drawn));
  if (spec.contains("ood")) line += fmt::format("; ood: {}", range(spec, "ood"));
  if (spec.contains("not")) line += fmt::format("; never the same as {}", words(spec["not"]));
  return line + note(spec) + "\n";
}

std::string parameters(const Json& document) {
  const Json specs = document.value("parameters", Json::object());
  if (specs.empty()) return "";
  std::string text = "\nDrawn for each take (train and test alike; ood where it says so)\n";
  for (const auto& [name, spec] : specs.items()) text += one_parameter(name, spec);
  return text;
}

// --- bodies

std::string role_of(const Json& body) {
  if (body.value("background", false)) return "background";
  if (body.contains("path")) return body.value("actor", false) ? "moved by a script, the actor" : "moved by a script";
  if (body.value("fixed", false)) return "fixed";
  return body.value("shape", "") == "plane" ? "fixed" : "moves by physics";
}

std::string one_body(const Json& body) {
  std::string line = fmt::format("  {}: {}", body.value("name", ""), words(body["shape"]));
  if (body.contains("color")) line += ", " + words(body["color"]);
  if (body.contains("material")) line += ", " + words(body["material"]);
  line += "; " + role_of(body);
  if (body.value("tracked", false)) line += ", tracked by the metrics";
  line += "\n      ";
  for (const char* key : {"radius", "height", "size", "extent"}) {
    if (body.contains(key)) line += fmt::format("{} {}, ", key, words(body[key]));
  }
  line += "at " + vector(body["position"]);
  if (body.contains("velocity")) line += ", velocity " + vector(body["velocity"]);
  if (body.contains("spin")) line += ", spin " + vector(body["spin"]);
  if (body.contains("path")) line += fmt::format(", a path of {} keys", body["path"].size());
  if (body.contains("present")) line += fmt::format(", there only where {} is not 0", words(body["present"]));
  if (body.contains("breaks_at_Ns")) line += fmt::format(", breaks at {} N s", words(body["breaks_at_Ns"]));
  if (body.contains("lamp")) line += body.value("lit", false) ? ", a lamp that is on" : ", a lamp that is off";
  return line + note(body) + "\n";
}

std::string bodies(const Json& document) {
  std::string text = "\nBodies (SI units)\n";
  for (const Json& body : document["bodies"]) text += one_body(body);
  for (const Json& joint : document.value("joints", Json::array())) {
    text += fmt::format("  {} is held at {}{}\n", words(joint["body"]), vector(joint["at"]),
                        joint.contains("axis") ? " and turns about " + vector(joint["axis"]) : "");
  }
  return text;
}

std::string blocks(const Json& voxels) {
  std::string text = "\nA world of blocks with a player\n";
  for (const Json& block : voxels.value("blocks", Json::array())) {
    if (!block.contains("name")) continue;
    text += fmt::format("  {}: {}{}{}\n", words(block["name"]), words(block["kind"]),
                        block.contains("color") ? ", " + words(block["color"]) : "",
                        block.contains("at") ? ", at " + vector(block["at"]) + " from the player" : ", placed later");
  }
  for (const Json& step : voxels["policy"]) {
    text += fmt::format("  the player: {} ", words(step["do"]));
    text += step.contains("at_s") ? "at " + words(step["at_s"]) + " s" : span(step);
    for (const char* key : {"block", "direction", "becomes", "yaw_deg", "pitch_deg", "slot"}) {
      if (step.contains(key)) text += fmt::format(", {} {}", key, words(step[key]));
    }
    text += "\n";
  }
  return text;
}

// --- camera, actions

std::string one_move(const Json& move) {
  std::string line = fmt::format("  {} {}", words(move["type"]), span(move));
  if (move.contains("angle_deg")) line += fmt::format(" by {} degrees", words(move["angle_deg"]));
  if (move.contains("shift")) line += " by " + vector(move["shift"]);
  if (move.contains("factor")) line += fmt::format(" by a factor of {}", words(move["factor"]));
  return line + "\n";
}

std::string camera(const Json& document) {
  const Json& camera = document["camera"];
  std::string text = fmt::format("\nCamera at {}, looking at {}, {} degrees across the shorter side\n",
                                 vector(camera["position"]), vector(camera["look_at"]), words(camera["fov_deg"]));
  for (const Json& move : camera.value("moves", Json::array())) text += one_move(move);
  for (const Json& shot : camera.value("shots", Json::array())) {
    text += fmt::format("  a cut at {} s to a camera at {}\n", words(shot["from_s"]), vector(shot["position"]));
    for (const Json& move : shot.value("moves", Json::array())) text += "  " + one_move(move);
  }
  return text;
}

std::string one_action(const Json& action) {
  const std::string type = action["type"];
  const std::string when = action.contains("at_s") ? "at " + words(action["at_s"]) + " s" : "";
  if (type == "bite")
    return fmt::format("  jaws bite {} {}, a mark of radius {} m", words(action["target"]), when,
                       words(action["radius"]));
  if (type == "push")
    return fmt::format("  {} is pushed {}: {} m/s are added to its velocity", words(action["body"]), when,
                       vector(action["velocity"]));
  if (type == "trail")
    return fmt::format("  {} leaves a trail ({}) on {}, {} m wide", words(action["by"]), action.value("kind", "paint"),
                       words(action["on"]), words(action["width"]));
  const std::string cause =
      when.empty() ? fmt::format("when {} touches {}", words(action["by"]), words(action["on"])) : when;
  return fmt::format("  the {} is switched to {} {}",
                     action.contains("lamp") ? "lamp " + words(action["lamp"]) : "light of the room",
                     words(action["brightness"]), cause);
}

std::string actions(const Json& document) {
  const Json list = document.value("actions", Json::array());
  std::string text = list.empty() ? "" : "\nDone to the world\n";
  for (const Json& action : list) text += one_action(action) + note(action) + "\n";
  return text;
}

// --- what is asked

std::string conditioning(const Scenario& scenario) {
  const Json& document = scenario.document;
  std::string text = "\nCaptions (all true of a take; one is given)\n";
  for (const Json& caption : document["captions"]) text += "  " + words(caption) + "\n";
  text += "\nA generator is given\n";
  for (const std::string& mode : scenario.modes) {
    text += mode == "continuation" ? fmt::format("  continuation: the first {} s and a caption\n", scenario.context_s)
                                   : "  text-to-video: a caption alone\n";
  }
  const Json camera = document.value("camera", Json::object());
  std::string told;
  const auto tell = [&](const std::string& what) {
    if (told.find(", " + what) == std::string::npos) told += ", " + what;  // two bites are told of once
  };
  if (camera.contains("moves") || camera.contains("shots")) tell("the camera's path");
  for (const Json& action : document.value("actions", Json::array())) {
    if (action["type"] == "bite") tell("where and when the jaws bite");
    if (action["type"] == "push") tell("the push");
  }
  for (const Json& body : document.value("bodies", Json::array())) {
    if (body.value("actor", false)) tell("what " + words(body["name"]) + " does");
  }
  if (document.contains("voxels")) tell("the player's 25 actions a frame");
  return text + "  controls: " + (told.empty() ? "nothing but a camera that stands still" : told.substr(2)) + "\n";
}

std::string one_rule(const Json& rule) {
  std::string line = "  " + words(rule["rule"]);
  for (const char* key : {"body", "other", "type"}) {
    if (rule.contains(key)) line += " " + words(rule[key]);
  }
  for (const char* key : {"min_px", "min_frames", "min_m", "max_m"}) {
    if (rule.contains(key)) line += fmt::format(", {} {}", key, words(rule[key]));
  }
  return line + ", " + span(rule) + note(rule) + "\n";
}

std::string rules(const Json& document) {
  const Json list = document.value("require", Json::array());
  std::string text = list.empty() ? "\nEvery draw is accepted\n" : "\nA draw is rejected unless\n";
  for (const Json& rule : list) text += one_rule(rule);
  return text;
}

std::string questions(const Json& document) {
  std::string text;
  for (const Json& answer : document.value("answers", Json::array())) {
    text += fmt::format("  {} ({})\n", words(answer["question"]), words(answer["rule"]));
  }
  if (!text.empty()) text = "\nQuestions with exact answers\n" + text;
  if (!document.contains("pair")) return text;
  const Json& pair = document["pair"];
  text += fmt::format("\nA matched pair: with and without {}\n  without: {}\n", words(pair["differs"]),
                      pair["without"].dump());
  if (pair.contains("null")) text += "  null, which changes nothing: " + pair["null"].dump() + "\n";
  return text;
}

}  // namespace

std::string explain(const Scenario& scenario) {
  const Json& document = scenario.document;
  std::string text = fmt::format("{} ({}): {}\n", scenario.name, scenario.family, scenario.summary);
  if (document.contains("description")) text += document["description"].get<std::string>() + "\n";
  text += fmt::format("{} s, physics at {} Hz, solver {}", scenario.duration_s, document.value("step_hz", 960),
                      document.value("solver", "bouncing"));
  if (!scenario.tags.empty()) text += fmt::format("; tags: {}", fmt::join(scenario.tags, ", "));
  text += "\n";
  const bool voxels = document.contains("voxels");
  text += voxels ? blocks(document["voxels"]) : bodies(document);
  text += parameters(document);
  if (!voxels) text += camera(document) + actions(document);
  text += conditioning(scenario) + questions(document) + rules(document);
  text += scenario.metrics.empty() ? "\nStaged, not scored: no metric is named\n"
                                   : fmt::format("\nMetrics: {}\n", fmt::join(scenario.metrics, ", "));
  return text;
}

}  // namespace bitemark
