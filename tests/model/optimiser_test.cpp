// What every weight of every checkpoint went through: AdamW against LibTorch's, Muon against the singular value
// decomposition, averages against their closed form.
#include "model/optimiser.h"

#include <gmock/gmock.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <map>
#include <set>

#include "base/error.h"
#include "model/noise.h"
#include "toys.h"

namespace bitemark::model {
namespace {

using testing::HasSubstr;
using testing::ThrowsMessage;

constexpr double kRounding = 1.0 / (1 << 24);  // of one float32 operation, relative

class ToyBlock : public torch::nn::Module {
 public:
  explicit ToyBlock(at::ScalarType type) {
    register_parameter("tall", torch::zeros({12, 3}, type));
    register_parameter("wide", torch::zeros({3, 12}, type));
    register_parameter("square", torch::zeros({6, 6}, type));
    register_parameter("kernel", torch::zeros({2, 3, 3, 3}, type));
    register_parameter("gain", torch::zeros({5}, type));
  }
};

/// Every kind of parameter; "unused" never has a gradient, "frozen" needs none.
class Toy : public torch::nn::Module {
 public:
  explicit Toy(std::uint64_t seed = 1, at::ScalarType type = at::kFloat) {
    register_parameter("head", torch::zeros({7, 4}, type));
    register_parameter("bias", torch::zeros({4}, type));
    register_parameter("unused", torch::zeros({3, 3}, type));
    register_parameter("frozen", torch::zeros({4, 4}, type), false);
    register_module("blocks0", std::make_shared<ToyBlock>(type));
    randomise(*this, seed, 0.3);
  }
};

const std::set<std::string> kMatricesInBlocks{"blocks0.tall", "blocks0.wide", "blocks0.square"};

/// Fixed for a step, whatever the type of the weights: of either sign, 0.5 to 1.5 times `scale`.
void set_gradients(Toy& toy, std::int64_t step, double scale = 1.0) {
  std::uint32_t index = 0;
  for (auto& item : toy.named_parameters()) {
    const NoiseKey key{17, static_cast<std::uint32_t>(step), index++};
    if (item.key() == "unused" || item.key() == "frozen") continue;
    const Tensor noise = normal_noise(item.value().sizes(), key);
    const Tensor gradient = scale * noise.sign() * (0.5 + 0.5 * noise.abs().clamp_max(2.0));
    item.value().mutable_grad() = gradient.to(item.value().scalar_type());
  }
}

/// Steps [from, to) at the full rates.
void run_steps(Toy& toy, Optimiser& optimiser, std::int64_t from, std::int64_t to, int threads = 1) {
  for (std::int64_t step = from; step < to; ++step) {
    optimiser.zero_grad();
    set_gradients(toy, step);
    optimiser.step(1.0, step, threads);
  }
}

std::map<std::string, Tensor> copies(const Optimiser& optimiser) {
  std::map<std::string, Tensor> copies;
  for (const auto& [name, value] : optimiser.state()) copies[name] = value.detach().clone();
  return copies;
}

void expect_same(const std::map<std::string, Tensor>& a, const std::map<std::string, Tensor>& b) {
  ASSERT_EQ(a.size(), b.size());
  for (const auto& [name, value] : a) {
    ASSERT_TRUE(b.contains(name)) << name;
    EXPECT_TRUE(at::equal(value, b.at(name))) << name;
  }
}

double largest(const Tensor& x) { return x.detach().abs().max().item<double>(); }

std::unique_ptr<torch::optim::OptimizerOptions> adamw_options(double decay) {
  auto options = std::make_unique<torch::optim::AdamWOptions>();
  options->betas(std::make_tuple(0.9, 0.95)).eps(1e-8).weight_decay(decay);
  return options;
}

// Gradients near 1, and near 1e-7, where an epsilon of 1e-8 is a tenth of the root of the second moment.
TEST(AdamW, IsLibTorchs) {
  constexpr double kRate = 0.01, kDecay = 0.5;
  constexpr int kSteps = 20;
  // LibTorch's runs in double, so all rounding is ours. In units of 2^-24: a first moment, of gradients up to 1.5, is
  // off by at most 16 * 1.5 (1.6 a step, memory 1 / 0.1) and the root of the second by 21 of itself (4 for the new term
  // and 3 for every step that an old one is carried, halved by the root, and 4 for what is done to it). Over a root of
  // at least 0.5 the first is 48 and the second 3 * 21, and with the last three operations, on 3 at most, a step is off
  // by 120 * rate, 20 steps by 24. A weight below 2 rounds 3 times a step: 120 more.
  constexpr double kTolerance = 150 * kRounding;
  for (const double scale : {1.0, 1e-7}) {
    SCOPED_TRACE(scale);
    Toy ours(1), theirs(1, at::kDouble);
    Optimiser optimiser(ours, {kRate, 0.0, kDecay, 0.999});
    std::vector<Tensor> decayed, kept;
    for (auto& item : theirs.named_parameters())
      if (item.value().requires_grad()) (item.value().dim() >= 2 ? decayed : kept).push_back(item.value());
    ASSERT_EQ(kept.size(), 2U);
    std::vector<torch::optim::OptimizerParamGroup> groups;
    groups.emplace_back(decayed, adamw_options(kDecay));
    groups.emplace_back(kept, adamw_options(0.0));
    torch::optim::AdamW adamw(groups);
    for (int step = 0; step < kSteps; ++step) {
      const double schedule = 0.25 + 0.75 * step / (kSteps - 1);
      set_gradients(ours, step, scale);
      set_gradients(theirs, step, scale);
      for (auto& group : adamw.param_groups()) group.options().set_lr(schedule * kRate);
      adamw.step();
      optimiser.step(schedule, step, 1);
    }
    const auto expected = theirs.named_parameters();
    for (const auto& item : ours.named_parameters()) {
      ASSERT_LT(largest(item.value()), 2.0) << item.key();
      EXPECT_LT(largest(item.value().detach().to(at::kDouble) - expected[item.key()].detach()), kTolerance)
          << item.key();
    }
    const Toy start(1);
    for (const char* still : {"unused", "frozen"})
      EXPECT_TRUE(at::equal(ours.named_parameters()[still], start.named_parameters()[still])) << still;
  }
}

/// What five steps of Jordan's quintic make of singular values.
Tensor quintic(Tensor s) {
  for (int i = 0; i < 5; ++i) {
    const Tensor square = s * s;
    s = s * (3.4445 + square * (-4.7750 + 2.0315 * square));
  }
  return s;
}

TEST(Muon, MakesSingularValuesNearlyOneAndKeepsTheVectors) {
  const std::vector<std::pair<std::int64_t, std::int64_t>> shapes{{24, 6}, {6, 24}, {12, 12}};
  for (const auto& [rows, columns] : shapes) {
    SCOPED_TRACE(testing::Message() << rows << " x " << columns);
    const NoiseKey key{23, static_cast<std::uint32_t>(rows), static_cast<std::uint32_t>(columns)};
    const auto [u, unused, vh] = at::linalg_svd(normal_noise({rows, columns}, key).to(at::kDouble), false);
    // Singular values from 7 to 0.07.
    const Tensor values = 7.0 * at::pow(10.0, at::linspace(0.0, -2.0, std::min(rows, columns), at::kDouble));
    const Tensor gradient = at::mm(u * values, vh);
    const Tensor normalised = values / values.norm();
    // Its norm, above 7, is taken for 1e-7 larger; a relative change changes the quintic by at most 8.7 times as much
    // (largest s p'(s) in [0, 1]): 1.3e-7. Rounding in double is far below.
    const Tensor result = orthogonalised(gradient);
    ASSERT_EQ(result.sizes(), gradient.sizes());
    EXPECT_LT(largest(result - at::mm(u * quintic(normalised), vh)), 2e-7);

    // Where the quintic takes all that lies between the smallest and 1: into [0.68, 1.21], "0.7 to 1.2".
    const Tensor range = quintic(at::linspace(normalised.min().item<double>(), 1.0, 100001, at::kDouble));
    const double low = range.min().item<double>(), high = range.max().item<double>();
    EXPECT_GE(low, 0.65);
    EXPECT_LT(high, 1.25);
    // In float32 the products of one step, of matrices whose Frobenius norm is below 1.21 * sqrt(12), round by less
    // than 4000 * 2^-24 together, and what a step leaves is stretched by at most 3.98, 11.9, 40.9 and 140.8 in the 1,
    // 2, 3 and 4 steps that follow: 4000 * 199 * 2^-24 = 0.047.
    const Tensor single = at::linalg_svdvals(orthogonalised(gradient.to(at::kFloat)).to(at::kDouble));
    EXPECT_GT(single.min().item<double>(), low - 0.05);
    EXPECT_LT(single.max().item<double>(), high + 0.05);
  }
}

TEST(Muon, NoGradientIsNoDirection) {
  EXPECT_TRUE(at::equal(orthogonalised(torch::zeros({6, 4})), torch::zeros({6, 4})));
}

// In double, so that only the formula can differ. Directions come from the singular value decomposition.
TEST(Muon, FollowsItsFormula) {
  constexpr double kRate = 0.1, kDecay = 0.5;
  constexpr int kSteps = 6;
  Toy toy(1, at::kDouble);
  Optimiser optimiser(toy, {0.0, kRate, kDecay, 0.999});
  auto parameters = toy.named_parameters();
  std::map<std::string, Tensor> weights, momenta;
  for (const auto& name : kMatricesInBlocks) {
    weights[name] = parameters[name].detach().clone();
    momenta[name] = torch::zeros_like(weights[name]);
  }
  for (int step = 0; step < kSteps; ++step) {
    const double schedule = 1.0 - 0.1 * step;
    set_gradients(toy, step, 100.0);
    for (const auto& name : kMatricesInBlocks) {
      const Tensor& gradient = parameters[name].grad();
      Tensor &weight = weights[name], &momentum = momenta[name];
      momentum = 0.95 * momentum + 0.05 * gradient;
      const auto [u, s, vh] = at::linalg_svd(0.05 * gradient + 0.95 * momentum, false);
      ASSERT_GT(s.norm().item<double>(), 10.0) << "the tolerance counts on it";
      const double tall = static_cast<double>(weight.size(0)) / static_cast<double>(weight.size(1));
      const double rate = schedule * kRate;
      weight = weight * (1.0 - rate * kDecay) -
               rate * std::sqrt(std::max(1.0, tall)) * at::mm(u * quintic(s / s.norm()), vh);
    }
    optimiser.step(schedule, step, 1);
  }
  // As above: 8.7 * 1e-7 / 10 a direction, which is scaled by 0.1 * sqrt(12 / 3) at most, six times: 1.1e-7.
  for (const auto& [name, weight] : weights) EXPECT_LT(largest(parameters[name].detach() - weight), 2e-7) << name;
}

TEST(Muon, MovesTheMatricesInsideBlocksAndNothingElse) {
  Toy with(1), without(1);
  Optimiser muon(with, {0.01, 0.02, 0.1, 0.99}), adamw(without, {0.01, 0.0, 0.1, 0.99});
  run_steps(with, muon, 0, 3);
  run_steps(without, adamw, 0, 3);
  const auto a = copies(muon), b = copies(adamw);
  std::vector<Tensor> in_order;
  for (const auto& item : with.named_parameters()) {
    const std::string& name = item.key();
    const bool learns = name != "frozen", by_muon = kMatricesInBlocks.contains(name);
    EXPECT_EQ(a.contains("second." + name), learns && !by_muon) << name;
    EXPECT_EQ(b.contains("second." + name), learns) << name;
    for (const char* part : {"weight.", "first.", "average."}) {
      EXPECT_EQ(a.contains(part + name), learns) << part << name;
      EXPECT_EQ(b.contains(part + name), learns) << part << name;
    }
    if (!learns) continue;
    EXPECT_EQ(at::equal(a.at("weight." + name), b.at("weight." + name)), !by_muon) << name;
    in_order.push_back(item.value());
  }
  const std::vector<Tensor> weights = muon.weights();
  ASSERT_EQ(weights.size(), in_order.size());
  for (std::size_t i = 0; i < weights.size(); ++i) EXPECT_TRUE(weights[i].is_same(in_order[i])) << i;
}

TEST(Optimiser, AtRateZeroNothingMoves) {
  Toy toy;
  Optimiser optimiser(toy, {0.01, 0.02, 0.1, 0.99});
  set_gradients(toy, 0);
  optimiser.step(0.0, 0, 1);
  const Toy start;
  const auto parameters = toy.named_parameters();
  for (const auto& item : start.named_parameters())
    EXPECT_TRUE(at::equal(item.value(), parameters[item.key()])) << item.key();
}

TEST(Optimiser, ForgetsGradients) {
  Toy toy;
  Optimiser optimiser(toy, {});
  set_gradients(toy, 0);
  optimiser.zero_grad();
  for (const auto& item : toy.named_parameters()) EXPECT_FALSE(item.value().grad().defined()) << item.key();
  EXPECT_EQ(optimiser.clip(1.0), 0.0);
}

/// Copies, those of weights without a gradient left out.
std::map<std::string, Tensor> gradients_of(const Toy& toy) {
  std::map<std::string, Tensor> gradients;
  for (const auto& item : toy.named_parameters())
    if (item.value().grad().defined()) gradients[item.key()] = item.value().grad().clone();
  return gradients;
}

double norm_of(const std::map<std::string, Tensor>& gradients) {
  double sum = 0;
  for (const auto& [name, gradient] : gradients) sum += gradient.to(at::kDouble).pow(2).sum().item<double>();
  return std::sqrt(sum);
}

TEST(Optimiser, ClipsAllGradientsTogether) {
  Toy toy;
  Optimiser optimiser(toy, {});
  set_gradients(toy, 0);
  toy.named_parameters()["head"].mutable_grad() = normal_noise({4, 7}, {29, 0, 0}).t();  // not contiguous
  const auto before = gradients_of(toy);
  ASSERT_EQ(before.size(), 7U);
  const double norm = norm_of(before);
  ASSERT_GT(norm, 5.0);

  // Sums of 199 squares in double, in two orders: 199 * 2^-53 = 2.2e-14.
  EXPECT_NEAR(optimiser.clip(2.0 * norm) / norm, 1.0, 1e-13);
  expect_same(before, gradients_of(toy));

  constexpr double kLimit = 0.7;
  EXPECT_NEAR(optimiser.clip(kLimit) / norm, 1.0, 1e-13);
  const auto after = gradients_of(toy);
  // The factor and each product round once, the test's own factor and product in double not at all.
  constexpr double kTolerance = 2.01 * kRounding;
  EXPECT_NEAR(norm_of(after) / kLimit, 1.0, kTolerance);
  ASSERT_EQ(after.size(), before.size());
  for (const auto& [name, gradient] : before) {
    const Tensor expected = gradient.to(at::kDouble) * (kLimit / norm);
    EXPECT_TRUE(at::allclose(after.at(name).to(at::kDouble), expected, kTolerance, 0.0)) << name;
  }

  // Nearly at the limit now: a second time changes nothing but rounding.
  EXPECT_NEAR(optimiser.clip(kLimit) / kLimit, 1.0, kTolerance);
  EXPECT_NEAR(norm_of(gradients_of(toy)) / kLimit, 1.0, 2 * kTolerance);
}

// keep_n = min(ema, (1 + n) / (10 + n)) after n steps: for 0.999 the warm-up rules, for 0.3 from step 3 on the limit.
TEST(Optimiser, AverageIsTheSumOfItsWeights) {
  constexpr int kSteps = 12;
  for (const double ema : {0.999, 0.3, 0.0}) {
    SCOPED_TRACE(ema);
    Toy toy;
    Optimiser optimiser(toy, {0.02, 0.02, 0.1, ema});
    std::vector<std::map<std::string, Tensor>> history{copies(optimiser)};
    for (int step = 0; step < kSteps; ++step) {
      run_steps(toy, optimiser, step, step + 1);
      history.push_back(copies(optimiser));
    }
    for (const auto& item : toy.named_parameters()) {
      if (!item.value().requires_grad()) continue;
      const std::string weight = "weight." + item.key(), average = "average." + item.key();
      EXPECT_TRUE(at::equal(history.front().at(weight), history.front().at(average))) << "begins as the weights";
      Tensor expected = torch::zeros_like(item.value(), at::kDouble);
      double remembered = 1;  // the product of all later keeps
      for (int n = kSteps; n >= 1; --n) {
        const double keep = std::min(ema, (1.0 + n) / (10.0 + n));
        expected += remembered * (1.0 - keep) * history[static_cast<std::size_t>(n)].at(weight).to(at::kDouble);
        remembered *= keep;
      }
      expected += remembered * history.front().at(weight).to(at::kDouble);
      ASSERT_LT(largest(item.value()), 2.0) << item.key();
      // Each step rounds the difference (4 at most), its share, the share's product and the sum (2): 14 units, 12
      // times.
      EXPECT_LT(largest(history.back().at(average).to(at::kDouble) - expected), 170 * kRounding) << item.key();
    }
  }
}

TEST(Optimiser, SwapsWeightsAndAverage) {
  Toy toy;
  Optimiser optimiser(toy, {0.01, 0.02, 0.1, 0.99});
  run_steps(toy, optimiser, 0, 4);
  const auto before = copies(optimiser);
  optimiser.swap_average();
  const auto swapped = copies(optimiser);
  const auto parameters = toy.named_parameters();
  for (const auto& item : parameters) {
    const std::string& name = item.key();
    if (name == "frozen") continue;
    EXPECT_EQ(at::equal(before.at("weight." + name), before.at("average." + name)), name == "unused") << name;
    EXPECT_TRUE(at::equal(item.value(), before.at("average." + name))) << name;
    EXPECT_TRUE(at::equal(swapped.at("average." + name), before.at("weight." + name))) << name;
    EXPECT_TRUE(at::equal(swapped.at("first." + name), before.at("first." + name))) << name;
  }
  optimiser.swap_average();
  expect_same(before, copies(optimiser));
}

TEST(Optimiser, GoesOnFromItsStateToTheSameBits) {
  const auto folder = fresh_folder("state");
  for (const double matrix_rate : {0.0, 0.02}) {
    SCOPED_TRACE(matrix_rate);
    const OptimiserSettings settings{0.01, matrix_rate, 0.1, 0.99};
    Toy first(1), second(2);
    Optimiser undisturbed(first, settings), resumed(second, settings);
    run_steps(first, undisturbed, 0, 3);
    save_tensors(folder / "state.safetensors", undisturbed.state());
    run_steps(second, resumed, 0, 1);  // leaves something to be replaced everywhere
    resumed.restore(SafetensorsFile(folder / "state.safetensors"));
    expect_same(copies(undisturbed), copies(resumed));
    run_steps(first, undisturbed, 3, 6);
    run_steps(second, resumed, 3, 6);
    expect_same(copies(undisturbed), copies(resumed));
  }
}

TEST(Optimiser, ThreadsChangeNoBit) {
  const OptimiserSettings settings{0.01, 0.02, 0.1, 0.99};
  Toy first, second;
  Optimiser one(first, settings), three(second, settings);
  const int threads = at::get_num_threads();
  run_steps(first, one, 0, 4, 1);
  EXPECT_EQ(at::get_num_threads(), threads);
  run_steps(second, three, 0, 4, 3);
  EXPECT_EQ(at::get_num_threads(), threads);
  expect_same(copies(one), copies(three));
}

TEST(Optimiser, StatesOfAnotherNetworkAreRefused) {
  const auto folder = fresh_folder("state");
  Toy toy;
  Optimiser optimiser(toy, {0.01, 0.02, 0.1, 0.99});
  const auto restore_with = [&](const std::string& name, const Tensor& value) {
    std::vector<NamedTensor> rows = optimiser.state();
    std::erase_if(rows, [&](const NamedTensor& row) { return row.name == name; });
    ASSERT_EQ(rows.size() + 1, optimiser.state().size()) << name;
    if (value.defined()) rows.push_back({name, value});
    save_tensors(folder / "state.safetensors", rows);
    optimiser.restore(SafetensorsFile(folder / "state.safetensors"));
  };
  EXPECT_NO_THROW(restore_with("second.head", torch::ones({7, 4})));
  EXPECT_THAT([&] { restore_with("second.head", {}); }, ThrowsMessage<InputError>(HasSubstr("second.head")));
  EXPECT_THAT(
      [&] {
        restore_with("first.blocks0.wide", torch::ones({12, 3}));
      },
      ThrowsMessage<InputError>(HasSubstr("first.blocks0.wide")));
  EXPECT_THAT([&] { restore_with("weight.bias", torch::ones({4}, at::kDouble)); },
              ThrowsMessage<InputError>(HasSubstr("weight.bias")));
  EXPECT_THAT([&] { restore_with("average.bias", torch::full({4}, std::numeric_limits<float>::quiet_NaN())); },
              ThrowsMessage<InputError>(HasSubstr("average.bias")));
}

}  // namespace
}  // namespace bitemark::model
