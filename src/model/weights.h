// Tensors in and out of safetensors files; every weight is checked before use.
#pragma once

#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/safetensors.h"
#include "model/torch_compat.h"

namespace bitemark::model {

struct NamedTensor {
  std::string name;
  Tensor value;
};

/// A copy on the CPU, in the file's type. Types that LibTorch has no room for (U16, U32, U64) throw InputError.
Tensor to_tensor(const SafetensorsFile& file, const std::string& name);
/// No copy: valid as long as the file; never written to.
Tensor map_tensor(const SafetensorsFile& file, const std::string& name);

/// Atomic; tensors may live on any device and in any layout.
void save_tensors(const std::filesystem::path& path, const std::vector<NamedTensor>& tensors,
                  const std::map<std::string, std::string>& metadata = {});

/// Parameters and buffers in the order of registration.
std::vector<NamedTensor> weights_of(const torch::nn::Module& module);
void save_weights(const std::filesystem::path& path, const std::vector<NamedTensor>& weights, bool half);

/// A weight as it lies in a file that stays mapped, under the name that it has there.
struct StoredWeight {
  Tensor value;  ///< in the file's type; not to be written to
  std::string file, name;
  std::shared_ptr<const SafetensorsFile> mapping;
};
using StoredWeights = std::map<std::string, StoredWeight>;

/// All tensors of a safetensors file, of a sharded index (*.index.json with a "weight_map") or of a folder that holds
/// model.safetensors or model.safetensors.index.json. Throws InputError naming file and tensor.
StoredWeights read_weights(const std::filesystem::path& path);
/// Sets every parameter and buffer. Throws InputError naming the parameter when one is missing, unknown, of another
/// shape, no float type or not finite; the module is then unchanged.
void set_weights(torch::nn::Module& module, const StoredWeights& weights, const std::string& file);
/// set_weights of read_weights.
void load_weights(const std::filesystem::path& path, torch::nn::Module& module);

std::int64_t parameter_count(const torch::nn::Module& module);

}  // namespace bitemark::model
