#include "model/packed_linear.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "model/noise.h"

namespace bitemark::model {
namespace {

struct LinearCase {
  std::int64_t rows, depth, columns;
  bool bias;
};

class FusedOpsLinear : public testing::TestWithParam<LinearCase> {};

TEST_P(FusedOpsLinear, EqualsTheLibrarys) {
  const auto [rows, depth, columns, bias] = GetParam();
  PackedLinear layer(torch::nn::LinearOptions(depth, columns).bias(bias));
  const Tensor x = normal_noise({1, rows, depth}, {1, 0, 0});
  const torch::NoGradGuard no_grad;
  const Tensor expected = at::linear(x, layer->weight, layer->bias);
  // Sums of `depth` products of order one in another order: a few ulp of their size.
  const double tolerance = 1e-6 * static_cast<double>(depth);
  EXPECT_TRUE(at::allclose(layer->forward(x), expected, 0, tolerance));
  at::set_num_threads(1);
  const Tensor alone = layer->forward(x);
  at::set_num_threads(2);
  EXPECT_TRUE(at::equal(layer->forward(x), alone));
  // Nor do a row's bits depend on those beside it.
  EXPECT_TRUE(at::equal(layer->forward(x.slice(1, rows - 1)), alone.slice(1, rows - 1)));
}

INSTANTIATE_TEST_SUITE_P(Shapes, FusedOpsLinear,
                         testing::Values(LinearCase{1, 8, 16, true}, LinearCase{16, 192, 576, false},
                                         LinearCase{64, 256, 1376, true}, LinearCase{17, 33, 80, true},
                                         LinearCase{5, 64, 3, true}, LinearCase{7, 24, 90, false},
                                         LinearCase{300, 32, 64, true}, LinearCase{500, 700, 100, true}));

/// A layer's answer to x, and the slopes of that times `weights`, by the given function.
struct Slopes {
  Tensor answer, x, weight, bias;
};

template <typename Layer>
Slopes slopes_of(const Layer& layer, const Tensor& x, const Tensor& weight, const Tensor& bias, const Tensor& weights) {
  const auto leaf = [](const Tensor& t) { return t.detach().clone().requires_grad_(true); };
  const Tensor in = leaf(x), w = leaf(weight), b = bias.defined() ? leaf(bias) : bias;
  const Tensor answer = layer(in, w, b);
  (answer * weights).sum().backward();
  return {answer.detach(), in.grad(), w.grad(), b.defined() ? b.grad() : b};
}

class FusedOpsLinearGradients : public testing::TestWithParam<LinearCase> {};

TEST_P(FusedOpsLinearGradients, AreTheLibrarys) {
  const auto [rows, depth, columns, bias] = GetParam();
  const Tensor x = normal_noise({1, rows, depth}, {1, 0, 0}), weight = normal_noise({columns, depth}, {2, 0, 0});
  const Tensor offsets = bias ? normal_noise({columns}, {3, 0, 0}) : Tensor();
  const Tensor weights = normal_noise({1, rows, columns}, {4, 0, 0});
  const auto ours = [in_features = depth, out_features = columns](const Tensor& in, const Tensor& w, const Tensor& b) {
    PackedLinear layer(torch::nn::LinearOptions(in_features, out_features).bias(b.defined()));
    layer->weight = w;
    layer->bias = b;
    return layer->forward(in);
  };
  const auto librarys = [](const Tensor& in, const Tensor& w, const Tensor& b) { return at::linear(in, w, b); };
  const Slopes found = slopes_of(ours, x, weight, offsets, weights);
  const Slopes expected = slopes_of(librarys, x, weight, offsets, weights);
  // Sums of so many products of order one: a few ulp of their size, or the bound of split ones.
  const bool splits = PackedMatrix::splits(depth, columns);
  const double tolerance = (splits ? 4.6e-5 : 1e-6) * static_cast<double>(std::max({rows, depth, columns}));
  const auto near = [&](const Tensor& a, const Tensor& b) { return at::allclose(a, b, 0, tolerance); };
  EXPECT_TRUE(near(found.answer, expected.answer));
  EXPECT_TRUE(near(found.x, expected.x));
  EXPECT_TRUE(near(found.weight, expected.weight));
  if (splits) {
    EXPECT_FALSE(at::equal(found.weight, expected.weight));  // or they were not split
  }
  if (bias) {
    EXPECT_TRUE(near(found.bias, expected.bias));
  }
  const int before = at::get_num_threads();
  at::set_num_threads(1);
  const Slopes alone = slopes_of(ours, x, weight, offsets, weights);
  at::set_num_threads(before + 1);
  const Slopes together = slopes_of(ours, x, weight, offsets, weights);
  at::set_num_threads(before);
  for (const auto part : {&Slopes::answer, &Slopes::x, &Slopes::weight})
    EXPECT_TRUE(at::equal(alone.*part, together.*part));
  if (bias) {
    EXPECT_TRUE(at::equal(alone.bias, together.bias));
  }
}

// Depths beside the lanes and panels of a product, and more rows than are added up at a time.
INSTANTIATE_TEST_SUITE_P(Shapes, FusedOpsLinearGradients,
                         testing::Values(LinearCase{45, 64, 96, true}, LinearCase{45, 64, 96, false},
                                         LinearCase{1, 8, 16, true}, LinearCase{17, 33, 80, true},
                                         LinearCase{5, 64, 3, true}, LinearCase{7, 24, 90, false},
                                         LinearCase{64, 64, 48, true}, LinearCase{1300, 32, 416, true},
                                         LinearCase{1025, 100, 7, true}));

TEST(FusedOpsPackedLinear, SeesThatItsWeightsHaveChanged) {
  PackedLinear layer(16, 32);
  const Tensor x = normal_noise({4, 16}, {1, 0, 0});
  const torch::NoGradGuard no_grad;
  const Tensor before = layer->forward(x);
  layer->weight.mul_(2.0);
  const Tensor after = layer->forward(x);
  EXPECT_TRUE(at::allclose(after - layer->bias, 2 * (before - layer->bias), 0, 1e-5));
  layer->weight.set_data(at::zeros({32, 16}));
  EXPECT_TRUE(at::allclose(layer->forward(x), layer->bias.expand({4, 32})));
}

}  // namespace
}  // namespace bitemark::model
