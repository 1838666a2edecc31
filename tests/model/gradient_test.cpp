#include "model/gradient.h"

#include <gtest/gtest.h>

#include <stdexcept>
#include <vector>

#include "model/attention.h"
#include "model/fused_ops.h"
#include "model/noise.h"
#include "model/packed_linear.h"

namespace bitemark::model {
namespace {

/// A little of everything that shares its loops.
class Layers : public Stage {
 public:
  /// `fails`: the number of a part that cannot be computed; none at first.
  explicit Layers(std::int64_t fails = -1) : network_(std::make_shared<Network>()), fails_(fails) {}
  torch::nn::Module& network() override { return *network_; }
  StepData prepare(const StepPart&) const override { return {}; }
  StepLoss loss(const StepPart& part, StepData&) override {
    if (part.part == fails_) throw std::domain_error("there");
    const Tensor x = normal_noise({1, 4, 48, 64}, {1, static_cast<std::uint32_t>(part.part), 0});
    const Tensor y = network_->in(norm_modulate(x, x.select(2, 0), x.select(2, 1)));
    const auto parts = y.view({1, 192, 3, 4, 16}).unbind(2);
    Visibility sees{48, {}};
    for (std::int64_t b = 0; b < 4; ++b) sees.blocks.push_back({48 * b, 48 * b, 48});
    const Tensor z = network_->out(attend_visible(parts[0], parts[1], parts[2], sees).view(x.sizes()));
    return {add_gated(x, swiglu(at::cat({z, y.slice(-1, 0, 64)}, -1)), x.select(2, 2)).pow(2).mean(), {}};
  }
  void export_to(const std::filesystem::path&) override {}
  double flop_per_step() const override { return 0; }

 private:
  struct Network : torch::nn::Module {
    Network() {
      for (auto& weights : parameters())
        torch::NoGradGuard{}, weights.copy_(normal_noise(weights.sizes(), {2, 0, 0}) / 8.0);
    }
    PackedLinear in = register_module("in", PackedLinear(64, 192)), out = register_module("out", PackedLinear(64, 64));
  };
  std::shared_ptr<Network> network_;
  std::int64_t fails_;
};

/// Three weights whose gradients are 1 + p in part p: of two LibTorch gives them as one tensor, of the third as one
/// number in all places.
class AllAlike : public Stage {
 public:
  torch::nn::Module& network() override { return *network_; }
  StepData prepare(const StepPart&) const override { return {}; }
  StepLoss loss(const StepPart& part, StepData&) override {
    const auto times = static_cast<double>(1 + part.part);
    return {((network_->a + network_->b) * times).sum() + network_->c.sum() * times, {}};
  }
  void export_to(const std::filesystem::path&) override {}
  double flop_per_step() const override { return 0; }

 private:
  struct Network : torch::nn::Module {
    Tensor a = register_parameter("a", at::ones({6})), b = register_parameter("b", at::ones({6})),
           c = register_parameter("c", at::ones({6}));
  };
  std::shared_ptr<Network> network_ = std::make_shared<Network>();
};

/// Of so many parts.
void add_gradients_of(Stage& stage, std::int64_t count, int threads) {
  std::vector<StepPart> parts;
  for (std::int64_t part = 0; part < count; ++part) parts.push_back({0, part});
  std::vector<StepData> data(parts.size());
  const int before = at::get_num_threads();
  add_gradients(stage, parts, data, stage.network().parameters(), 3.0, threads, false);
  at::set_num_threads(before);
}

TEST(Gradient, BitsDoNotDependOnThreads) {
  const auto gradients = [](int threads) {
    Layers stage;
    add_gradients_of(stage, 5, threads);  // of two threads: two rounds, and one part that has both
    std::vector<Tensor> found;
    for (const auto& weight : stage.network().parameters()) found.push_back(weight.grad());
    return found;
  };
  const auto alone = gradients(1), helped = gradients(2), much_helped = gradients(7);
  for (std::size_t i = 0; i < alone.size(); ++i) {
    EXPECT_GT(alone[i].abs().max().item<float>(), 0);
    EXPECT_TRUE(at::equal(alone[i], helped[i]));
    EXPECT_TRUE(at::equal(alone[i], much_helped[i]));
  }
}

TEST(Gradient, GivenOneTensorOrOneNumberEachWeightHasASumOfItsOwn) {
  AllAlike stage;
  add_gradients_of(stage, 4, 1);  // 1 + 2 + 3 + 4, over 3
  for (const auto& weight : stage.network().named_parameters())
    EXPECT_TRUE(at::allclose(weight.value().grad(), at::full({6}, 10.0 / 3.0))) << weight.key();
}

TEST(Gradient, APartsFailureIsTheStepsAndNobodyWaitsForIt) {
  for (const std::int64_t fails : {0, 2, 4}) {
    Layers stage(fails);
    EXPECT_THROW(add_gradients_of(stage, 5, 2), std::domain_error) << fails;
  }
}

}  // namespace
}  // namespace bitemark::model
