// The command table: each command adds its options to the parser and says what to run.
#pragma once

#include <CLI/CLI.hpp>
#include <functional>
#include <string>
#include <vector>

#include "base/error.h"

namespace bitemark::cli {

/// Run after parsing. Returns the exit code.
using Action = std::function<ExitCode()>;

struct Command {
  const char* name;
  const char* summary;
  /// Adds options to `app` (whose variables live in the returned action).
  Action (*configure)(CLI::App& app);
};

Action configure_list(CLI::App& app);
Action configure_render(CLI::App& app);
Action configure_dataset(CLI::App& app);

/// --scenario-folder, BITEMARK_SCENARIOS, ./scenarios, or the folder beside the program's sources; in this order.
std::filesystem::path scenario_folder(const std::string& from_flag);

}  // namespace bitemark::cli
