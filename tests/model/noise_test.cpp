#include "model/noise.h"

#include <gtest/gtest.h>

namespace bitemark::model {
namespace {

// Known answers of Random123 1.x (kat_vectors, philox4x32 10 rounds).
TEST(Philox, KnownAnswers) {
  EXPECT_EQ(philox({0, 0, 0, 0}, {0, 0}),
            (std::array<std::uint32_t, 4>{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}));
  EXPECT_EQ(philox({0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff}, {0xffffffff, 0xffffffff}),
            (std::array<std::uint32_t, 4>{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}));
  EXPECT_EQ(philox({0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}, {0xa4093822, 0x299f31d0}),
            (std::array<std::uint32_t, 4>{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}));
}

TEST(Noise, IsStandardNormal) {
  const Tensor x = normal_noise({1 << 18}, {7, 1, 2}).to(at::kDouble);
  // Standard errors over 2^18 draws: mean 0.002, variance sqrt(2 / n) = 0.0028, fourth moment sqrt(96 / n) = 0.019.
  EXPECT_NEAR(x.mean().item<double>(), 0.0, 0.008);
  EXPECT_NEAR(x.pow(2).mean().item<double>(), 1.0, 0.012);
  EXPECT_NEAR(x.pow(4).mean().item<double>(), 3.0, 0.08);
}

TEST(Noise, DependsOnEveryPartOfItsKeyAndNothingElse) {
  const Tensor x = normal_noise({64}, {7, 1, 2});
  EXPECT_TRUE(at::equal(x, normal_noise({64}, {7, 1, 2})));
  EXPECT_TRUE(at::equal(x.slice(0, 0, 33), normal_noise({33}, {7, 1, 2}))) << "a prefix does not depend on the count";
  for (const NoiseKey& other :
       {NoiseKey{8, 1, 2}, NoiseKey{7 + (1ULL << 40U), 1, 2}, NoiseKey{7, 2, 2}, NoiseKey{7, 1, 3}})
    EXPECT_FALSE(at::equal(x, normal_noise({64}, other)));
}

}  // namespace
}  // namespace bitemark::model
