#include "model/feature_net.h"

#include "model/vae.h"

namespace bitemark::model {

FeatureNet::FeatureNet(const FeatureConfig& config) : config_(config) {
  std::int64_t in = 3, size = config.size;
  for (const std::int64_t out : {config.width / 3, config.width / 2, config.width, config.width}) {
    convs_->push_back(torch::nn::Conv2d(torch::nn::Conv2dOptions(in, out, 3).stride(2).padding(1)));
    convs_->push_back(torch::nn::ReLU());
    in = out;
    size = (size + 1) / 2;
  }
  register_module("convs", convs_);
  frame_ = register_module("frame", torch::nn::Linear(in * size * size, 2 * config.width));
  gru_ = register_module("gru",
                         torch::nn::GRU(torch::nn::GRUOptions(2 * config.width, 2 * config.width).batch_first(true)));
  features_ = register_module("features", torch::nn::Linear(2 * config.width, config.features));
  const auto scenarios = std::max<std::int64_t>(1, static_cast<std::int64_t>(config.scenarios.size()));
  scenario_ = register_module("scenario", torch::nn::Linear(config.features, scenarios));
  states_ = torch::nn::Sequential(torch::nn::Linear(config.features, 2 * config.width), torch::nn::ReLU(),
                                  torch::nn::Linear(2 * config.width, 2 * kBodies * kState));
  register_module("states", states_);
}

Tensor FeatureNet::features(const Tensor& frames) {
  const Tensor x = convs_->forward(frames.flatten(0, 1).contiguous(at::MemoryFormat::ChannelsLast));
  const Tensor by_frame = at::relu(frame_(x.contiguous().flatten(1))).view({frames.size(0), frames.size(1), -1});
  const Tensor all = std::get<0>(gru_->forward(by_frame));
  // The mean keeps the whole window, the last state its end.
  return features_(0.5 * (all.mean(1) + all.select(1, all.size(1) - 1)));
}

Tensor feature_windows(const Tensor& clip, const FeatureConfig& config) {
  const Tensor frames = resized(frames_from_bytes(clip), config.size, config.size);
  if (frames.size(0) < config.window) return at::zeros({0, config.window, 3, config.size, config.size});
  return frames.unfold(0, config.window, config.stride).permute({0, 4, 1, 2, 3}).contiguous();
}

}  // namespace bitemark::model
