#include "sim/resolver.h"

#include <algorithm>
#include <stdexcept>
#include <vector>

#include "base/error.h"
#include "base/random.h"

namespace bitemark::sim {
namespace {

/// A choice, without the values that the parameters named in "not" have taken.
Json choose(const Json& choices, const Json& spec, const Parameters& so_far, const std::string& file,
            const std::string& pointer, Pcg32& random) {
  std::vector<Json> left;
  for (const Json& choice : choices) {
    bool taken = false;
    for (const Json& other : spec.value("not", Json::array())) {
      taken = taken || so_far.resolved.value(other.get<std::string>(), Json()) == choice;
    }
    if (!taken) left.push_back(choice);
  }
  if (left.empty()) throw InputError(file, pointer, "no choice is left");
  return left[random.below(static_cast<std::uint32_t>(left.size()))];
}

Json draw(const Json& spec, bool out_of_distribution, const Parameters& so_far, const std::string& file,
          const std::string& pointer, Pcg32 random) {
  const bool outside = out_of_distribution && spec.contains("ood");
  if (spec.contains("uniform")) {
    const Json& range = outside ? spec["ood"] : spec["uniform"];
    return random.uniform(range[0].get<double>(), range[1].get<double>());
  }
  if (spec.contains("choice"))
    return choose(outside ? spec["ood"] : spec["choice"], spec, so_far, file, pointer, random);
  const Json& value = spec["value"];
  if (value.is_number()) return value;
  try {
    return evaluate(value.get<std::string>(), so_far.numbers);
  } catch (const std::invalid_argument& error) {
    throw InputError(file, pointer + "/value", error.what());
  }
}

}  // namespace

Parameters draw_parameters(const Scenario& scenario, bool out_of_distribution, std::uint64_t seed,
                           const Json& overrides) {
  Parameters drawn;
  const Json specs = scenario.document.value("parameters", Json::object());
  for (const auto& [name, spec] : specs.items()) {
    const std::string pointer = "/parameters/" + name;
    const Json value = overrides.contains(name) ? overrides[name]
                                                : draw(spec, out_of_distribution, drawn, scenario.file, pointer,
                                                       stream_for(seed, "parameters/" + name));
    drawn.resolved[name] = value;
    if (value.is_number()) {
      drawn.numbers[name] = value.get<double>();
    } else {
      drawn.words[name] = value.get<std::string>();
      // expressions may use which of the choices it was: 0, 1, ...
      const Json choices = spec.value("choice", Json::array());
      const auto place = std::find(choices.begin(), choices.end(), value);
      drawn.numbers[name + "_index"] = static_cast<double>(place - choices.begin());
    }
  }
  return drawn;
}

const Json& Resolver::member(const std::string& key) const {
  if (!object_.contains(key)) throw InputError(file_, pointer_ + "/" + key, "is missing");
  return object_.at(key);
}

double Resolver::to_number(const Json& value, const std::string& pointer) const {
  if (value.is_number()) return value.get<double>();
  if (!value.is_string()) throw InputError(file_, pointer, "expected a number or an expression");
  try {
    return evaluate(value.get<std::string>(), parameters_.numbers);
  } catch (const std::invalid_argument& error) {
    throw InputError(file_, pointer, error.what());
  }
}

double Resolver::number(const std::string& key) const { return to_number(member(key), pointer_ + "/" + key); }
double Resolver::number(const std::string& key, double fallback) const {
  return object_.contains(key) ? number(key) : fallback;
}

Vec3 Resolver::vector(const std::string& key) const {
  const Json& value = member(key);
  const std::string pointer = pointer_ + "/" + key;
  if (!value.is_array() || value.size() != 3) throw InputError(file_, pointer, "expected an array of three numbers");
  Vec3 result{};
  for (std::size_t i = 0; i < 3; ++i) result[i] = to_number(value[i], pointer + "/" + std::to_string(i));
  return result;
}
Vec3 Resolver::vector(const std::string& key, const Vec3& fallback) const {
  return object_.contains(key) ? vector(key) : fallback;
}

std::string Resolver::fill(const std::string& text, const std::string& pointer) const {
  std::string result;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '{') {
      result += text[i];
      continue;
    }
    const std::size_t end = text.find('}', i);
    const std::string name = end == std::string::npos ? "" : text.substr(i + 1, end - i - 1);
    const auto word = parameters_.words.find(name);
    if (word == parameters_.words.end()) throw InputError(file_, pointer, "no parameter has the word {" + name + "}");
    result += word->second;
    i = end;
  }
  return result;
}

std::string Resolver::text(const std::string& key, const std::string& fallback) const {
  if (!object_.contains(key)) return fallback;
  const std::string pointer = pointer_ + "/" + key;
  if (!object_.at(key).is_string()) throw InputError(file_, pointer, "expected a text");
  return fill(object_.at(key).get<std::string>(), pointer);
}

bool Resolver::flag(const std::string& key) const { return object_.value(key, false); }

Resolver Resolver::child(const std::string& key) const {
  return {member(key), pointer_ + "/" + key, file_, parameters_};
}

void Resolver::each(const std::string& key, const std::function<void(const Resolver&)>& use) const {
  if (!object_.contains(key)) return;
  const Json& list = object_.at(key);
  for (std::size_t i = 0; i < list.size(); ++i) {
    use(Resolver(list[i], pointer_ + "/" + key + "/" + std::to_string(i), file_, parameters_));
  }
}

void Resolver::each_text(const std::string& key, const std::function<void(const std::string&)>& use) const {
  if (!object_.contains(key)) return;
  const Json& list = object_.at(key);
  for (std::size_t i = 0; i < list.size(); ++i) {
    use(fill(list[i].get<std::string>(), pointer_ + "/" + key + "/" + std::to_string(i)));
  }
}

}  // namespace bitemark::sim
