// bitemark scenario new | check | explain: for those who write scenarios.
#include "sim/scenario.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "base/files.h"
#include "base/json_position.h"
#include "cli/command.h"
#include "metrics/metric.h"
#include "sim/draws.h"
#include "sim/explain.h"

namespace bitemark::cli {
namespace {

// --- new

fs::path template_folder() { return fs::path(BITEMARK_SOURCE_DIR) / "scenarios" / "templates"; }

std::vector<std::string> template_names() {
  std::vector<std::string> names;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(template_folder(), error)) {
    if (entry.path().extension() == ".json") names.push_back(entry.path().stem().string());
  }
  std::sort(names.begin(), names.end());
  return names;
}

/// The template with another name, and a "$schema" that leads from `target` to the schema.
std::string filled_template(const std::string& kind, const std::string& name, const fs::path& target) {
  const auto names = template_names();
  if (std::find(names.begin(), names.end(), kind) == names.end())
    throw InputError(fmt::format("there is no template \"{}\", expected one of {}", kind, fmt::join(names, ", ")));
  std::string text = read_file(template_folder() / (kind + ".json"));
  const auto replace = [&](const std::string& from, const std::string& to) {
    const std::size_t at = text.find(from);
    BITEMARK_CHECK(at != std::string::npos, "a template lacks " + from);
    text.replace(at, from.size(), to);
  };
  const fs::path beside = fs::absolute(target).parent_path();
  const fs::path schema = fs::exists(beside / "scenario.schema.json")
                              ? fs::path("scenario.schema.json")
                              : fs::path(BITEMARK_SOURCE_DIR) / "scenarios" / "scenario.schema.json";
  replace("\"../scenario.schema.json\"", Json(schema.string()).dump());
  replace(fmt::format("\"name\": \"{}\"", kind), fmt::format("\"name\": \"{}\"", name));
  return text;
}

ExitCode make_new(const std::string& name, const std::string& kind, const std::string& out, const fs::path& folder) {
  if (name.empty() || name.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789-") != std::string::npos ||
      name.front() == '-')
    throw InputError("\"" + name + "\" is no name for a scenario: small letters, digits and '-'");
  const fs::path target = out.empty() ? folder / (name + ".json") : fs::path(out);
  if (fs::exists(target)) throw InputError(target.string(), "", "is there already, and is left as it is");
  write_file(target, filled_template(kind, name, target));
  fmt::print(
      "{} is written. What now:\n  bitemark scenario explain {}\n  bitemark render {} --out /tmp/{} "
      "--contact-sheet\n  bitemark scenario check {}\n",
      target.string(), target.string(), target.string(), name, target.string());
  return ExitCode::kDone;
}

// --- check

void print(const fs::path& path, const ScenarioFault& fault) {
  fmt::print("{}:{}: {}: {}\n", path.string(), fault.line, fault.pointer, fault.problem);
}

/// What only the whole program knows: the metrics, and the name that the file goes by.
std::vector<ScenarioFault> check_names(const Scenario& scenario, const fs::path& path) {
  std::vector<ScenarioFault> faults;
  if (scenario.name != path.stem().string())
    faults.push_back(
        {"/name", 1, fmt::format("is \"{}\", expected the file's name, \"{}\"", scenario.name, path.stem().string())});
  for (std::size_t i = 0; i < scenario.metrics.size(); ++i) {
    if (find_metric(scenario.metrics[i]) != nullptr) continue;
    std::vector<std::string> known;
    for (const Metric& metric : all_metrics()) known.emplace_back(metric.name);
    faults.push_back(
        {fmt::format("/metrics/{}", i), 1,
         fmt::format("\"{}\" is no metric, expected one of {}", scenario.metrics[i], fmt::join(known, ", "))});
  }
  const JsonPositions positions(read_file(path));
  for (ScenarioFault& fault : faults) fault.line = positions.line_of(fault.pointer);
  return faults;
}

/// True when the takes of the split can be drawn.
bool check_draws(const Scenario& scenario, const fs::path& path, const std::string& split, int takes) {
  const DrawReport report = draw_takes(scenario, split, takes);
  for (const ScenarioFault& fault : report.faults) print(path, fault);
  if (!report.faults.empty()) return false;
  fmt::print("{}: {}: {} of {} takes accepted, {} draws rejected\n", path.string(), split, report.accepted,
             report.takes, report.rejected);
  for (const auto& [reason, count] : report.reasons) fmt::print("  {:>4} x {}\n", count, reason);
  return report.accepted == report.takes;
}

bool check_one(const fs::path& path, int takes) {
  std::vector<ScenarioFault> faults = check_scenario(path);
  if (faults.empty()) faults = check_names(load_scenario(path), path);
  for (const ScenarioFault& fault : faults) print(path, fault);
  if (!faults.empty()) return false;
  const Scenario scenario = load_scenario(path);
  bool fine = true;
  if (takes > 0) {
    for (const char* split : {"train", "test", "ood"}) fine = check_draws(scenario, path, split, takes) && fine;
  }
  if (fine) fmt::print("{}: no fault found\n", path.string());
  return fine;
}

ExitCode check(const std::vector<std::string>& files, int takes, const fs::path& folder) {
  bool fine = true;
  for (const std::string& file : files) {
    const fs::path path = scenario_file(file, folder);
    try {
      fine = check_one(path, takes) && fine;
    } catch (const InputError& error) {  // the others are still checked
      fmt::print("{}\n", error.what());
      fine = false;
    }
  }
  return fine ? ExitCode::kDone : ExitCode::kBadInput;
}

}  // namespace

Action configure_scenario(CLI::App& app) {
  struct Flags {
    std::string name, kind = "roll", out, folder;
    std::vector<std::string> files;
    int takes = 4;
  };
  auto flags = std::make_shared<Flags>();
  app.require_subcommand(1);
  CLI::App* make = app.add_subcommand("new", "Write a small valid scenario to start from");
  make->add_option("name", flags->name, "Small letters, digits and '-'")->required();
  make->add_option("--template", flags->kind, fmt::format("{}", fmt::join(template_names(), ", ")))
      ->capture_default_str();
  make->add_option("--out", flags->out, "The file; NAME.json in the folder of scenarios when absent");
  CLI::App* look = app.add_subcommand("check", "Everything that is wrong, with line and JSON pointer");
  look->add_option("scenarios", flags->files, "Files or names")->required();
  look->add_option("--takes", flags->takes, "Takes of each split that are drawn and simulated; 0 for the file alone")
      ->capture_default_str()
      ->check(CLI::Range(0, 10000));
  look->footer("Exit code 4 when anything is wrong, or a take cannot be drawn.");
  CLI::App* tell = app.add_subcommand("explain", "What a scenario stages, in plain words");
  tell->add_option("scenario", flags->name, "A file or a name")->required();
  for (CLI::App* one : {make, look, tell})
    one->add_option("--scenario-folder", flags->folder, "Where the scenario files are");
  return [flags, make, look] {
    const fs::path folder = scenario_folder(flags->folder);
    if (make->parsed()) return make_new(flags->name, flags->kind, flags->out, folder);
    if (look->parsed()) return check(flags->files, flags->takes, folder);
    fmt::print("{}", explain(load_scenario(scenario_file(flags->name, folder))));
    return ExitCode::kDone;
  };
}

}  // namespace bitemark::cli
