#include "base/json_position.h"

#include <gtest/gtest.h>

#include "base/json.h"

namespace bitemark {
namespace {

TEST(JsonPositions, KnowsTheLineOfEveryValue) {
  const JsonPositions at(R"({
  "a": {"b": [1,
    2, {"c/d": "a \"quoted\" { brace",
        "e~": null}]},
  "f": true
})");
  EXPECT_EQ(at.line_of(""), 1);
  EXPECT_EQ(at.line_of("/a"), 2);
  EXPECT_EQ(at.line_of("/a/b/0"), 2);
  EXPECT_EQ(at.line_of("/a/b/1"), 3);
  EXPECT_EQ(at.line_of("/a/b/2/c~1d"), 3);
  EXPECT_EQ(at.line_of("/a/b/2/e~0"), 4);
  EXPECT_EQ(at.line_of("/f"), 5);
}

TEST(JsonPositions, WhatIsMissingIsWhereItsObjectStands) {
  const JsonPositions at("{\n\"a\":\n{\"b\": 1}}");
  EXPECT_EQ(at.line_of("/a/x/y/z"), 3);
  EXPECT_EQ(at.line_of("/nothing"), 1);
}

TEST(JsonPositions, TellsWhatIsThereTwice) {
  const JsonPositions at("{\"a\": 1,\n\"b\": {\"x\": 1, \"x\": 2},\n\"a\": 3}");
  ASSERT_EQ(at.duplicates().size(), 2U);
  EXPECT_EQ(at.duplicates()[0], std::make_pair(std::string("/b/x"), 2));
  EXPECT_EQ(at.duplicates()[1], std::make_pair(std::string("/a"), 3));
}

// Whatever the text, it ends, and says a line of the file.
TEST(JsonPositions, EndsOnAnyText) {
  for (const std::string text :
       {"", "{", "[", "{\"", "{\"a\"", "{\"a\":", "[1,", "[[[[", "}", "{]", "[}", "\"\\", "{1:2}", "[,,]"}) {
    const JsonPositions at(text);
    EXPECT_GE(at.line_of("/a/b"), 1) << text;
  }
  const std::string deep(100000, '[');
  EXPECT_EQ(JsonPositions(deep).line_of("/0/0"), 1);
}

}  // namespace
}  // namespace bitemark
