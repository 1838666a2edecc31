// JSON files with positions in their errors.
#pragma once

#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace bitemark {

using Json = nlohmann::ordered_json;  // keeps the order of the file: what a person wrote is what a person reads

/// Parses a file. Throws InputError with line and column when it is not JSON, is deeper than 64 levels or larger
/// than 64 MiB.
Json load_json(const std::filesystem::path& path);
Json parse_json(const std::string& text, const std::string& file);

/// Atomic, indented by two spaces, newline at the end. Refuses non-finite numbers (std::logic_error).
void save_json(const std::filesystem::path& path, const Json& value);

/// The member `key` of an object, as type T. Throws InputError with file and JSON pointer when it is missing, of
/// another type, or a number that T cannot hold as it is. `where` is the pointer of `object`.
template <typename T>
T json_member(const Json& object, const char* key, const std::string& file, const std::string& where = "");
/// The same, `otherwise` where it is missing.
template <typename T>
T json_member_or(const Json& object, const char* key, T otherwise, const std::string& file,
                 const std::string& where = "");
/// Throws InputError for a member of an object that is none of `known`: a mistyped one would go unnoticed.
void expect_members(const Json& object, const std::vector<std::string>& known, const std::string& file,
                    const std::string& where = "");

}  // namespace bitemark

#include "base/json_member.h"
