// Implementation of json_member.
#pragma once

#include "base/error.h"

namespace bitemark {

template <typename T>
T json_member(const Json& object, const char* key, const std::string& file, const std::string& where) {
  const std::string pointer = where + "/" + key;
  if (!object.is_object() || !object.contains(key)) throw InputError(file, pointer, "is missing");
  try {
    return object.at(key).get<T>();
  } catch (const nlohmann::json::exception& error) {
    throw InputError(file, pointer, std::string("has the wrong type: found ") + object.at(key).type_name());
  }
}

}  // namespace bitemark
