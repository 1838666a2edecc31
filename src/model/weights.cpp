#include "model/weights.h"

#include <fmt/format.h>

#include "base/error.h"

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

bool is_float(DType type) {
  return type == DType::kF16 || type == DType::kBF16 || type == DType::kF32 || type == DType::kF64;
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

void load_weights(const std::filesystem::path& path, torch::nn::Module& module) {
  const SafetensorsFile file(path);
  const torch::NoGradGuard no_grad;
  std::map<std::string, Tensor> checked;
  for (const auto& [name, value] : weights_of(module)) {
    const TensorView& view = file.at(name);
    if (!is_float(view.type))
      throw InputError(file.path(), name, fmt::format("has type {}, expected a float type", name_of(view.type)));
    if (view.shape != value.sizes().vec())
      throw InputError(
          file.path(), name,
          fmt::format("has shape {}, expected {}", shape_text(view.shape), shape_text(value.sizes().vec())));
    const Tensor loaded = map_tensor(file, name).to(at::kFloat);
    if (!at::isfinite(loaded).all().item<bool>()) throw InputError(file.path(), name, "has values that are not finite");
    checked.emplace(name, loaded);
  }
  for (const auto& [name, view] : file.tensors())
    if (!checked.contains(name)) throw InputError(file.path(), name, "is not a parameter of this network");
  for (auto& [name, value] : weights_of(module)) value.copy_(checked.at(name));
}

std::int64_t parameter_count(const torch::nn::Module& module) {
  std::int64_t count = 0;
  for (const auto& parameter : module.parameters()) count += parameter.numel();
  return count;
}

}  // namespace bitemark::model
