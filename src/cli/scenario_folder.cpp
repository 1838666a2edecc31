#include <cstdlib>

#include "cli/command.h"

namespace bitemark::cli {

std::filesystem::path scenario_folder(const std::string& from_flag) {
  if (!from_flag.empty()) return from_flag;
  if (const char* from_environment = std::getenv("BITEMARK_SCENARIOS")) return from_environment;
  if (std::filesystem::is_directory("scenarios")) return "scenarios";
  return std::filesystem::path(BITEMARK_SOURCE_DIR) / "scenarios";
}

std::filesystem::path scenario_file(const std::string& text, const std::filesystem::path& folder) {
  return text.ends_with(".json") ? std::filesystem::path(text) : folder / (text + ".json");
}

}  // namespace bitemark::cli
