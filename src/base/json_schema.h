// Checks JSON against a JSON Schema (draft 2020-12, the part that our schemas use) and reports everything that is
// wrong, not only the first.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "base/json.h"

namespace bitemark {

struct SchemaFault {
  std::string pointer;  ///< JSON pointer into the document
  std::string problem;  ///< what was found and what was expected
};

/// Understands type, enum, const, properties, required, additionalProperties, propertyNames, items, minItems,
/// maxItems, minimum, maximum, exclusiveMinimum, minLength, pattern, anyOf, $ref into the same file, and format.
/// Other keywords that check something are refused: a schema that is only half enforced would mislead.
class JsonSchema {
 public:
  /// What a "format" means: the problem with a text, or "" when it is fine.
  using Format = std::function<std::string(const std::string& text)>;

  /// Throws InputError naming the keyword that is not understood.
  JsonSchema(Json schema, const std::string& file, std::map<std::string, Format> formats = {});
  std::vector<SchemaFault> check(const Json& document) const;

 private:
  void check(const Json& schema, const Json& value, const std::string& pointer, std::vector<SchemaFault>& faults) const;
  void check_object(const Json& schema, const Json& value, const std::string& pointer,
                    std::vector<SchemaFault>& faults) const;
  void check_array(const Json& schema, const Json& value, const std::string& pointer,
                   std::vector<SchemaFault>& faults) const;
  void check_text(const Json& schema, const std::string& text, const std::string& pointer,
                  std::vector<SchemaFault>& faults) const;
  void check_any_of(const Json& schema, const Json& value, const std::string& pointer,
                    std::vector<SchemaFault>& faults) const;
  const Json& follow(const std::string& reference) const;

  Json schema_;
  std::string file_;
  std::map<std::string, Format> formats_;
};

/// "#/a/b~1c" without the '#': the pointer of a member.
std::string pointer_to(const std::string& parent, const std::string& key);

}  // namespace bitemark
