#include "sim/expression.h"

#include <algorithm>
#include <cctype>
#include <cmath>
#include <cstdlib>
#include <numbers>
#include <stdexcept>
#include <vector>

namespace bitemark::sim {
namespace {

/// Recursive descent: sum -> product -> power -> primary.
class Parser {
 public:
  Parser(const std::string& text, const Variables& variables) : text_(text), variables_(variables) {}

  double parse() {
    const double value = sum();
    if (peek() != '\0') fail("an operator");
    return value;
  }
  double parse_finite() {
    const double value = parse();
    if (!std::isfinite(value)) throw std::invalid_argument("\"" + text_ + "\" is not a finite number");
    return value;
  }

 private:
  char peek() {
    while (at_ < text_.size() && std::isspace(static_cast<unsigned char>(text_[at_]))) ++at_;
    return at_ < text_.size() ? text_[at_] : '\0';
  }
  bool take(char c) {
    if (peek() != c) return false;
    ++at_;
    return true;
  }
  [[noreturn]] void fail(const std::string& expected) const {
    throw std::invalid_argument("expected " + expected + " at character " + std::to_string(at_ + 1) + " of \"" + text_ +
                                "\"");
  }

  double sum() {
    double value = product();
    while (true) {
      if (take('+')) {
        value += product();
      } else if (take('-')) {
        value -= product();
      } else {
        return value;
      }
    }
  }
  double product() {
    double value = power();
    while (true) {
      if (take('*')) {
        value *= power();
      } else if (take('/')) {
        value /= power();
      } else {
        return value;
      }
    }
  }
  double power() {
    if (++depth_ > 64) fail("fewer nested operators");
    const double value = take('-') ? -power() : raised(primary());
    --depth_;
    return value;
  }
  double raised(double base) { return take('^') ? std::pow(base, power()) : base; }

  double primary() {
    const char c = peek();
    if (take('(')) {
      if (++depth_ > 64) fail("fewer nested parentheses");
      const double value = sum();
      --depth_;
      if (!take(')')) fail("')'");
      return value;
    }
    if (std::isdigit(static_cast<unsigned char>(c)) || c == '.') return number();
    if (std::isalpha(static_cast<unsigned char>(c))) return name();
    fail("a number, a name or '('");
  }
  double number() {
    char* end = nullptr;
    const double value = std::strtod(text_.c_str() + at_, &end);
    if (end == text_.c_str() + at_) fail("a number");
    at_ = static_cast<std::size_t>(end - text_.c_str());
    return value;
  }
  double name() {
    std::string word;
    while (at_ < text_.size() && (std::isalnum(static_cast<unsigned char>(text_[at_])) || text_[at_] == '_')) {
      word += text_[at_++];
    }
    if (take('(')) return call(word, arguments());
    if (word == "pi") return std::numbers::pi;
    const auto found = variables_.find(word);
    if (found == variables_.end()) throw std::invalid_argument("unknown name '" + word + "' in \"" + text_ + "\"");
    return found->second;
  }
  std::vector<double> arguments() {
    if (++depth_ > 64) fail("fewer nested calls");
    std::vector<double> values{sum()};
    while (take(',')) values.push_back(sum());
    if (!take(')')) fail("')'");
    --depth_;
    return values;
  }
  double call(const std::string& f, const std::vector<double>& x) const {
    if (x.size() == 2 && f == "min") return std::min(x[0], x[1]);
    if (x.size() == 2 && f == "max") return std::max(x[0], x[1]);
    if (x.size() == 1) {
      if (f == "sin") return std::sin(x[0]);
      if (f == "cos") return std::cos(x[0]);
      if (f == "tan") return std::tan(x[0]);
      if (f == "sqrt") return std::sqrt(x[0]);
      if (f == "abs") return std::abs(x[0]);
      if (f == "sign") return x[0] > 0 ? 1 : x[0] < 0 ? -1 : 0;
      if (f == "deg") return x[0] * std::numbers::pi / 180;
    }
    throw std::invalid_argument("unknown function " + f + " of " + std::to_string(x.size()) + " arguments in \"" +
                                text_ + "\"");
  }

  const std::string& text_;
  const Variables& variables_;
  std::size_t at_ = 0;
  int depth_ = 0;
};

}  // namespace

double evaluate(const std::string& text, const Variables& variables) { return Parser(text, variables).parse_finite(); }

std::string check_expression(const std::string& text, const Variables& variables) {
  try {
    Parser(text, variables).parse();
    return "";
  } catch (const std::invalid_argument& error) {
    return error.what();
  }
}

}  // namespace bitemark::sim
