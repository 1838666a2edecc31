#include "base/error.h"

#include <fmt/format.h>

namespace bitemark {

InputError::InputError(const std::string& file, const std::string& place, const std::string& problem)
    : std::runtime_error(place.empty() ? fmt::format("{}: {}", file, problem)
                                       : fmt::format("{}: {}: {}", file, place, problem)),
      place_(place),
      problem_(problem) {}

void fail_check(const char* expression, const char* file, int line, const std::string& values) {
  throw std::logic_error(
      fmt::format("{}:{}: broken invariant: {}{}{}", file, line, expression, values.empty() ? "" : ": ", values));
}

}  // namespace bitemark
