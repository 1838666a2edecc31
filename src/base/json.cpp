#include "base/json.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <iterator>

#include "base/error.h"
#include "base/files.h"

namespace bitemark {
namespace {

constexpr std::size_t kMaxBytes = std::size_t{64} << 20U;
constexpr int kMaxDepth = 64;
constexpr std::size_t kMaxReason = 200;

std::string position_of(const std::string& text, std::size_t byte) {
  const auto end = text.begin() + static_cast<std::ptrdiff_t>(std::min(byte == 0 ? 0 : byte - 1, text.size()));
  const auto line = 1 + std::count(text.begin(), end, '\n');
  const auto start = std::find(std::make_reverse_iterator(end), text.rend(), '\n').base();
  return fmt::format("line {}, column {}", line, end - start + 1);
}

void check_finite(const Json& value) {
  if (value.is_number_float()) BITEMARK_CHECK(std::isfinite(value.get<double>()), "a number in JSON is not finite");
  if (value.is_structured())
    for (const auto& child : value) check_finite(child);
}

}  // namespace

Json parse_json(const std::string& text, const std::string& file) {
  const auto limit_depth = [&](int depth, nlohmann::json::parse_event_t, Json&) {
    if (depth > kMaxDepth) throw InputError(file, "", fmt::format("is nested deeper than {} levels", kMaxDepth));
    return true;
  };
  try {
    return Json::parse(text, limit_depth);
  } catch (const Json::parse_error& error) {
    std::string reason = error.what();
    // "[json.exception...] parse error at line 1, column 2: " and then the reason, with what was read last.
    if (const auto colon = reason.find(": "); colon != std::string::npos) reason = reason.substr(colon + 2);
    if (reason.size() > kMaxReason) reason = reason.substr(0, kMaxReason) + "...";
    throw InputError(file, position_of(text, error.byte), "is not JSON: " + reason);
  } catch (const Json::exception& error) {
    throw InputError(file, "", std::string("is not JSON: ") + error.what());
  }
}

Json load_json(const std::filesystem::path& path) { return parse_json(read_file(path, kMaxBytes), path.string()); }

void expect_members(const Json& object, const std::vector<std::string>& known, const std::string& file,
                    const std::string& where) {
  for (const auto& [key, value] : object.items())
    if (std::find(known.begin(), known.end(), key) == known.end())
      throw InputError(file, where + "/" + key,
                       fmt::format("is not known, expected one of {}", fmt::join(known, ", ")));
}

void save_json(const std::filesystem::path& path, const Json& value) {
  check_finite(value);
  write_file(path, value.dump(2, ' ', false, Json::error_handler_t::replace) + "\n");
}

}  // namespace bitemark
