// One libFuzzer program for each target: compiled with BITEMARK_FUZZ_TARGET set to its name.
// With --seeds FOLDER it writes the target's seeds there and ends.
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>

#include "targets.h"

namespace {

using namespace bitemark;

const fuzz::Target& target() {
  for (const fuzz::Target& one : fuzz::targets()) {
    if (std::string(one.name) == BITEMARK_FUZZ_TARGET) return one;
  }
  std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerInitialize(int* argc, char*** argv) {
  if (*argc != 3 || std::strcmp((*argv)[1], "--seeds") != 0) return 0;
  int count = 0;
  for (const std::string& seed : target().seeds())
    std::ofstream(std::filesystem::path((*argv)[2]) / (std::to_string(count++) + ".seed"), std::ios::binary) << seed;
  std::exit(0);
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  target().run(std::string(reinterpret_cast<const char*>(data), size));
  return 0;
}

extern "C" std::size_t LLVMFuzzerMutate(std::uint8_t* data, std::size_t size, std::size_t max_size);

/// Half of the changes are libFuzzer's, half know JSON.
extern "C" std::size_t LLVMFuzzerCustomMutator(std::uint8_t* data, std::size_t size, std::size_t max_size,
                                               unsigned int seed) {
  if (seed % 2 == 0) return LLVMFuzzerMutate(data, size, max_size);
  Pcg32 random = stream_for(seed, "fuzz");
  const std::string changed = fuzz::mutate(std::string(reinterpret_cast<const char*>(data), size), random);
  const std::size_t length = std::min(changed.size(), max_size);
  std::memcpy(data, changed.data(), length);
  return length;
}
