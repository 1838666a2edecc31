// Arithmetic in scenario files: "1.5 * radius + 0.2", "-speed * cos(deg(angle))".
#pragma once

#include <map>
#include <string>

namespace bitemark::sim {

using Variables = std::map<std::string, double>;

/// + - * / ^, parentheses, unary minus, names, pi, and sin cos tan sqrt abs sign min max deg (degrees to radians).
/// Angles are radians. Throws std::invalid_argument with a sentence that names the place in the text.
double evaluate(const std::string& text, const Variables& variables);

/// What is wrong with the text whatever the values of the variables, or "".
std::string check_expression(const std::string& text, const Variables& variables);

}  // namespace bitemark::sim
