#include "model/frame_order.h"

#include <gtest/gtest.h>

#include "base/error.h"

namespace bitemark::model {
namespace {

Conditioning request(std::vector<int> places, int frames) {
  Conditioning take;
  take.id = "a-take";
  take.frame_count = frames;
  take.context.resize(places.size());
  take.places = std::move(places);
  return take;
}

std::vector<std::int64_t> times_of(const FrameOrder& order) {
  std::vector<std::int64_t> times;
  for (const auto& visit : order.visits) times.push_back(visit.time);
  return times;
}

using Times = std::vector<std::int64_t>;

TEST(FrameOrder, OnwardsFromGivenFirstFrames) {
  const FrameOrder order = frame_order(request({0, 1}, 4), 1, 4, false);
  EXPECT_EQ(times_of(order), (Times{0, 1, 2, 3}));
  EXPECT_TRUE(order.visits[1].given && !order.visits[2].given && !order.backwards);
}

TEST(FrameOrder, BackwardsFromGivenLastFrames) {
  const FrameOrder order = frame_order(request({2, 3}, 4), 1, 4, true);
  EXPECT_EQ(times_of(order), (Times{3, 2, 1, 0}));
  EXPECT_TRUE(order.visits[1].given && !order.visits[2].given && order.backwards);
}

TEST(FrameOrder, TowardsGivenLastFramesThatComeFirst) {
  const FrameOrder order = frame_order(request({0, 3, 4}, 5), 1, 5, true);
  EXPECT_EQ(times_of(order), (Times{3, 4, 0, 1, 2}));
  EXPECT_TRUE(order.visits[0].ahead && order.visits[1].ahead && !order.visits[2].ahead);
  EXPECT_TRUE(order.visits[2].given && !order.visits[3].given && !order.backwards);
}

TEST(FrameOrder, SeveralFramesALatent) {
  // Five frames are given; with three repeated in front they fill two latents of four.
  const FrameOrder order = frame_order(request({0, 1, 2, 3, 4}, 13), 4, 4, false);
  EXPECT_EQ(order.first_given, 2);
  EXPECT_EQ(order.visits.size(), 4U);
}

std::string refusal(const Conditioning& take, std::int64_t temporal, bool orders) {
  try {
    frame_order(take, temporal, take.frame_count / temporal, orders);
  } catch (const InputError& error) {
    return error.what();
  }
  return "";
}

TEST(FrameOrder, WhatCannotBeDoneGetsASentence) {
  EXPECT_NE(refusal(request({0, 2}, 8), 1, true).find("/context_places/1"), std::string::npos);
  EXPECT_NE(refusal(request({7}, 8), 1, false).find("not trained"), std::string::npos);
  EXPECT_NE(refusal(request({7}, 8), 2, true).find("not trained"), std::string::npos);
  EXPECT_EQ(refusal(request({7}, 8), 1, true), "");
}

}  // namespace
}  // namespace bitemark::model
