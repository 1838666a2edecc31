// Implementation of json_member.
#pragma once

#include <cmath>
#include <limits>
#include <ranges>
#include <type_traits>
#include <utility>

#include "base/error.h"

namespace bitemark {

/// Whether a number is one of T's, and not merely can be made one: neither 64.5 nor 1e300 is a whole number of pixels.
template <typename T>
bool json_number_fits(const Json& value) {
  if (value.is_number_unsigned()) return std::in_range<T>(value.get<std::uint64_t>());
  if (value.is_number_integer()) return std::in_range<T>(value.get<std::int64_t>());
  const auto number = value.get<double>();
  constexpr double kExact = 9007199254740992.0;  // 2^53: below, a double is a whole number or is not
  return std::abs(number) <= kExact && std::trunc(number) == number &&
         std::in_range<T>(static_cast<std::int64_t>(number));
}

/// Throws InputError where `value`, or one of its elements, is not a T. What nlohmann's own conversion refuses is left
/// to it; it takes true for 1 and cuts numbers short.
template <typename T>
void check_json_numbers(const Json& value, const std::string& file, const std::string& pointer) {
  if constexpr (std::is_arithmetic_v<T> && !std::is_same_v<T, bool>) {
    if (value.is_boolean()) throw InputError(file, pointer, "has the wrong type: found boolean");
    if constexpr (std::is_integral_v<T>) {
      if (value.is_number() && !json_number_fits<T>(value))
        throw InputError(file, pointer,
                         "is " + value.dump() + ", expected a whole number from " +
                             std::to_string(std::numeric_limits<T>::min()) + " to " +
                             std::to_string(std::numeric_limits<T>::max()));
    }
  } else if constexpr (std::ranges::range<T> && !std::is_same_v<T, std::string> && !std::is_same_v<T, Json>) {
    if (!value.is_array()) return;
    for (std::size_t i = 0; i < value.size(); ++i)
      check_json_numbers<std::ranges::range_value_t<T>>(value[i], file, pointer + "/" + std::to_string(i));
  }
}

template <typename T>
T json_member(const Json& object, const char* key, const std::string& file, const std::string& where) {
  const std::string pointer = where + "/" + key;
  if (!object.is_object() || !object.contains(key)) throw InputError(file, pointer, "is missing");
  check_json_numbers<T>(object.at(key), file, pointer);
  try {
    return object.at(key).get<T>();
  } catch (const nlohmann::json::exception& error) {
    throw InputError(file, pointer, std::string("has the wrong type: found ") + object.at(key).type_name());
  }
}

template <typename T>
T json_member_or(const Json& object, const char* key, T otherwise, const std::string& file, const std::string& where) {
  return object.is_object() && !object.contains(key) ? otherwise : json_member<T>(object, key, file, where);
}

}  // namespace bitemark
