#include "model/weights.h"

#include <fmt/format.h>

#include <set>

#include "base/error.h"
#include "base/json.h"

namespace bitemark::model {
namespace {

struct TypeRow {
  DType ours;
  at::ScalarType theirs;
};
constexpr TypeRow kTypes[] = {{DType::kBool, at::kBool}, {DType::kU8, at::kByte},       {DType::kI8, at::kChar},
                              {DType::kI16, at::kShort}, {DType::kI32, at::kInt},       {DType::kI64, at::kLong},
                              {DType::kF16, at::kHalf},  {DType::kBF16, at::kBFloat16}, {DType::kF32, at::kFloat},
                              {DType::kF64, at::kDouble}};

at::ScalarType scalar_type(const SafetensorsFile& file, const std::string& name, DType type) {
  for (const auto& row : kTypes)
    if (row.ours == type) return row.theirs;
  throw InputError(file.path(), name, fmt::format("has type {}, which is not supported here", name_of(type)));
}

DType dtype_of(at::ScalarType type) {
  for (const auto& row : kTypes)
    if (row.theirs == type) return row.ours;
  fail_check("known scalar type", __FILE__, __LINE__, c10::toString(type));
}

/// One file's tensors, kept mapped by each of them.
void add_file(const std::filesystem::path& path, StoredWeights& weights) {
  const auto mapping = std::make_shared<const SafetensorsFile>(path);
  for (const auto& [name, view] : mapping->tensors())
    weights[name] = {map_tensor(*mapping, name), mapping->path(), name, mapping};
}

/// The files that an index names lie beside it, and hold what it says.
StoredWeights read_shards(const std::filesystem::path& index) {
  const Json json = load_json(index);
  const auto places = json_member<std::map<std::string, std::string>>(json, "weight_map", index.string());
  std::set<std::string> files;
  for (const auto& [name, file] : places) {
    if (file.empty() || file.find('/') != std::string::npos || file.front() == '.')
      throw InputError(index.string(), "/weight_map/" + name, "is '" + file + "', expected a file beside the index");
    files.insert(file);
  }
  StoredWeights all, named;
  for (const auto& file : files) add_file(index.parent_path() / file, all);
  for (const auto& [name, file] : places) {
    const auto found = all.find(name);
    if (found == all.end() || std::filesystem::path(found->second.file).filename() != file)
      throw InputError((index.parent_path() / file).string(), name, "is missing, and the index says that it is here");
    named.insert(*found);
  }
  return named;
}

}  // namespace

Tensor map_tensor(const SafetensorsFile& file, const std::string& name) {
  const TensorView& view = file.at(name);
  const at::ScalarType type = scalar_type(file, name, view.type);
  if (view.data.empty()) return at::empty(view.shape, type);
  return at::from_blob(const_cast<std::byte*>(view.data.data()), view.shape, at::TensorOptions().dtype(type));
}

Tensor to_tensor(const SafetensorsFile& file, const std::string& name) { return map_tensor(file, name).clone(); }

void save_tensors(const std::filesystem::path& path, const std::vector<NamedTensor>& tensors,
                  const std::map<std::string, std::string>& metadata) {
  std::vector<Tensor> held;
  std::vector<TensorToSave> rows;
  for (const auto& [name, value] : tensors) {
    held.push_back(value.detach().to(at::kCPU).contiguous());
    rows.push_back({name, dtype_of(held.back().scalar_type()), held.back().sizes().vec(), held.back().data_ptr()});
  }
  save_safetensors(path, rows, metadata);
}

std::vector<NamedTensor> weights_of(const torch::nn::Module& module) {
  std::vector<NamedTensor> weights;
  for (const auto& item : module.named_parameters()) weights.push_back({item.key(), item.value()});
  for (const auto& item : module.named_buffers()) weights.push_back({item.key(), item.value()});
  return weights;
}

void save_weights(const std::filesystem::path& path, const std::vector<NamedTensor>& weights, bool half) {
  std::vector<NamedTensor> out;
  for (const auto& [name, value] : weights) out.push_back({name, half ? value.to(at::kHalf) : value});
  save_tensors(path, out, {{"format", "pt"}});
}

StoredWeights read_weights(const std::filesystem::path& path) {
  if (std::filesystem::is_directory(path)) {
    const auto index = path / "model.safetensors.index.json";
    return read_weights(std::filesystem::exists(index) ? index : path / "model.safetensors");
  }
  if (path.string().ends_with(".index.json")) return read_shards(path);
  StoredWeights weights;
  add_file(path, weights);
  return weights;
}

void set_weights(torch::nn::Module& module, const StoredWeights& weights, const std::string& file) {
  const torch::NoGradGuard no_grad;
  std::map<std::string, Tensor> checked;
  for (const auto& [name, value] : weights_of(module)) {
    const auto found = weights.find(name);
    if (found == weights.end()) throw InputError(file, name, "is missing");
    const StoredWeight& stored = found->second;
    if (!at::isFloatingType(stored.value.scalar_type()))
      throw InputError(
          stored.file, stored.name,
          fmt::format("has type {}, expected a float type", name_of(dtype_of(stored.value.scalar_type()))));
    if (stored.value.sizes() != value.sizes())
      throw InputError(stored.file, stored.name,
                       fmt::format("has shape {}, expected {}", shape_text(stored.value.sizes().vec()),
                                   shape_text(value.sizes().vec())));
    const Tensor loaded = stored.value.to(at::kFloat);
    if (!at::isfinite(loaded).all().item<bool>())
      throw InputError(stored.file, stored.name, "has values that are not finite");
    checked.emplace(name, loaded);
  }
  for (const auto& [name, stored] : weights)
    if (!checked.contains(name)) throw InputError(stored.file, stored.name, "is not a parameter of this network");
  for (auto& [name, value] : weights_of(module)) value.copy_(checked.at(name));
}

void load_weights(const std::filesystem::path& path, torch::nn::Module& module) {
  set_weights(module, read_weights(path), path.string());
}

std::int64_t parameter_count(const torch::nn::Module& module) {
  std::int64_t count = 0;
  for (const auto& parameter : module.parameters()) count += parameter.numel();
  return count;
}

}  // namespace bitemark::model
