#include "model/feature_space.h"

#include "base/error.h"
#include "model/checkpoint.h"
#include "model/feature_net.h"
#include "model/torchscript_compat.h"

namespace bitemark::model {
namespace {

std::string first_line(const std::exception& error) {
  const std::string text = error.what();
  return text.substr(0, text.find('\n'));
}

/// The switches that the forward of a published I3D file has.
torch::jit::Kwargs known_switches(const torch::jit::Module& module) {
  torch::jit::Kwargs switches;
  for (const auto& argument : module.get_method("forward").function().getSchema().arguments()) {
    if (argument.name() == "rescale" || argument.name() == "resize") switches[argument.name()] = false;
    if (argument.name() == "return_features") switches[argument.name()] = true;
  }
  return switches;
}

Tensor checked(const c10::IValue& answer, std::int64_t windows, const std::string& file) {
  if (!answer.isTensor()) throw InputError(file, "forward", "answers no tensor, expected [N, features]");
  const Tensor features = answer.toTensor().to(at::kCPU, at::kFloat);
  if (features.dim() != 2 || features.size(0) != windows) {
    std::string shape;
    for (const auto side : features.sizes()) shape += (shape.empty() ? "" : ", ") + std::to_string(side);
    throw InputError(file, "forward", "answers [" + shape + "], expected [" + std::to_string(windows) + ", features]");
  }
  if (!at::isfinite(features).all().item<bool>())
    throw InputError(file, "forward", "answers numbers that are not finite");
  return features;
}

}  // namespace

FeatureSpace own_feature_space(const std::filesystem::path& checkpoint) {
  const std::shared_ptr<FeatureNet> net = Checkpoint(checkpoint).features();
  return {net->config(), [net](const Tensor& windows) { return net->features(windows.to(default_device())); }};
}

FeatureSpace torchscript_feature_space(const std::filesystem::path& file) {
  const std::string name = file.string();
  auto module = std::make_shared<torch::jit::Module>();
  torch::jit::Kwargs switches;
  try {
    *module = torch::jit::load(name, default_device());
    module->eval();
    switches = known_switches(*module);
  } catch (const std::exception& error) {
    throw InputError(name, "", "is not a TorchScript file with a forward method (" + first_line(error) + ")");
  }
  FeatureConfig config;
  config.size = 224;
  config.window = 16;
  config.stride = 8;
  return {config, [module, switches, name](const Tensor& windows) {
            const Tensor x = windows.transpose(1, 2).contiguous().to(default_device());
            c10::IValue answer;
            try {
              answer = module->forward({x}, switches);
            } catch (const std::exception& error) {
              throw InputError(name, "forward", "failed on [N, 3, 16, 224, 224] (" + first_line(error) + ")");
            }
            return checked(answer, windows.size(0), name);
          }};
}

}  // namespace bitemark::model
