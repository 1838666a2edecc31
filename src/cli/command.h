// The command table: each command adds its options to the parser and says what to run.
#pragma once

#include <CLI/CLI.hpp>
#include <functional>
#include <string>
#include <vector>

#include "base/error.h"
#include "sim/simulate.h"
#include "suite/score_case.h"

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
Action configure_scenario(CLI::App& app);
Action configure_export(CLI::App& app);
Action configure_render(CLI::App& app);
Action configure_dataset(CLI::App& app);
Action configure_run(CLI::App& app);
Action configure_score(CLI::App& app);
Action configure_compare(CLI::App& app);
Action configure_report(CLI::App& app);
Action configure_repro(CLI::App& app);
Action configure_calibrate(CLI::App& app);
Action configure_faults(CLI::App& app);
Action configure_doctor(CLI::App& app);
Action configure_train(CLI::App& app);
Action configure_rollout(CLI::App& app);
Action configure_play(CLI::App& app);
Action configure_surprise(CLI::App& app);

/// --scenario-folder, BITEMARK_SCENARIOS, ./scenarios, or the folder beside the program's sources; in this order.
std::filesystem::path scenario_folder(const std::string& from_flag);

/// `text` itself where it ends in .json, else that scenario of the folder.
std::filesystem::path scenario_file(const std::string& text, const std::filesystem::path& folder);

/// What --size and --fps ask for, on all threads. Throws InputError.
RenderOptions render_options(const std::string& size, const std::string& fps);

/// The scenarios that the suite names.
Scenarios load_suite_scenarios(const Suite& suite, const std::filesystem::path& folder);
/// All scenarios of the folder.
Scenarios load_scenarios_by_name(const std::filesystem::path& folder);

}  // namespace bitemark::cli
