#include "base/subprocess.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstring>
#include <fstream>
#include <thread>

#include "base/error.h"
#include "base/files.h"
#include "base/interrupt.h"

namespace bitemark {
namespace {

constexpr std::size_t kTail = 2000;
constexpr int kCannotStart = 127;

int open_or_null(const fs::path& path, int flags) {
  const char* name = path.empty() ? "/dev/null" : path.c_str();
  return ::open(name, flags | O_CLOEXEC, 0644);
}

void set_limit(__rlimit_resource resource, std::size_t value) {
  if (value == 0) return;
  const rlimit limit{value, value};
  ::setrlimit(resource, &limit);
}

/// Only calls that are safe between fork and exec.
[[noreturn]] void become(char* const* argv, const ProcessLimits& limits, int output, int errors) {
  ::setpgid(0, 0);
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);  // who is killed leaves nobody behind that computes for nothing
  ::signal(SIGINT, SIG_DFL);
  ::signal(SIGTERM, SIG_DFL);
  const int input = ::open("/dev/null", O_RDONLY);
  ::dup2(input, STDIN_FILENO);
  ::dup2(output, STDOUT_FILENO);
  ::dup2(errors, STDERR_FILENO);
  set_limit(RLIMIT_AS, limits.memory_bytes);
  set_limit(RLIMIT_FSIZE, limits.file_bytes);
  set_limit(RLIMIT_CORE, 1);
  ::execvp(argv[0], argv);
  ::_exit(kCannotStart);
}

/// Waits in steps of 5 to 50 ms; kills the group when time is over or this process must stop.
int wait_for(pid_t child, const ProcessLimits& limits, bool& timed_out) {
  const auto start = std::chrono::steady_clock::now();
  auto pause = std::chrono::milliseconds(5);
  int status = 0;
  while (true) {
    const pid_t answer = ::waitpid(child, &status, WNOHANG);
    if (answer == child) return status;
    const double elapsed = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    timed_out = limits.wall_s > 0 && elapsed > limits.wall_s;
    if (timed_out || interrupted()) {
      ::kill(-child, SIGKILL);
      ::waitpid(child, &status, 0);
      if (!timed_out) stop_if_interrupted();
      return status;
    }
    std::this_thread::sleep_for(pause);
    pause = std::min(pause * 2, std::chrono::milliseconds(50));
  }
}

std::string tail_of(int descriptor) {
  const off_t size = ::lseek(descriptor, 0, SEEK_END);
  const off_t from = std::max<off_t>(0, size - static_cast<off_t>(kTail));
  std::string text(static_cast<std::size_t>(size - from), '\0');
  const ssize_t count = ::pread(descriptor, text.data(), text.size(), from);
  text.resize(static_cast<std::size_t>(std::max<ssize_t>(count, 0)));
  return text;
}

}  // namespace

std::string ProcessResult::describe() const {
  std::string last = error_tail;
  while (!last.empty() && (last.back() == '\n' || last.back() == ' ')) last.pop_back();
  if (const auto newline = last.rfind('\n'); newline != std::string::npos) last = last.substr(newline + 1);
  std::string text = timed_out          ? "did not finish in time and was killed"
                     : exit_code >= 128 ? fmt::format("was killed by signal {}", exit_code - 128)
                                        : fmt::format("ended with exit code {}", exit_code);
  return last.empty() ? text : text + ": " + last;
}

ProcessResult run_process(const std::vector<std::string>& argv, const ProcessLimits& limits,
                          const std::filesystem::path& stdout_file, const std::filesystem::path& log_file,
                          const std::map<std::string, std::string>& environment) {
  BITEMARK_CHECK(!argv.empty(), "a command has words");
  std::vector<std::string> words = argv;
  if (!environment.empty()) {
    std::vector<std::string> prefix{"env"};
    for (const auto& [name, value] : environment) prefix.push_back(name + "=" + value);
    words.insert(words.begin(), prefix.begin(), prefix.end());
  }
  std::vector<char*> pointers;
  for (auto& word : words) pointers.push_back(word.data());
  pointers.push_back(nullptr);

  const int output = open_or_null(stdout_file, O_WRONLY | O_CREAT | O_TRUNC);
  const int errors = log_file.empty() ? static_cast<int>(::memfd_create("stderr", MFD_CLOEXEC))
                                      : open_or_null(log_file, O_RDWR | O_CREAT | O_TRUNC);
  if (output < 0 || errors < 0)
    throw InputError(argv[0], "", std::string("cannot open its outputs: ") + std::strerror(errno));
  const pid_t child = ::fork();
  if (child == 0) become(pointers.data(), limits, output, errors);
  ::close(output);
  if (child < 0) {
    ::close(errors);
    throw InputError(argv[0], "", std::string("cannot be started: ") + std::strerror(errno));
  }
  ProcessResult result;
  int status = 0;
  try {
    status = wait_for(child, limits, result.timed_out);
  } catch (...) {
    ::close(errors);
    throw;
  }
  result.exit_code = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
  result.error_tail = tail_of(errors);
  ::close(errors);
  if (result.exit_code == kCannotStart && result.error_tail.find('\n') == result.error_tail.rfind('\n'))
    throw InputError(argv[0], "", "cannot be started: no such program");
  return result;
}

std::filesystem::path find_program(const std::string& name) {
  std::vector<fs::path> folders;
  if (const char* folder = std::getenv("BITEMARK_BIN"); folder != nullptr) folders.emplace_back(folder);
  std::error_code error;
  const fs::path here = fs::read_symlink("/proc/self/exe", error).parent_path();
  folders.push_back(here);
  folders.push_back(here.parent_path());
  for (const auto& folder : folders)
    if (fs::exists(folder / name, error)) return folder / name;
  throw InputError(name, "",
                   "is not beside this program (" + here.string() + "); build it, or name its folder in BITEMARK_BIN");
}

std::vector<std::string> split_command(const std::string& text) {
  std::vector<std::string> words;
  std::string word;
  bool open = false;  // inside a word
  char quote = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (quote != 0) {
      if (c == quote)
        quote = 0;
      else if (c == '\\' && quote == '"' && i + 1 < text.size())
        word += text[++i];
      else
        word += c;
    } else if (c == '\'' || c == '"') {
      quote = c;
      open = true;
    } else if (c == '\\' && i + 1 < text.size()) {
      word += text[++i];
      open = true;
    } else if (c == ' ' || c == '\t' || c == '\n') {
      if (open) words.push_back(word);
      word.clear();
      open = false;
    } else {
      word += c;
      open = true;
    }
  }
  if (quote != 0) throw InputError("the command " + text + " has an open quote");
  if (open) words.push_back(word);
  return words;
}

}  // namespace bitemark
