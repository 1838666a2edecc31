#include "sim/dataset.h"

#include <fmt/format.h>

#include <chrono>

#include "base/parallel.h"
#include "cli/command.h"

namespace bitemark::cli {
namespace {

struct DatasetFlags {
  std::vector<std::string> scenarios, sizes{"64"};
  std::string folder, out, fps = "12";
  DatasetOptions options;
};

std::vector<Scenario> selected(const DatasetFlags& flags) {
  const std::filesystem::path folder = scenario_folder(flags.folder);
  if (flags.scenarios.empty()) return load_scenarios(folder);
  std::vector<Scenario> scenarios;
  for (const std::string& name : flags.scenarios) scenarios.push_back(load_scenario(folder / (name + ".json")));
  return scenarios;
}

ExitCode write(DatasetFlags& flags) {
  flags.options.sizes.clear();
  for (const std::string& size : flags.sizes) flags.options.sizes.push_back(parse_size(size));
  flags.options.render.rate = parse_rate(flags.fps);
  flags.options.threads = default_threads();
  const std::vector<Scenario> scenarios = selected(flags);
  const auto start = std::chrono::steady_clock::now();
  write_dataset(scenarios, flags.options, flags.out);
  const std::chrono::duration<double> elapsed = std::chrono::steady_clock::now() - start;
  const auto takes = static_cast<double>(scenarios.size() * flags.options.sizes.size()) * flags.options.takes;
  fmt::print("{:.0f} takes in {:.1f} s, {:.1f} takes/s\n", takes, elapsed.count(), takes / elapsed.count());
  return ExitCode::kDone;
}

}  // namespace

Action configure_dataset(CLI::App& app) {
  auto flags = std::make_shared<DatasetFlags>();
  app.add_option("--scenarios", flags->scenarios, "Names, separated by commas; all when absent")->delimiter(',');
  app.add_option("--split", flags->options.split, "train, test or ood")->capture_default_str();
  app.add_option("--takes", flags->options.takes, "Takes of each scenario, at each size")
      ->capture_default_str()
      ->check(CLI::PositiveNumber);
  app.add_option("--first", flags->options.first, "First take")->capture_default_str()->check(CLI::NonNegativeNumber);
  app.add_option("--size", flags->sizes,
                 "Width and height [px], e.g. 96x64; one number for a square; several, separated by commas, for "
                 "trainings on all of them")
      ->delimiter(',')
      ->capture_default_str();
  app.add_option("--fps", flags->fps, "Frames a second")->capture_default_str();
  app.add_option("--out", flags->out, "Folder for the shards")->required();
  app.add_option("--scenario-folder", flags->folder, "Where the scenario files are");
  return [flags] { return write(*flags); };
}

}  // namespace bitemark::cli
