#include "model/dit_start.h"

#include <algorithm>

namespace bitemark::model {
namespace {

/// The rows of `wanted` and the row of no label, from `rows` of `known` and theirs.
Tensor labels_of(const std::vector<std::string>& known, const Tensor& rows, const std::vector<std::string>& wanted) {
  std::vector<std::int64_t> from;
  for (const auto& label : wanted) from.push_back(std::find(known.begin(), known.end(), label) - known.begin());
  from.push_back(static_cast<std::int64_t>(known.size()));
  return rows.index_select(0, at::tensor(at::ArrayRef<std::int64_t>(from)));
}

}  // namespace

bool take_over(const Dit& earlier, Dit& later) {
  const DitConfig &known = earlier.config(), &wanted = later.config();
  DitConfig same = known;
  same.orders = wanted.orders;
  same.shortcut = wanted.shortcut;
  if (known.actions == 0) same.actions = wanted.actions;
  if (known.shots == 1) same.shots = wanted.shots;
  same.labels = wanted.labels;
  if (to_json(same) != to_json(wanted)) return false;
  const torch::NoGradGuard no_grad;
  const auto from = earlier.named_parameters();
  for (auto& parameter : later.named_parameters()) {
    const Tensor* value = from.find(parameter.key());
    if (value == nullptr) continue;
    parameter.value().copy_(parameter.key() == "labels" ? labels_of(known.labels, *value, wanted.labels) : *value);
  }
  return true;
}

}  // namespace bitemark::model
