#include "model/optimiser.h"

#include <cmath>

#include "base/error.h"

namespace bitemark::model {
namespace {

constexpr double kBeta1 = 0.9;
constexpr double kBeta2 = 0.95;
constexpr double kEpsilon = 1e-8;

/// In one order on the CPU: LibTorch's own sum depends on the number of threads.
double squared_norm(const Tensor& gradient) {
  if (!gradient.is_cpu()) return gradient.pow(2).sum().item<double>();
  const Tensor flat = gradient.contiguous();
  const float* values = flat.data_ptr<float>();
  double sum = 0;
  for (std::int64_t i = 0; i < flat.numel(); ++i)
    sum += static_cast<double>(values[i]) * static_cast<double>(values[i]);
  return sum;
}

}  // namespace

Optimiser::Optimiser(torch::nn::Module& module, double weight_decay, double ema) : ema_(ema) {
  const torch::NoGradGuard no_grad;
  for (const auto& item : module.named_parameters()) {
    const Tensor& weight = item.value();
    if (!weight.requires_grad()) continue;
    rows_.push_back({item.key(), weight, at::zeros_like(weight), at::zeros_like(weight), weight.detach().clone(),
                     weight.dim() >= 2 ? weight_decay : 0.0});
  }
}

void Optimiser::zero_grad() {
  for (auto& row : rows_) row.weight.mutable_grad() = Tensor();
}

double Optimiser::clip(double limit) {
  const torch::NoGradGuard no_grad;
  double sum = 0;
  for (const auto& row : rows_)
    if (row.weight.grad().defined()) sum += squared_norm(row.weight.grad());
  const double norm = std::sqrt(sum);
  if (norm > limit)
    for (auto& row : rows_)
      if (row.weight.grad().defined()) row.weight.mutable_grad().mul_(limit / norm);
  return norm;
}

void Optimiser::step(double rate, std::int64_t step) {
  const torch::NoGradGuard no_grad;
  const auto count = static_cast<double>(step + 1);
  const double correction1 = 1.0 - std::pow(kBeta1, count), correction2 = 1.0 - std::pow(kBeta2, count);
  // The average forgets its start: early on it follows more closely.
  const double keep = std::min(ema_, (1.0 + count) / (10.0 + count));
  for (auto& row : rows_) {
    const Tensor& gradient = row.weight.grad();
    if (gradient.defined()) {
      row.first.lerp_(gradient, 1.0 - kBeta1);
      row.second.mul_(kBeta2).addcmul_(gradient, gradient, 1.0 - kBeta2);
      const Tensor scale = row.second.sqrt().div_(std::sqrt(correction2)).add_(kEpsilon);
      if (row.decay > 0) row.weight.mul_(1.0 - rate * row.decay);
      row.weight.addcdiv_(row.first, scale, -rate / correction1);
    }
    row.average.lerp_(row.weight, 1.0 - keep);
  }
}

void Optimiser::swap_average() {
  const torch::NoGradGuard no_grad;
  for (auto& row : rows_) {
    const Tensor held = row.weight.clone();
    row.weight.copy_(row.average);
    row.average.copy_(held);
  }
}

std::vector<NamedTensor> Optimiser::state() const {
  std::vector<NamedTensor> state;
  for (const auto& row : rows_) {
    state.push_back({"weight." + row.name, row.weight});
    state.push_back({"first." + row.name, row.first});
    state.push_back({"second." + row.name, row.second});
    state.push_back({"average." + row.name, row.average});
  }
  return state;
}

void Optimiser::restore(const SafetensorsFile& file) {
  const torch::NoGradGuard no_grad;
  for (auto& [name, value] : state()) {
    file.at(name, DType::kF32, value.sizes().vec());
    value.copy_(map_tensor(file, name));
  }
}

}  // namespace bitemark::model
