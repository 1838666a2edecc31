#include <unistd.h>

#include <algorithm>
#include <filesystem>

#include "base/files.h"
#include "base/safetensors.h"
#include "episode/conditioning.h"
#include "targets.h"

namespace bitemark::fuzz {
namespace {

/// What is written into the folder that `make` gets, gone afterwards.
template <typename Make>
std::string made_by(Make&& make) {
  const fs::path folder = fs::temp_directory_path() / ("bitemark-seeds-" + std::to_string(::getpid()));
  fs::create_directories(folder);
  const std::string made = make(folder);
  fs::remove_all(folder);
  return made;
}

std::string file_of(const std::vector<TensorToSave>& tensors, const std::map<std::string, std::string>& metadata = {}) {
  return made_by([&](const fs::path& folder) {
    save_safetensors(folder / "x.safetensors", tensors, metadata);
    return read_file(folder / "x.safetensors");
  });
}

Conditioning small_conditioning(bool player) {
  Conditioning take{"take", "a red ball", {12, 1}, 4, 2, 5, 7, {Frame(4, 2), Frame(4, 2)}, {}};
  take.controls.values.assign(5 * Controls::width(), 0.5F);
  if (player) take.actions.values.assign(5 * Actions::width(), 1.0F);
  return take;
}

std::string conditioning_seed(bool player) {
  return made_by([&](const fs::path& folder) {
    write_request(folder, {small_conditioning(player)});
    const std::string json = read_file(folder / "take" / "conditioning.json");
    std::string seed(1, '\1');
    seed += static_cast<char>(json.size() & 255U);
    seed += static_cast<char>(json.size() >> 8U);
    return seed + json + read_file(folder / "take" / "conditioning.safetensors");
  });
}

}  // namespace

std::vector<std::string> scenario_seeds() {
  std::vector<fs::path> files;
  const fs::path folder = fs::path(BITEMARK_SOURCE_DIR) / "scenarios";
  for (const fs::path& place : {folder, folder / "templates"}) {
    for (const auto& entry : fs::directory_iterator(place)) {
      if (entry.path().extension() == ".json") files.push_back(entry.path());
    }
  }
  std::sort(files.begin(), files.end());
  std::vector<std::string> seeds;
  for (const fs::path& file : files) seeds.push_back(read_file(file));
  return seeds;
}

std::vector<std::string> safetensors_seeds() {
  const std::vector<float> numbers(24, 1.5F);
  return {
      file_of({}), file_of({{"a", DType::kF32, {2, 3, 4}, numbers.data()}}),
      file_of({{"a", DType::kF32, {}, numbers.data()}, {"b", DType::kU8, {0, 5}, numbers.data()}}, {{"format", "pt"}}),
      file_of({{"w.0", DType::kBF16, {4, 4}, numbers.data()}, {"w.1", DType::kI64, {3}, numbers.data()}})};
}

std::vector<std::string> protocol_seeds() {
  const std::vector<std::uint8_t> pixels(2 * 3 * 4 * 3, 9);
  return {std::string(1, '\0') + file_of({{"frames", DType::kU8, {2, 3, 4, 3}, pixels.data()}}),
          conditioning_seed(false), conditioning_seed(true)};
}

}  // namespace bitemark::fuzz
