// Runs the built programs as a user does.
#pragma once

#include <cstdlib>
#include <string>
#include <vector>

#include "base/files.h"
#include "base/subprocess.h"

namespace bitemark {

struct Said {
  int code = 0;
  std::string out, err;
};

/// `bitemark` with these words, in the source folder's scenarios; the environment may be added to.
inline Said bitemark(std::vector<std::string> words, const std::map<std::string, std::string>& environment = {}) {
  std::string name = (fs::temp_directory_path() / "bitemark-out-XXXXXX").string();
  ::close(::mkstemp(name.data()));
  words.insert(words.begin(), std::string(BITEMARK_BINARY_DIR) + "/bitemark");
  std::map<std::string, std::string> all{{"BITEMARK_SCENARIOS", std::string(BITEMARK_SOURCE_DIR) + "/scenarios"}};
  all.insert(environment.begin(), environment.end());
  const auto result = run_process(words, {300, 0, 0}, name, {}, all);
  Said said{result.timed_out ? -1 : result.exit_code, read_file(name), result.error_tail};
  fs::remove(name);
  return said;
}

}  // namespace bitemark
