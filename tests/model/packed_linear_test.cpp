#include "model/packed_linear.h"

#include <gtest/gtest.h>

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
