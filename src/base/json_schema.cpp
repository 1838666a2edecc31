#include "base/json_schema.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <mutex>
#include <regex>
#include <set>

#include "base/error.h"

namespace bitemark {
namespace {

/// Compiling a pattern costs far more than matching it, and a schema has few: each is compiled once.
const std::regex& compiled(const std::string& pattern) {
  static std::mutex mutex;
  static std::map<std::string, std::regex> known;
  const std::scoped_lock lock(mutex);
  return known.try_emplace(pattern, pattern).first->second;
}

using Faults = std::vector<SchemaFault>;

const std::set<std::string> kKeywords{"$schema",       "$id",
                                      "$ref",          "$defs",
                                      "title",         "description",
                                      "default",       "examples",
                                      "type",          "enum",
                                      "const",         "items",
                                      "required",      "additionalProperties",
                                      "propertyNames", "properties",
                                      "anyOf",         "minItems",
                                      "maxItems",      "format",
                                      "pattern",       "minimum",
                                      "maximum",       "exclusiveMinimum",
                                      "minLength"};

std::string type_of(const Json& value) {
  if (value.is_number_integer()) return "integer";
  return value.is_number() ? "number" : value.type_name();
}

bool has_type(const Json& value, const std::string& type) {
  const std::string found = type_of(value);
  return found == type || (found == "integer" && type == "number");
}

std::string brief(const Json& value) {
  std::string text = value.dump();
  if (text.size() > 60) text = text.substr(0, 57) + "...";
  return text;
}

std::string join(const Json& list) {
  std::string text;
  for (const Json& entry : list)
    text += (text.empty() ? "" : ", ") + (entry.is_string() ? entry.get<std::string>() : entry.dump());
  return text;
}

/// Every schema inside a schema, so that unknown keywords are found when it is loaded.
void refuse_unknown_keywords(const Json& schema, const std::string& file, const std::string& pointer) {
  if (!schema.is_object()) return;  // true and false are schemas too
  for (const auto& [key, value] : schema.items()) {
    const std::string at = pointer_to(pointer, key);
    if (!kKeywords.contains(key)) throw InputError(file, at, "is a keyword that is not understood");
    if (key == "properties" || key == "$defs") {
      for (const auto& [name, child] : value.items()) refuse_unknown_keywords(child, file, pointer_to(at, name));
    } else if (key == "items" || key == "additionalProperties" || key == "propertyNames") {
      refuse_unknown_keywords(value, file, at);
    } else if (key == "anyOf") {
      for (std::size_t i = 0; i < value.size(); ++i)
        refuse_unknown_keywords(value[i], file, pointer_to(at, std::to_string(i)));
    }
  }
}

void check_number(const Json& schema, const Json& value, const std::string& pointer, Faults& faults) {
  const double x = value.get<double>();
  if (schema.contains("minimum") && x < schema["minimum"].get<double>()) {
    faults.push_back({pointer, fmt::format("found {}, expected at least {}", x, schema["minimum"].get<double>())});
  }
  if (schema.contains("maximum") && x > schema["maximum"].get<double>()) {
    faults.push_back({pointer, fmt::format("found {}, expected at most {}", x, schema["maximum"].get<double>())});
  }
  if (schema.contains("exclusiveMinimum") && x <= schema["exclusiveMinimum"].get<double>()) {
    faults.push_back(
        {pointer, fmt::format("found {}, expected more than {}", x, schema["exclusiveMinimum"].get<double>())});
  }
}

}  // namespace

std::string pointer_to(const std::string& parent, const std::string& key) {
  std::string escaped;
  for (const char c : key) escaped += c == '~' ? "~0" : c == '/' ? "~1" : std::string(1, c);
  return parent + "/" + escaped;
}

JsonSchema::JsonSchema(Json schema, const std::string& file, std::map<std::string, Format> formats)
    : schema_(std::move(schema)), file_(file), formats_(std::move(formats)) {
  refuse_unknown_keywords(schema_, file_, "");
}

Faults JsonSchema::check(const Json& document) const {
  Faults faults;
  check(schema_, document, "", faults);
  return faults;
}

const Json& JsonSchema::follow(const std::string& reference) const {
  if (reference.substr(0, 1) != "#") throw InputError(file_, reference, "refers to another file");
  try {
    return schema_.at(Json::json_pointer(reference.substr(1)));
  } catch (const nlohmann::json::exception&) {
    throw InputError(file_, reference, "refers to nothing");
  }
}

void JsonSchema::check(const Json& schema, const Json& value, const std::string& pointer, Faults& faults) const {
  if (schema.is_boolean()) {
    if (!schema.get<bool>()) faults.push_back({pointer, "is not expected here"});
    return;
  }
  if (schema.contains("$ref")) check(follow(schema["$ref"].get<std::string>()), value, pointer, faults);
  if (schema.contains("type")) {
    const Json types = schema["type"].is_array() ? schema["type"] : Json::array({schema["type"]});
    const bool fits = std::any_of(types.begin(), types.end(),
                                  [&](const Json& type) { return has_type(value, type.get<std::string>()); });
    if (!fits) {
      faults.push_back({pointer, fmt::format("found {} {}, expected {}", type_of(value), brief(value), join(types))});
      return;
    }
  }
  if (schema.contains("const") && value != schema["const"]) {
    faults.push_back({pointer, fmt::format("found {}, expected {}", brief(value), brief(schema["const"]))});
  }
  if (schema.contains("enum") &&
      std::find(schema["enum"].begin(), schema["enum"].end(), value) == schema["enum"].end()) {
    faults.push_back({pointer, fmt::format("found {}, expected one of {}", brief(value), join(schema["enum"]))});
  }
  if (value.is_object()) check_object(schema, value, pointer, faults);
  if (value.is_array()) check_array(schema, value, pointer, faults);
  if (value.is_number()) check_number(schema, value, pointer, faults);
  if (value.is_string()) check_text(schema, value.get<std::string>(), pointer, faults);
  if (schema.contains("anyOf")) check_any_of(schema, value, pointer, faults);
}

void JsonSchema::check_object(const Json& schema, const Json& value, const std::string& pointer, Faults& faults) const {
  for (const Json& name : schema.value("required", Json::array())) {
    if (!value.contains(name.get<std::string>())) {
      faults.push_back({pointer_to(pointer, name.get<std::string>()), "is missing"});
    }
  }
  const Json properties = schema.value("properties", Json::object());
  for (const auto& [key, member] : value.items()) {
    const std::string at = pointer_to(pointer, key);
    if (schema.contains("propertyNames")) check(schema["propertyNames"], Json(key), at, faults);
    if (properties.contains(key)) {
      check(properties[key], member, at, faults);
    } else if (schema.contains("additionalProperties")) {
      const Json& others = schema["additionalProperties"];
      if (others.is_boolean() && !others.get<bool>()) {
        faults.push_back({at, "is not known; known are " + join([&] {
                                Json names = Json::array();
                                for (const auto& [name, unused] : properties.items()) names.push_back(name);
                                return names;
                              }())});
      } else {
        check(others, member, at, faults);
      }
    }
  }
}

void JsonSchema::check_array(const Json& schema, const Json& value, const std::string& pointer, Faults& faults) const {
  if (schema.contains("minItems") && value.size() < schema["minItems"].get<std::size_t>()) {
    faults.push_back({pointer, fmt::format("has {} entries, expected at least {}", value.size(),
                                           schema["minItems"].get<std::size_t>())});
  }
  if (schema.contains("maxItems") && value.size() > schema["maxItems"].get<std::size_t>()) {
    faults.push_back({pointer, fmt::format("has {} entries, expected at most {}", value.size(),
                                           schema["maxItems"].get<std::size_t>())});
  }
  if (!schema.contains("items")) return;
  for (std::size_t i = 0; i < value.size(); ++i) {
    check(schema["items"], value[i], pointer_to(pointer, std::to_string(i)), faults);
  }
}

void JsonSchema::check_text(const Json& schema, const std::string& text, const std::string& pointer,
                            Faults& faults) const {
  if (schema.contains("minLength") && text.size() < schema["minLength"].get<std::size_t>()) {
    faults.push_back({pointer, fmt::format("\"{}\" is too short, expected at least {} characters", text,
                                           schema["minLength"].get<std::size_t>())});
  }
  if (schema.contains("pattern") && !std::regex_search(text, compiled(schema["pattern"].get<std::string>()))) {
    faults.push_back({pointer, fmt::format("\"{}\" does not match {}", text, schema["pattern"].get<std::string>())});
  }
  const auto format = formats_.find(schema.value("format", ""));
  if (format == formats_.end()) return;
  const std::string problem = format->second(text);
  if (!problem.empty()) faults.push_back({pointer, problem});
}

void JsonSchema::check_any_of(const Json& schema, const Json& value, const std::string& pointer, Faults& faults) const {
  // The faults of the alternative that comes nearest: those that lie deepest in the document, else the fewest.
  Faults nearest;
  for (const Json& alternative : schema["anyOf"]) {
    Faults here;
    check(alternative, value, pointer, here);
    if (here.empty()) return;
    const auto wrong_type = [&](const Faults& list) {
      return std::count_if(list.begin(), list.end(), [&](const SchemaFault& f) {
        return f.pointer == pointer && f.problem.substr(0, 5) == "found";
      });
    };
    if (nearest.empty() || wrong_type(here) < wrong_type(nearest)) nearest = here;
  }
  if (schema.contains("title") && nearest.size() == 1 && nearest.front().pointer == pointer &&
      nearest.front().problem.substr(0, 5) == "found") {
    nearest.front().problem =
        fmt::format("found {} {}, expected {}", type_of(value), brief(value), schema["title"].get<std::string>());
  }
  faults.insert(faults.end(), nearest.begin(), nearest.end());
}

}  // namespace bitemark
