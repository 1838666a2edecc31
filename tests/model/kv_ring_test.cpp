#include "model/kv_ring.h"

#include <gtest/gtest.h>

#include <cmath>

namespace bitemark::model {
namespace {

TEST(KvRing, CutsAddToTheDistance) {
  KvRing ring(8, 0);
  const Tensor mark = at::zeros({1, 1, 1, 1});
  for (int t = 0; t < 4; ++t) ring.push({{mark, mark}}, t, false, t < 2 ? 0 : 1);
  EXPECT_EQ(ring.distances(4, 1), (std::vector<std::int64_t>{-4 - kShotJump, -3 - kShotJump, -2, -1}));
  EXPECT_EQ(ring.distances(4, 2).back(), -1 - kShotJump);
}

TEST(KvRing, MemoryHoldsMeansOfAllThatWentBy) {
  // One sink, two means, three latest: 20 frames with values 0 to 19.
  KvRing ring(7, 1, 2);
  for (int n = 0; n < 20; ++n) {
    const Tensor mark = at::full({1, 1, 1, 1}, n, at::kFloat);
    ring.push({{mark, mark}}, n);
    EXPECT_LE(ring.size(), 6);
  }
  const Tensor keys = ring.keys(0).flatten();
  ASSERT_EQ(keys.numel(), 6);
  const auto value = [&](std::int64_t i) { return keys[i].item<double>(); };
  EXPECT_EQ(value(0), 0.0);
  for (int i = 0; i < 3; ++i) EXPECT_EQ(value(3 + i), 17.0 + i);
  // Frames 1 to 16, in order, k in the first mean: (k + 1) / 2, and the rest.
  const double first = value(1), k = 2 * first - 1;
  EXPECT_NEAR(k, std::round(k), 1e-5);
  EXPECT_NEAR(value(2), (17 + k) / 2, 1e-4);
  EXPECT_GE(k, 8);  // half of them or more: what is longer ago is known more coarsely
  EXPECT_LT(k, 16);
}

TEST(KvRing, FramesAheadKeepTheirDistance) {
  KvRing ring(8, 1);
  const Tensor mark = at::zeros({1, 1, 1, 1});
  ring.push({{mark, mark}}, 20, true);
  ring.push({{mark, mark}}, 21, true);
  EXPECT_EQ(ring.distances(0), (std::vector<std::int64_t>{7, 7}));  // no farther than the window
  for (int t = 0; t < 17; ++t) ring.push({{mark, mark}}, t);
  EXPECT_EQ(ring.distances(17), (std::vector<std::int64_t>{3, 4, -5, -4, -3, -2, -1}));
}

TEST(KvRing, KeepsSinksAndTheLatestAndNoMore) {
  KvRing ring(4, 1);
  for (int n = 0; n < 10; ++n) {
    const Tensor mark = at::full({1, 1, 1, 1}, n);
    ring.push({{mark, mark}}, n);
    EXPECT_LE(ring.size(), 3);
  }
  EXPECT_TRUE(
      at::equal(ring.keys(0).flatten(), at::tensor(std::vector<std::int64_t>{0, 8, 9}).to(ring.keys(0).dtype())));
}

}  // namespace
}  // namespace bitemark::model
