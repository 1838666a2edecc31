#include "model/helpers.h"

#include <gtest/gtest.h>

#include <atomic>
#include <stdexcept>
#include <thread>
#include <vector>

namespace bitemark::model {
namespace {

TEST(Helpers, EachIndexIsTakenOnce) {
  const Helpers helpers(3);
  EXPECT_EQ(sharing_threads(), 4);
  for (const std::int64_t grain : {1, 5, 64}) {
    for (const std::int64_t count : {0, 1, 4, 63, 64, 65, 1000}) {
      std::vector<std::atomic<int>> taken(static_cast<std::size_t>(count));
      std::atomic<bool> at_grains{true};
      for_shares(count, grain, [&](std::int64_t begin, std::int64_t end) {
        if (begin % grain != 0 || (end % grain != 0 && end != count)) at_grains = false;
        for (std::int64_t i = begin; i < end; ++i) ++taken[static_cast<std::size_t>(i)];
      });
      EXPECT_TRUE(at_grains);
      for (const auto& times : taken) EXPECT_EQ(times, 1) << count << " by " << grain;
    }
  }
}

TEST(Helpers, TakePart) {
  const Helpers helpers(1);
  std::atomic<int> met{0};
  // Neither share ends before the other has begun, so two threads have them.
  for_shares(2, 1, [&](std::int64_t, std::int64_t) {
    for (++met; met < 2;) std::this_thread::yield();
  });
  EXPECT_EQ(met, 2);
}

TEST(Helpers, AreTheirThreadsAlone) {
  const Helpers helpers(3);
  std::int64_t elsewhere = 0;
  std::thread([&] {
    const Helpers one(1);
    elsewhere = sharing_threads();
  }).join();
  EXPECT_EQ(elsewhere, 2);
  {
    const Helpers none(0);
    EXPECT_EQ(sharing_threads(), at::get_num_threads());
  }
  EXPECT_EQ(sharing_threads(), 4) << "as before";
}

TEST(Helpers, AFailureIsTheCallers) {
  const auto loop = [](std::int64_t fails) {
    for_shares(100, 1, [&](std::int64_t begin, std::int64_t end) {
      if (begin <= fails && fails < end) throw std::domain_error("there");
    });
  };
  for (const std::int64_t fails : {0, 99}) {
    const Helpers helpers(3);
    EXPECT_THROW(loop(fails), std::domain_error);
  }
}

}  // namespace
}  // namespace bitemark::model
