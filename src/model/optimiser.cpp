#include "model/optimiser.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "base/error.h"
#include "base/parallel.h"

namespace bitemark::model {
namespace {

constexpr double kBeta1 = 0.9;
constexpr double kBeta2 = 0.95;
constexpr double kEpsilon = 1e-8;
constexpr double kMomentum = 0.95;
constexpr std::array<double, 3> kQuintic{3.4445, -4.7750, 2.0315};  // Jordan's coefficients

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

Tensor orthogonalised(const Tensor& gradient) {
  const bool tall = gradient.size(0) > gradient.size(1);
  Tensor x = tall ? gradient.t() : gradient;
  x = x / (x.norm() + 1e-7);
  for (int i = 0; i < 5; ++i) {
    const Tensor a = at::mm(x, x.t());
    x = at::addmm(x, at::addmm(a, a, a, kQuintic[1], kQuintic[2]), x, kQuintic[0], 1.0);
  }
  return tall ? x.t() : x;
}

Optimiser::Optimiser(torch::nn::Module& module, const OptimiserSettings& settings) : settings_(settings) {
  const torch::NoGradGuard no_grad;
  for (const auto& item : module.named_parameters()) {
    const Tensor& weight = item.value();
    if (!weight.requires_grad()) continue;
    const bool by_muon =
        settings.matrix_rate > 0 && weight.dim() == 2 && item.key().find("blocks") != std::string::npos;
    rows_.push_back({item.key(), weight, at::zeros_like(weight), by_muon ? Tensor() : at::zeros_like(weight),
                     weight.detach().clone(), weight.dim() >= 2 ? settings.weight_decay : 0.0});
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

void Optimiser::adam(Row& row, double rate, double count) const {
  const Tensor& gradient = row.weight.grad();
  const double correction1 = 1.0 - std::pow(kBeta1, count), correction2 = 1.0 - std::pow(kBeta2, count);
  row.first.lerp_(gradient, 1.0 - kBeta1);
  row.second.mul_(kBeta2).addcmul_(gradient, gradient, 1.0 - kBeta2);
  const Tensor scale = row.second.sqrt().div_(std::sqrt(correction2)).add_(kEpsilon);
  if (row.decay > 0) row.weight.mul_(1.0 - rate * row.decay);
  row.weight.addcdiv_(row.first, scale, -rate / correction1);
}

void Optimiser::muon(Row& row, double rate) const {
  const Tensor& gradient = row.weight.grad();
  row.first.lerp_(gradient, 1.0 - kMomentum);
  const Tensor direction = orthogonalised(at::lerp(gradient, row.first, kMomentum));
  const double tall = static_cast<double>(row.weight.size(0)) / static_cast<double>(row.weight.size(1));
  if (row.decay > 0) row.weight.mul_(1.0 - rate * row.decay);
  row.weight.add_(direction, -rate * std::sqrt(std::max(1.0, tall)));
}

void Optimiser::step(double schedule, std::int64_t step, int threads) {
  const auto count = static_cast<double>(step + 1);
  // The average forgets its start: early on it follows more closely.
  const double keep = std::min(settings_.ema, (1.0 + count) / (10.0 + count));
  // One thread a weight: LibTorch's and the BLAS's own threads would meet at every small product.
  const int previous = at::get_num_threads();
  parallel_for(rows_.size(), threads, [&](std::size_t i) {
    const torch::NoGradGuard no_grad;
    at::set_num_threads(1);
    Row& row = rows_[i];
    if (row.weight.grad().defined()) {
      if (row.second.defined())
        adam(row, schedule * settings_.rate, count);
      else
        muon(row, schedule * settings_.matrix_rate);
    }
    row.average.lerp_(row.weight, 1.0 - keep);
  });
  at::set_num_threads(previous);
}

std::vector<Tensor> Optimiser::weights() const {
  std::vector<Tensor> weights;
  for (const auto& row : rows_) weights.push_back(row.weight);
  return weights;
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
    if (row.second.defined()) state.push_back({"second." + row.name, row.second});
    state.push_back({"average." + row.name, row.average});
  }
  return state;
}

void Optimiser::restore(const SafetensorsFile& file) {
  const torch::NoGradGuard no_grad;
  for (auto& [name, value] : state()) {
    file.at(name, DType::kF32, value.sizes().vec());
    if (!at::isfinite(map_tensor(file, name)).all().item<bool>())
      throw InputError(file.path(), name, "holds a number that is not finite");
    value.copy_(map_tensor(file, name));
  }
}

}  // namespace bitemark::model
