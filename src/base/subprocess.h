// Child processes with limits of time and memory: decoders of foreign files, generators.
#pragma once

#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace bitemark {

struct ProcessLimits {
  double wall_s = 0;             ///< 0 = none; the whole process group is killed afterwards
  std::size_t memory_bytes = 0;  ///< address space of the child (RLIMIT_AS); 0 = none
  std::size_t file_bytes = 0;    ///< largest file that it may write (RLIMIT_FSIZE); 0 = none
};

struct ProcessResult {
  int exit_code = 0;  ///< 128 + signal when it was killed
  bool timed_out = false;
  std::string error_tail;  ///< the last 2,000 characters of its stderr
  bool ok() const { return exit_code == 0 && !timed_out; }
  std::string describe() const;  ///< "ended with exit code 3: <last line of stderr>"
};

/// Runs argv[0] (looked up in PATH) to its end in its own process group. Standard input is `stdin_file` or empty,
/// standard output goes to `stdout_file` or nowhere, standard error is kept and, with `log_file`, written there.
/// Throws InputError when it cannot be started and InterruptedError when this process is asked to stop.
ProcessResult run_process(const std::vector<std::string>& argv, const ProcessLimits& limits = {},
                          const std::filesystem::path& stdout_file = {}, const std::filesystem::path& log_file = {},
                          const std::map<std::string, std::string>& environment = {});

/// The program `name` beside this one, in the folder above, or in the folder that BITEMARK_BIN names.
/// Throws InputError when it is in none of them.
std::filesystem::path find_program(const std::string& name);

/// Words of a command line, split as a POSIX shell does without expansions: blanks, '..', "..", backslash.
/// Throws InputError on an open quote.
std::vector<std::string> split_command(const std::string& text);

}  // namespace bitemark
