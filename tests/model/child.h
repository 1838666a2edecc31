// bitemark-model as a process of its own, to be watched and killed.
#pragma once

#include <sys/types.h>

#include <filesystem>
#include <map>
#include <string>
#include <vector>

namespace bitemark::model {

class Child {
 public:
  /// Starts the program of this build with `words` behind its name. Its stderr goes to `log`.
  Child(const std::vector<std::string>& words, const std::map<std::string, std::string>& environment,
        const std::filesystem::path& log);
  ~Child();  ///< kills what still runs
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;

  bool running();
  void kill();
  /// Its exit code, 128 + signal, or -1 when it still runs after `seconds`.
  int wait(double seconds);
  std::string error() const;

 private:
  pid_t pid_;
  std::filesystem::path log_;
  int code_ = -1;
};

std::size_t lines_of(const std::filesystem::path& file);
/// Waits until the file has as many lines; false when the child has ended before.
bool wait_for_lines(Child& child, const std::filesystem::path& file, std::size_t count);

}  // namespace bitemark::model
