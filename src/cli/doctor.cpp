#include <fmt/format.h>

#include <functional>

#include "base/files.h"
#include "base/parallel.h"
#include "base/subprocess.h"
#include "cli/command.h"

namespace bitemark::cli {
namespace {

struct Check {
  const char* what;
  std::function<std::string()> run;  ///< what is wrong and what to do; empty = fine
};

std::string program(const char* name) {
  try {
    find_program(name);
    return "";
  } catch (const InputError& error) {
    return error.what();
  }
}

/// The BLAS that LibTorch will load: the reference one is 70 times slower.
std::string blas() {
  std::error_code error;
  const fs::path link = "/usr/lib/x86_64-linux-gnu/libblas.so.3";
  if (!fs::exists(link, error)) return "";  // another system: nothing to say
  const std::string target = fs::canonical(link, error).string();
  return target.find("openblas") != std::string::npos ? ""
                                                      : "LibTorch will use " + target + "; install libopenblas0-openmp";
}

std::string scenarios() {
  const auto folder = scenario_folder("");
  return fs::exists(folder / "bounce.json")
             ? ""
             : "no scenarios in " + folder.string() + "; name the folder in BITEMARK_SCENARIOS";
}

std::string space() {
  std::error_code error;
  const auto available = fs::space(".", error).available;
  return error || available > (std::uintmax_t{1} << 30U) ? "" : "less than 1 GiB of disk is left here";
}

}  // namespace

Action configure_doctor(CLI::App& /*app*/) {
  return [] {
    const std::vector<Check> checks{{"bitemark-video (video in and out)", [] { return program("bitemark-video"); }},
                                    {"bitemark-model (the generator)", [] { return program("bitemark-model"); }},
                                    {"BLAS", blas},
                                    {"scenarios", scenarios},
                                    {"disk", space}};
    bool fine = true;
    for (const auto& check : checks) {
      const std::string problem = check.run();
      fmt::print("{:<36} {}\n", check.what, problem.empty() ? "ok" : problem);
      fine = fine && problem.empty();
    }
    fmt::print("{:<36} {}\n", "threads", default_threads());
    return fine ? ExitCode::kDone : ExitCode::kBadInput;
  };
}

}  // namespace bitemark::cli
