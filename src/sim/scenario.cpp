#include "sim/scenario.h"

#include <algorithm>
#include <set>

#include "base/error.h"
#include "base/files.h"
#include "base/json_position.h"
#include "base/json_schema.h"
#include "sim/expression.h"
#include "sim/scene.h"

namespace bitemark {
namespace {

constexpr std::size_t kMaxScenarioBytes = std::size_t{1} << 20U;

/// The names that a scenario's expressions and captions may use. Lenient about a malformed file: the schema tells.
struct Names {
  sim::Variables numbers;
  std::set<std::string> words, all;
};

Names names_of(const Json& document) {
  Names names;
  if (!document.is_object() || !document.contains("parameters") || !document["parameters"].is_object()) return names;
  for (const auto& [name, spec] : document["parameters"].items()) {
    names.all.insert(name);
    const bool words = spec.is_object() && spec.contains("choice") && spec["choice"].is_array() &&
                       !spec["choice"].empty() && spec["choice"][0].is_string();
    if (words) names.words.insert(name);
    names.numbers[words ? name + "_index" : name] = 1;
  }
  return names;
}

std::string check_template(const std::string& text, const Names& names) {
  for (std::size_t open = text.find('{'); open != std::string::npos; open = text.find('{', open + 1)) {
    const std::size_t close = text.find('}', open);
    if (close == std::string::npos) return "\"" + text + "\" has a '{' without a '}'";
    const std::string name = text.substr(open + 1, close - open - 1);
    if (!names.words.contains(name)) return "\"" + text + "\": no parameter has words and the name '" + name + "'";
  }
  return "";
}

/// The published schema, as it stands beside the scenarios or else in the source tree.
struct SchemaFile {
  explicit SchemaFile(const std::filesystem::path& folder) : path(folder / "scenario.schema.json") {
    if (!std::filesystem::exists(path))
      path = std::filesystem::path(BITEMARK_SOURCE_DIR) / "scenarios" / "scenario.schema.json";
    document = load_json(path);
  }
  std::filesystem::path path;
  Json document;
};

/// The names of all bodies.
std::set<std::string> check_bodies(const Json& document, std::vector<SchemaFault>& faults) {
  const bool voxels = document.contains("voxels");
  for (const char* key : {"camera", "bodies", "joints", "actions"}) {
    if (voxels && document.contains(key)) {
      faults.push_back({"/" + std::string(key), "cannot stand beside \"voxels\""});
    }
  }
  std::set<std::string> bodies;
  if (voxels) bodies = {"ground", "trees", "agent", "overlay"};
  const std::string where = voxels ? "/voxels/blocks" : "/bodies";
  const Json list = document.value(Json::json_pointer(where), Json::array());
  for (std::size_t i = 0; i < list.size(); ++i) {
    const std::string name = list[i].value("name", "");
    if (!name.empty() && !bodies.insert(name).second) {
      faults.push_back({where + "/" + std::to_string(i) + "/name", "another body is called " + name});
    }
  }
  return bodies;
}

/// What a schema cannot say.
void check_meaning(const Json& document, std::vector<SchemaFault>& faults) {
  const Json parameters = document.value("parameters", Json::object());
  for (const auto& [name, spec] : parameters.items()) {
    for (const char* key : {"uniform", "ood"}) {
      if (!spec.contains("uniform") || !spec.contains(key)) continue;
      if (spec[key][0].get<double>() > spec[key][1].get<double>()) {
        faults.push_back({"/parameters/" + name + "/" + key, "ends before it begins"});
      }
    }
  }
  const std::set<std::string> bodies = check_bodies(document, faults);
  const Json pair = document.value("pair", Json::object());
  for (const char* variant : {"without", "null"}) {
    const Json values = pair.value(variant, Json::object());
    for (const auto& [name, value] : values.items()) {
      if (!parameters.contains(name))
        faults.push_back({std::string("/pair/") + variant + "/" + name, "is no parameter"});
    }
  }
  const Json rules = document.value("require", Json::array());
  for (std::size_t i = 0; i < rules.size(); ++i) {
    for (const char* key : {"body", "other"}) {
      if (rules[i].contains(key) && !bodies.contains(rules[i][key].get<std::string>())) {
        faults.push_back({"/require/" + std::to_string(i) + "/" + key, "names no body"});
      }
    }
  }
  const Json answers = document.value("answers", Json::array());
  for (std::size_t i = 0; i < answers.size(); ++i) {
    const std::string pointer = "/answers/" + std::to_string(i);
    if (!answers[i].contains("of") && answers[i]["rule"] != "camera") faults.push_back({pointer + "/of", "is missing"});
    const Json of = answers[i].value("of", Json::array());
    for (std::size_t k = 0; k < of.size(); ++k) {
      for (const char* key : {"body", "other"}) {
        if (of[k].contains(key) && !bodies.contains(of[k][key].get<std::string>())) {
          faults.push_back({pointer + "/of/" + std::to_string(k) + "/" + key, "names no body"});
        }
      }
    }
  }
  if (document["context_s"].get<double>() >= document["duration_s"].get<double>()) {
    faults.push_back({"/context_s", "is not shorter than duration_s"});
  }
}

std::vector<SchemaFault> find_faults(const Json& document, const SchemaFile& file) {
  const Names names = names_of(document);
  const JsonSchema schema(
      file.document, file.path.string(),
      {{"expression", [&](const std::string& text) { return sim::check_expression(text, names.numbers); }},
       {"template", [&](const std::string& text) { return check_template(text, names); }},
       {"parameter", [&](const std::string& text) {
          return names.all.contains(text) ? std::string() : "there is no parameter '" + text + "'";
        }}});
  std::vector<SchemaFault> faults = schema.check(document);
  if (faults.empty()) check_meaning(document, faults);
  return faults;
}

/// A file of the folder, its text kept for the lines of what is wrong.
struct ScenarioText {
  explicit ScenarioText(const std::filesystem::path& path)
      : ScenarioText(path.string(), read_file(path, kMaxScenarioBytes)) {}
  ScenarioText(std::string name, std::string content)
      : file(std::move(name)), text(std::move(content)), document(parse_json(text, file)) {}
  std::string file, text;
  Json document;
};

Scenario scenario_from(const ScenarioText& source) {
  Scenario scenario;
  scenario.file = source.file;
  scenario.document = source.document;
  const Json& json = scenario.document;
  scenario.name = json["name"].get<std::string>();
  scenario.family = json["family"].get<std::string>();
  scenario.summary = json["summary"].get<std::string>();
  scenario.duration_s = json["duration_s"].get<double>();
  scenario.context_s = json["context_s"].get<double>();
  scenario.modes = json["modes"].get<std::vector<std::string>>();
  scenario.metrics = json["metrics"].get<std::vector<std::string>>();
  scenario.tags = json.value("tags", std::vector<std::string>());
  return scenario;
}

/// `scenario` is filled when there is nothing wrong.
std::vector<ScenarioFault> check(const ScenarioText& source, const SchemaFile& schema, Scenario& scenario) {
  std::vector<SchemaFault> faults = find_faults(source.document, schema);
  if (faults.empty()) {
    scenario = scenario_from(source);
    try {
      sim::resolve(scenario, "train", 0, 0);  // unknown colours, missing sizes: what only a drawn take can tell
      return {};
    } catch (const InputError& error) {
      faults.push_back({error.place(), error.problem().empty() ? error.what() : error.problem()});
    }
  }
  const JsonPositions positions(source.text);
  std::vector<ScenarioFault> all;
  for (const auto& [pointer, problem] : faults) {
    all.push_back({pointer.empty() ? "/" : pointer, positions.line_of(pointer), problem});
  }
  return all;
}

Scenario read_scenario(const ScenarioText& source, const SchemaFile& schema) {
  Scenario scenario;
  const std::vector<ScenarioFault> faults = check(source, schema, scenario);
  if (faults.empty()) return scenario;
  std::string all;
  for (const ScenarioFault& fault : faults)
    all += "\n  line " + std::to_string(fault.line) + " " + fault.pointer + ": " + fault.problem;
  const std::string count = faults.size() == 1 ? "1 fault" : std::to_string(faults.size()) + " faults";
  throw InputError(source.file, "", "is not a scenario, " + count + ":" + all);
}

}  // namespace

std::vector<ScenarioFault> check_scenario(const std::filesystem::path& path) {
  return check_scenario_text(read_file(path, kMaxScenarioBytes), path);
}

std::vector<ScenarioFault> check_scenario_text(const std::string& text, const std::filesystem::path& path) {
  try {
    parse_json(text, path.string());
  } catch (const InputError& error) {
    const bool placed = error.place().starts_with("line ");
    return {{"/", placed ? std::stoi(error.place().substr(5)) : 1,
             (error.place().empty() ? "" : error.place() + ": ") + error.problem()}};
  }
  Scenario scenario;
  const ScenarioText source(path.string(), text);
  std::vector<ScenarioFault> faults = check(source, SchemaFile(path.parent_path()), scenario);
  const JsonPositions positions(text);
  for (const auto& [pointer, line] : positions.duplicates()) {
    faults.push_back({pointer, line, "is there twice; the later one counts"});
  }
  std::stable_sort(faults.begin(), faults.end(),
                   [](const ScenarioFault& a, const ScenarioFault& b) { return a.line < b.line; });
  return faults;
}

Scenario load_scenario(const std::filesystem::path& path) {
  return read_scenario(ScenarioText(path), SchemaFile(path.parent_path()));
}

std::vector<Scenario> load_scenarios(const std::filesystem::path& folder) {
  const SchemaFile schema(folder);
  std::vector<Scenario> scenarios;
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(folder, error)) {
    if (entry.path().extension() != ".json") continue;
    const ScenarioText source(entry.path());
    const Json& document = source.document;
    if (!document.is_object() || !(document.contains("bodies") || document.contains("voxels")))
      continue;  // faults.json, the schema
    scenarios.push_back(read_scenario(source, schema));
  }
  if (scenarios.empty()) throw InputError(folder.string(), "", "holds no scenario files");
  std::sort(scenarios.begin(), scenarios.end(), [](const Scenario& a, const Scenario& b) { return a.name < b.name; });
  return scenarios;
}

}  // namespace bitemark
