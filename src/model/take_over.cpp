#include "model/take_over.h"

#include <algorithm>

namespace bitemark::model {
namespace {

/// The rows of `wanted` and the row of no label, from `rows` of `known` and theirs.
Tensor labels_of(const std::vector<std::string>& known, const Tensor& rows, const std::vector<std::string>& wanted) {
  std::vector<std::int64_t> from;
  for (const auto& label : wanted) from.push_back(std::find(known.begin(), known.end(), label) - known.begin());
  from.push_back(static_cast<std::int64_t>(known.size()));
  return rows.index_select(0, at::tensor(at::ArrayRef<std::int64_t>(from)).to(rows.device()));
}

/// `known` with zeros behind it in `dimension`, up to `size`.
Tensor followed_by_zeros(const Tensor& known, std::int64_t dimension, std::int64_t size) {
  std::vector<std::int64_t> more = known.sizes().vec();
  auto& length = more[static_cast<std::size_t>(dimension)];
  length = size - length;
  return length == 0 ? known : at::cat({known, at::zeros(more, known.options())}, dimension);
}

/// Of the transformer's parameter `name`, whose columns or rows are [frames, latent channels, places of a patch].
Tensor with_channels(const std::string& name, const Tensor& value, std::int64_t known, std::int64_t wanted,
                     std::int64_t places) {
  if (name == "patches.weight")
    return followed_by_zeros(value.view({value.size(0), -1, known, places}), 2, wanted).flatten(1);
  if (name == "head.weight")
    return followed_by_zeros(value.view({-1, known, places, value.size(1)}), 1, wanted).flatten(0, 2);
  if (name == "head.bias") return followed_by_zeros(value.view({-1, known, places}), 1, wanted).flatten();
  return value;
}

}  // namespace

bool take_over(const Dit& earlier, Dit& later) {
  const DitConfig &known = earlier.config(), &wanted = later.config();
  DitConfig same = known;
  same.orders = wanted.orders;
  same.shortcut = wanted.shortcut;
  if (!known.local_skip) same.local_skip = wanted.local_skip;
  if (known.actions == 0) same.actions = wanted.actions;
  if (known.shots == 1) same.shots = wanted.shots;
  same.labels = wanted.labels;
  same.latent_channels = std::max(known.latent_channels, wanted.latent_channels);
  if (to_json(same) != to_json(wanted)) return false;
  const torch::NoGradGuard no_grad;
  const auto from = earlier.named_parameters();
  for (auto& parameter : later.named_parameters()) {
    const Tensor* value = from.find(parameter.key());
    if (value == nullptr) continue;
    parameter.value().copy_(parameter.key() == "labels"
                                ? labels_of(known.labels, *value, wanted.labels)
                                : with_channels(parameter.key(), *value, known.latent_channels, wanted.latent_channels,
                                                known.patch * known.patch));
  }
  return true;
}

bool take_over(const Vae& earlier, Vae& later) {
  const std::int64_t known = earlier.config().latent_channels, wanted = later.config().latent_channels;
  VaeConfig same = earlier.config();
  same.latent_channels = std::max(known, wanted);
  if (to_json(same) != to_json(later.config())) return false;
  const torch::NoGradGuard no_grad;
  const auto from = earlier.named_parameters();
  for (auto& parameter : later.named_parameters()) {
    const Tensor& value = *from.find(parameter.key());
    if (parameter.key() == "decoder_conv0.weight") {
      parameter.value().copy_(followed_by_zeros(value, 1, wanted));
    } else {  // only the encoder's last convolution has more rows
      parameter.value().slice(0, 0, value.size(0)).copy_(value);
    }
  }
  return true;
}

}  // namespace bitemark::model
