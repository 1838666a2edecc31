#include "model/frame_team.h"

#include <gtest/gtest.h>

#include <atomic>

namespace bitemark::model {
namespace {

TEST(FrameTeam, PartsCoverAllTokensOnce) {
  std::vector<std::atomic<int>> seen(7);
  run_as_team(3, 7, [&](const FramePart& part) {
    for (std::int64_t token = part.first; token < part.first + part.count; ++token)
      ++seen[static_cast<std::size_t>(token)];
    part.meet();
  });
  for (const auto& times : seen) EXPECT_EQ(times, 1);
}

TEST(FrameTeam, NobodyPassesBeforeAllHaveCome) {
  std::atomic<int> come{0};
  run_as_team(3, 6, [&](const FramePart& part) {
    for (int round = 1; round <= 50; ++round) {
      ++come;
      part.meet();
      EXPECT_GE(come, round * part.threads);
      part.meet();
    }
  });
}

TEST(FrameTeam, OneThatThrowsLeavesNobodyWaiting) {
  struct Broken {};
  EXPECT_THROW(run_as_team(2, 4,
                           [](const FramePart& part) {
                             if (part.rank == part.threads - 1) throw Broken();
                             part.meet();
                           }),
               Broken);
}

}  // namespace
}  // namespace bitemark::model
