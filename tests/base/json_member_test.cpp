// Members of JSON that others wrote: what is not exactly what was asked for is refused by its place.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>

#include "base/error.h"
#include "base/json.h"

namespace bitemark {
namespace {

using testing::HasSubstr;

TEST(JsonMember, NamesThePointer) {
  try {
    json_member<int>(Json{{"a", "text"}}, "a", "f.json", "/b");
    FAIL();
  } catch (const InputError& error) {
    EXPECT_THAT(error.what(), HasSubstr("f.json: /b/a: has the wrong type: found string"));
  }
}

template <typename T>
std::string refused(const Json& value) {
  try {
    json_member<T>({{"a", value}}, "a", "f.json");
  } catch (const InputError& error) {
    return error.what();
  }
  return "";
}

TEST(JsonMember, TakesANumberAsItIsOrNotAtAll) {
  for (const Json& value : {Json(64.5), Json(1e300), Json(-1e300), Json(3000000000U), Json(-3000000000)})
    EXPECT_THAT(refused<int>(value),
                HasSubstr("f.json: /a: is " + value.dump() + ", expected a whole number from -214"));
  EXPECT_THAT(refused<std::uint64_t>(-1), HasSubstr("is -1, expected a whole number from 0 to 18446744073709551615"));
  EXPECT_THAT(refused<int>(true), HasSubstr("/a: has the wrong type: found boolean"));
  EXPECT_THAT(refused<double>(false), HasSubstr("/a: has the wrong type: found boolean"));
  EXPECT_THAT(refused<std::vector<int>>({8, 4.5}), HasSubstr("f.json: /a/1: is 4.5"));
  EXPECT_THAT(refused<std::vector<int>>({8, "4"}), HasSubstr("f.json: /a: has the wrong type"));
  EXPECT_EQ(json_member<int>({{"a", 64.0}}, "a", "f.json"), 64);
  EXPECT_EQ(json_member<int>({{"a", -2147483648LL}}, "a", "f.json"), std::numeric_limits<int>::min());
  EXPECT_EQ(json_member<std::uint64_t>({{"a", 18446744073709551615ULL}}, "a", "f.json"), 18446744073709551615ULL);
  EXPECT_EQ(json_member<double>({{"a", 3}}, "a", "f.json"), 3.0);
}

TEST(JsonMember, MayBeMissingWhereItHasAnOtherwise) {
  EXPECT_EQ(json_member_or(Json::object(), "a", 5, "f.json"), 5);
  EXPECT_EQ(json_member_or({{"a", 6}}, "a", 5, "f.json"), 6);
  EXPECT_THROW(json_member_or({{"a", "6"}}, "a", 5, "f.json"), InputError);
  EXPECT_THROW(json_member_or(Json(3), "a", 5, "f.json"), InputError);
}

TEST(JsonMember, MistypedOnesAreNamed) {
  EXPECT_NO_THROW(expect_members({{"a", 1}}, {"a", "b"}, "f.json"));
  try {
    expect_members({{"a", 1}, {"frist", 2}}, {"a", "first"}, "f.json", "/entries/0");
    FAIL();
  } catch (const InputError& error) {
    EXPECT_STREQ(error.what(), "f.json: /entries/0/frist: is not known, expected one of a, first");
  }
}

}  // namespace
}  // namespace bitemark
