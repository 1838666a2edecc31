// Products of split numbers, on processors that have tiles for them; elsewhere there is nothing to be tested.
#include "model/kernels/split_kernels.h"

#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <limits>
#include <vector>

#include "model/noise.h"
#include "model/packed_linear.h"

namespace bitemark::model {
namespace {

class SplitProduct : public testing::Test {
 protected:
  void SetUp() override {
    if (split_kernels() == nullptr) GTEST_SKIP() << "this processor has no tiles of bfloat16, or is pinned below them";
  }

  static Tensor product(const Tensor& left, const Tensor& right) {
    const PackedMatrix packed(right.data_ptr<float>(), PackedMatrix::From::kRows, right.size(0), right.size(1));
    EXPECT_TRUE(packed.split());
    Tensor out = at::empty({left.size(0), right.size(1)});
    multiply({left.data_ptr<float>(), left.size(0), packed, nullptr}, out.data_ptr<float>());
    return out;
  }

  /// The header's bound, and float32's rounding of sums.
  static void expect_within_the_bound(const Tensor& found, const Tensor& left, const Tensor& right) {
    const Tensor a = left.to(at::kDouble), b = right.to(at::kDouble);
    const double share = 3 * 0x1p-16 + static_cast<double>(left.size(1)) * 0x1p-24;
    const Tensor excess = (found.to(at::kDouble) - at::mm(a, b)).abs() - share * at::mm(a.abs(), b.abs());
    EXPECT_LE(excess.max().item<double>(), 0.0);
  }

  static Tensor whole_numbers(at::IntArrayRef shape, double below, std::uint32_t seed) {
    return at::round(at::clamp(normal_noise(shape, {seed, 0, 0}) * (below / 3), -below, below));
  }
};

TEST_F(SplitProduct, IsWithinItsBound) {
  for (const auto& [rows, depth, columns] : std::vector<std::array<std::int64_t, 3>>{
           {1, 32, 32}, {16, 192, 576}, {17, 64, 96}, {31, 32, 160}, {300, 256, 64}, {64, 1376, 224}}) {
    const Tensor left = normal_noise({rows, depth}, {1, 0, 0}), right = normal_noise({depth, columns}, {2, 0, 0});
    expect_within_the_bound(product(left, right), left, right);
  }
}

TEST_F(SplitProduct, IsExactWhereOneSideNeedsNoSecondPart) {
  // Twelve bits by four, and 64 of them are below 2^24: bfloat16 has eight, so one side needs its second part.
  const Tensor left = whole_numbers({33, 64}, 2047, 1), right = whole_numbers({64, 96}, 7, 2);
  EXPECT_TRUE(at::equal(product(left, right), at::mm(left, right)));
  const Tensor few = whole_numbers({33, 64}, 7, 3), many = whole_numbers({64, 96}, 2047, 4);
  EXPECT_TRUE(at::equal(product(few, many), at::mm(few, many)));
}

TEST_F(SplitProduct, OfTransposedSides) {
  // Few rows and many: the larger side is taken apart once, or a few rows at a time.
  for (const std::int64_t rows : {48, 464}) {
    for (const std::int64_t depth : {1, 31, 32, 33, 64, 765}) {
      const Tensor left = normal_noise({depth, rows}, {1, 0, 0}), right = normal_noise({depth, 96}, {2, 0, 0});
      const PackedMatrix packed(right.data_ptr<float>(), PackedMatrix::From::kRows, depth, 96, true);
      Tensor out = at::empty({rows, 96}), sums = at::empty({rows});
      multiply_transposed(left.data_ptr<float>(), rows, depth, packed, out.data_ptr<float>(), sums.data_ptr<float>());
      expect_within_the_bound(out, left.t(), right);
      // Half a unit in the last place of every partial sum: 2^-24 times the sum of magnitudes, once an addition.
      const Tensor off = (sums - left.to(at::kDouble).sum(0)).abs();
      EXPECT_TRUE((off <= left.abs().sum(0) * std::ldexp(static_cast<double>(depth), -24)).all().item<bool>());
    }
  }
}

TEST_F(SplitProduct, BitsDoNotDependOnThreads) {
  const Tensor right = normal_noise({256, 64}, {2, 0, 0});
  for (const std::int64_t rows : {100, 1000}) {
    const Tensor left = normal_noise({rows, 256}, {1, 0, 0});
    const int before = at::get_num_threads();
    at::set_num_threads(1);
    const Tensor one = product(left, right);
    at::set_num_threads(3);
    const Tensor three = product(left, right);
    at::set_num_threads(before);
    EXPECT_TRUE(at::equal(one, three));
  }
}

TEST_F(SplitProduct, WhatIsNotFiniteStaysSo) {
  const Tensor right = at::ones({32, 32});
  Tensor left = at::ones({2, 32});
  left[0][5] = std::numeric_limits<float>::quiet_NaN();
  EXPECT_TRUE(product(left, right)[0].isnan().all().item<bool>());
  left[0][5] = std::numeric_limits<float>::infinity();
  EXPECT_FALSE(product(left, right)[0].isfinite().any().item<bool>());
  EXPECT_TRUE(at::equal(product(left, right)[1], at::full({32}, 32.0)));
}

TEST_F(SplitProduct, GradientsAreOfTheWeightsAsTheyAreNow) {
  PackedLinear layer(torch::nn::LinearOptions(32, 64));
  const auto slope = [&] {
    const Tensor x = at::ones({1, 32}).requires_grad_(true);
    layer->forward(x).sum().backward();
    return x.grad();
  };
  const Tensor before = slope();
  {
    const torch::NoGradGuard no_grad;
    layer->weight.mul_(2.0);  // exact, in both parts
  }
  EXPECT_TRUE(at::equal(slope(), 2.0 * before));
}

}  // namespace
}  // namespace bitemark::model
