// From a scenario file with random parameters to numbers and words.
#pragma once

#include <functional>
#include <string>

#include "base/json.h"
#include "episode/geometry.h"
#include "sim/expression.h"
#include "sim/scenario.h"

namespace bitemark::sim {

/// What the random parameters came to in one take.
struct Parameters {
  Variables numbers;
  std::map<std::string, std::string> words;
  Json resolved = Json::object();  ///< all of them, in file order
};

/// One stream for each parameter, so that a new parameter changes none of the others. Out-of-distribution takes use a
/// parameter's "ood" range where it has one. A parameter named in `overrides` has that value instead of the one drawn.
Parameters draw_parameters(const Scenario& scenario, bool out_of_distribution, std::uint64_t seed,
                           const Json& overrides = Json::object());

/// Reads members of a JSON object; numbers may be expressions, texts may contain {parameter}. Throws InputError with
/// file and JSON pointer.
class Resolver {
 public:
  Resolver(const Json& object, std::string pointer, std::string file, const Parameters& parameters)
      : object_(object), pointer_(std::move(pointer)), file_(std::move(file)), parameters_(parameters) {}

  double number(const std::string& key) const;
  double number(const std::string& key, double fallback) const;
  Vec3 vector(const std::string& key) const;
  Vec3 vector(const std::string& key, const Vec3& fallback) const;
  std::string text(const std::string& key, const std::string& fallback) const;
  bool flag(const std::string& key) const;  ///< false when absent
  Resolver child(const std::string& key) const;
  void each(const std::string& key, const std::function<void(const Resolver&)>& use) const;
  void each_text(const std::string& key, const std::function<void(const std::string&)>& use) const;
  bool has(const std::string& key) const { return object_.contains(key); }
  const std::string& file() const { return file_; }
  const std::string& pointer() const { return pointer_; }

 private:
  const Json& member(const std::string& key) const;
  double to_number(const Json& value, const std::string& pointer) const;
  std::string fill(const std::string& text, const std::string& pointer) const;

  const Json& object_;
  std::string pointer_, file_;
  const Parameters& parameters_;
};

}  // namespace bitemark::sim
