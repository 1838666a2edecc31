#include "sim/expression.h"

#include <gmock/gmock.h>

#include <cmath>
#include <stdexcept>

namespace bitemark::sim {
namespace {

TEST(Expression, FollowsPrecedence) {
  EXPECT_DOUBLE_EQ(evaluate("1 + 2 * 3 ^ 2", {}), 19);
  EXPECT_DOUBLE_EQ(evaluate("-2 ^ 2", {}), -4);
  EXPECT_DOUBLE_EQ(evaluate("2 ^ 3 ^ 2", {}), 512);
  EXPECT_DOUBLE_EQ(evaluate("(1 + 2) / 4 - 1", {}), -0.25);
}

TEST(Expression, KnowsNamesAndFunctions) {
  EXPECT_DOUBLE_EQ(evaluate("max(speed, 2) * sqrt(4)", {{"speed", 3}}), 6);
  EXPECT_NEAR(evaluate("sin(deg(30))", {}), 0.5, 1e-15);  // one rounding of pi / 180 and one of sin
}

TEST(Expression, NamesWhatIsWrong) {
  const auto message = [](const std::string& text) {
    try {
      evaluate(text, {});
    } catch (const std::invalid_argument& error) {
      return std::string(error.what());
    }
    return std::string("no error");
  };
  EXPECT_THAT(message("1 + height"), testing::HasSubstr("unknown name 'height'"));
  EXPECT_THAT(message("(1 + 2"), testing::HasSubstr("expected ')'"));
  EXPECT_THAT(message("1 2"), testing::HasSubstr("expected an operator at character 3"));
  EXPECT_THAT(message("1 / 0"), testing::HasSubstr("not a finite number"));
  EXPECT_THAT(message("round(1)"), testing::HasSubstr("unknown function round"));
  EXPECT_THAT(message(std::string(5000, '-') + "1"), testing::HasSubstr("nested"));
}

}  // namespace
}  // namespace bitemark::sim
