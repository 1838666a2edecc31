#include <fmt/format.h>
#include <sys/utsname.h>

#include <fstream>
#include <opencv2/core/version.hpp>

#include "suite/run.h"

namespace bitemark {
namespace {

std::string processor() {
  std::ifstream stream("/proc/cpuinfo");
  for (std::string line; std::getline(stream, line);)
    if (line.rfind("model name", 0) == 0) return line.substr(line.find(':') + 2);
  return "unknown";
}

std::string variable(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "unset" : value;
}

}  // namespace

std::map<std::string, std::string> environment_fingerprint() {
  utsname system{};
  ::uname(&system);
  return {{"compiler", __VERSION__},
          {"opencv", CV_VERSION},
          {"processor", processor()},
          {"system", fmt::format("{} {}", system.sysname, system.machine)},
          {"program", program_fingerprint()},
          {"ATEN_CPU_CAPABILITY", variable("ATEN_CPU_CAPABILITY")},
          {"ONEDNN_MAX_CPU_ISA", variable("ONEDNN_MAX_CPU_ISA")},
          {"OPENBLAS_CORETYPE", variable("OPENBLAS_CORETYPE")},
          {"OMP_NUM_THREADS", variable("OMP_NUM_THREADS")}};
}

}  // namespace bitemark
