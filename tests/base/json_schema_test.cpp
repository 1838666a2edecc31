#include "base/json_schema.h"

#include <gmock/gmock.h>

#include "base/error.h"

namespace bitemark {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

std::vector<std::string> faults(const char* schema, const char* document) {
  std::vector<std::string> lines;
  for (const SchemaFault& fault : JsonSchema(Json::parse(schema), "schema").check(Json::parse(document))) {
    lines.push_back(fault.pointer + ": " + fault.problem);
  }
  return lines;
}

TEST(JsonSchema, ReportsEveryFault) {
  const char* schema = R"({"type": "object", "required": ["a", "b"], "additionalProperties": false, "properties": {
      "a": {"type": "integer", "minimum": 1}, "b": {"enum": ["x", "y"]},
      "c": {"type": "array", "maxItems": 2, "items": {"type": "string", "minLength": 2}}}})";
  EXPECT_THAT(faults(schema, R"({"a": 1, "b": "x", "c": ["no", "yes"]})"), IsEmpty());
  EXPECT_THAT(faults(schema, R"({"a": 0, "c": ["n", 1, "yes"], "d/e": 1})"),
              ElementsAre("/b: is missing", "/a: found 0, expected at least 1", "/c: has 3 entries, expected at most 2",
                          "/c/0: \"n\" is too short, expected at least 2 characters",
                          "/c/1: found integer 1, expected string", "/d~1e: is not known; known are a, b, c"));
}

TEST(JsonSchema, AnyOfReportsTheNearestAlternative) {
  const char* schema = R"({"anyOf": [{"type": "number"}, {"type": "array", "items": {"type": "number"}}]})";
  EXPECT_THAT(faults(schema, "[1, 2.5]"), IsEmpty());
  EXPECT_THAT(faults(schema, "[1, true]"), ElementsAre("/1: found boolean true, expected number"));
  EXPECT_THAT(faults(R"({"title": "a number or a word", "anyOf": [{"type": "number"}, {"type": "string"}]})", "[]"),
              ElementsAre(": found array [], expected a number or a word"));
}

TEST(JsonSchema, FollowsReferencesAndFormats) {
  const Json schema = Json::parse(R"({"$defs": {"even": {"type": "string", "format": "even"}}, "type": "array",
                                      "items": {"$ref": "#/$defs/even"}})");
  const JsonSchema even(
      schema, "schema",
      {{"even", [](const std::string& text) { return text.size() % 2 == 0 ? std::string() : "is odd"; }}});
  const auto found = even.check(Json::parse(R"(["ab", "abc"])"));
  ASSERT_EQ(found.size(), 1U);
  EXPECT_EQ(found[0].pointer, "/1");
  EXPECT_EQ(found[0].problem, "is odd");
}

TEST(JsonSchema, RefusesWhatItDoesNotUnderstand) {
  EXPECT_THROW(JsonSchema(Json::parse(R"({"properties": {"a": {"multipleOf": 2}}})"), "schema"), InputError);
  const JsonSchema lost(Json::parse(R"({"$ref": "#/$defs/nowhere"})"), "schema");
  EXPECT_THROW(lost.check(Json(1)), InputError);
}

}  // namespace
}  // namespace bitemark
