#include "model/team.h"

#include <gtest/gtest.h>

#include <atomic>
#include <vector>

namespace bitemark::model {
namespace {

TEST(Team, AllIsDoneOnce) {
  std::vector<std::atomic<int>> seen(7);
  run_as_team(3, [&](const TeamMember& member) {
    for (const std::int64_t count : {7, 2, 0, 7})
      member.share(count, [&](std::int64_t i) { ++seen[static_cast<std::size_t>(i)]; });
  });
  for (std::size_t i = 0; i < seen.size(); ++i) EXPECT_EQ(seen[i], i < 2 ? 3 : 2);
}

TEST(Team, NobodyGoesOnBeforeAllIsDone) {
  std::atomic<int> done{0};
  run_as_team(3, [&](const TeamMember& member) {
    for (int round = 1; round <= 50; ++round) {
      member.share(5, [&](std::int64_t) { ++done; });
      EXPECT_EQ(done, 5 * round);
      member.share(0, [](std::int64_t) {});  // so that nobody counts on before all have looked
    }
  });
}

TEST(Team, WhatOneHasNotBegunIsTakenByOthers) {
  std::atomic<int> done{0};
  run_as_team(2, [&](const TeamMember& member) {
    member.share(8, [&](std::int64_t i) {
      // The first waits until all others are done: somebody else must have done the rest of its part.
      while (i == 0 && member.team.threads() > 1 && done < 7) {
      }
      ++done;
    });
  });
  EXPECT_EQ(done, 8);
}

TEST(Team, OneThatThrowsLeavesNobodyWaiting) {
  struct Broken {};
  EXPECT_THROW(run_as_team(2,
                           [](const TeamMember& member) {
                             if (member.rank == 0) throw Broken();
                             member.share(2, [](std::int64_t) {});
                           }),
               Broken);
}

}  // namespace
}  // namespace bitemark::model
