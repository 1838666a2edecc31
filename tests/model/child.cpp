#include "child.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <thread>

#include "base/files.h"

namespace bitemark::model {

Child::Child(const std::vector<std::string>& words, const std::map<std::string, std::string>& environment,
             const std::filesystem::path& log)
    : log_(log) {
  const std::string program = BITEMARK_BINARY_DIR "/bitemark-model";
  EXPECT_TRUE(std::filesystem::exists(program)) << "build the target bitemark-model";
  std::vector<char*> argv{const_cast<char*>(program.c_str())};
  for (const auto& word : words) argv.push_back(const_cast<char*>(word.c_str()));
  argv.push_back(nullptr);
  pid_ = ::fork();
  if (pid_ != 0) return;
  for (const auto& [name, value] : environment) ::setenv(name.c_str(), value.c_str(), 1);
  const int file = ::open(log.c_str(), O_CREAT | O_WRONLY | O_TRUNC, 0644);
  ::dup2(file, STDERR_FILENO);
  ::execv(argv[0], argv.data());
  ::_exit(127);
}

Child::~Child() {
  if (!running()) return;
  kill();
  wait(10);
}

bool Child::running() {
  int status = 0;
  if (code_ < 0 && ::waitpid(pid_, &status, WNOHANG) == pid_)
    code_ = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  return code_ < 0;
}

void Child::kill() {
  if (running()) ::kill(pid_, SIGKILL);
}

int Child::wait(double seconds) {
  const auto end = std::chrono::steady_clock::now() + std::chrono::duration<double>(seconds);
  while (running() && std::chrono::steady_clock::now() < end) std::this_thread::sleep_for(std::chrono::milliseconds(2));
  return code_;
}

std::string Child::error() const { return read_file(log_); }

std::size_t lines_of(const std::filesystem::path& file) {
  if (!std::filesystem::exists(file)) return 0;
  const std::string text = read_file(file);
  return static_cast<std::size_t>(std::count(text.begin(), text.end(), '\n'));
}

bool wait_for_lines(Child& child, const std::filesystem::path& file, std::size_t count) {
  while (lines_of(file) < count) {
    if (!child.running()) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
  }
  return true;
}

}  // namespace bitemark::model
