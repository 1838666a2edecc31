#include "targets.h"

#include <sys/mman.h>
#include <unistd.h>

#include <filesystem>

#include "base/error.h"
#include "base/files.h"
#include "base/safetensors.h"
#include "episode/conditioning.h"
#include "sim/scenario.h"

namespace bitemark::fuzz {
namespace {

/// Bytes as a file that lies in memory.
class MemoryFile {
 public:
  explicit MemoryFile(const std::string& content) : descriptor_(::memfd_create("fuzz", MFD_CLOEXEC)) {
    BITEMARK_CHECK(descriptor_ >= 0);
    const ssize_t written = ::write(descriptor_, content.data(), content.size());
    BITEMARK_CHECK(written == static_cast<ssize_t>(content.size()));
  }
  ~MemoryFile() { ::close(descriptor_); }
  MemoryFile(const MemoryFile&) = delete;
  MemoryFile& operator=(const MemoryFile&) = delete;
  fs::path path() const { return "/proc/self/fd/" + std::to_string(descriptor_); }

 private:
  int descriptor_;
};

/// A folder with one conditioning, under the same name for the whole process.
const fs::path& conditioning_folder() {
  static const fs::path kFolder = [] {
    const fs::path folder = fs::temp_directory_path() / ("bitemark-fuzz-" + std::to_string(::getpid()));
    fs::create_directories(folder / "take");
    return folder;
  }();
  return kFolder;
}

void put_file(const fs::path& path, const std::string& content) {  // without the fsync of write_file
  std::FILE* file = std::fopen(path.c_str(), "wb");
  BITEMARK_CHECK(file != nullptr);
  std::fwrite(content.data(), 1, content.size(), file);
  std::fclose(file);
}

void read_conditioning_of(const std::string& input) {
  if (input.size() < 3) return;
  const std::size_t length = static_cast<unsigned char>(input[1]) | static_cast<unsigned char>(input[2]) << 8U;
  const std::string json = input.substr(3, length);
  const fs::path folder = conditioning_folder();
  put_file(folder / "request.json", json);
  put_file(folder / "take" / "conditioning.json", json);
  put_file(folder / "take" / "conditioning.safetensors", input.substr(3 + json.size()));
  try {
    read_request(folder);
  } catch (const InputError&) {
  }
  read_conditioning(folder, "take");
}

template <typename Work>
void expect_sentence(Work&& work) {
  try {
    work();
  } catch (const InputError& error) {
    BITEMARK_CHECK(!std::string(error.what()).empty());
  }
}

}  // namespace

void scenario(const std::string& input) {
  if (input.size() > std::size_t{1} << 20U) return;  // load_scenario refuses it
  expect_sentence([&] {
    for (const ScenarioFault& fault :
         check_scenario_text(input, fs::path(BITEMARK_SOURCE_DIR) / "scenarios" / "x.json"))
      BITEMARK_CHECK(fault.line >= 1 && !fault.problem.empty());
  });
}

void safetensors(const std::string& input) {
  expect_sentence([&] {
    const MemoryFile file(input);
    const SafetensorsFile tensors(file.path());
    std::size_t sum = 0;
    for (const auto& [name, view] : tensors.tensors()) {
      BITEMARK_CHECK(static_cast<std::size_t>(view.count()) * size_of(view.type) == view.data.size());
      for (const std::byte byte : view.data) sum += static_cast<std::size_t>(byte);
    }
    BITEMARK_CHECK(sum <= 255 * input.size());
  });
}

void protocol(const std::string& input) {
  if (input.empty()) return;
  expect_sentence([&] {
    if ((input[0] & 1) != 0) return read_conditioning_of(input);
    const MemoryFile file(input.substr(1));
    for (const Frame& frame : read_rollout_tensor(file.path()))
      BITEMARK_CHECK(frame.rgb.size() ==
                     static_cast<std::size_t>(frame.width) * static_cast<std::size_t>(frame.height) * 3);
  });
}

const std::vector<Target>& targets() {
  static const std::vector<Target> kTargets{{"scenario", scenario, scenario_seeds},
                                            {"safetensors", safetensors, safetensors_seeds},
                                            {"protocol", protocol, protocol_seeds}};
  return kTargets;
}

}  // namespace bitemark::fuzz
