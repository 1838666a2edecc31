// The channels against each other and against projection done another way.
#include <gtest/gtest.h>

#include <cmath>
#include <set>

#include "sim/scenarios.h"

namespace bitemark {
namespace {

const Pose& pose_of(const Episode& episode, int frame, std::uint16_t id) {
  static const Pose kStill;
  return id == 0 ? kStill : episode.state(frame, id).X_WB;
}

/// Largest difference between the flow to `other` and the reprojection of depth by poses and cameras.
double flow_error(const Episode& episode, int frame, int other, const std::vector<float>& flow, int& checked) {
  const FrameTruth& truth = episode.truth[static_cast<std::size_t>(frame)];
  const Camera& camera = episode.info.cameras[static_cast<std::size_t>(frame)];
  const Camera& there = episode.info.cameras[static_cast<std::size_t>(other)];
  double worst = 0;
  for (int y = 0; y < episode.info.height; ++y) {
    for (int x = 0; x < episode.info.width; ++x) {
      const auto at = static_cast<std::size_t>(y * episode.info.width + x);
      const std::uint8_t own = other > frame ? FrameTruth::kForwardGone | FrameTruth::kForwardCut
                                             : FrameTruth::kBackwardNew | FrameTruth::kBackwardCut;
      if (truth.depth[at] <= 0 || (truth.flow_flags[at] & own) != 0) continue;
      const Vec3 p_W = unproject(camera, x + 0.5, y + 0.5, static_cast<double>(truth.depth[at]));
      const Vec3 p_B = transform(inverse(pose_of(episode, frame, truth.ids[at])), p_W);
      const Projection q = project(there, transform(pose_of(episode, other, truth.ids[at]), p_B));
      if (q.depth <= 0.05) continue;
      worst = std::max(worst, std::hypot(q.u - (x + 0.5) - static_cast<double>(flow[2 * at]),
                                         q.v - (y + 0.5) - static_cast<double>(flow[2 * at + 1])));
      ++checked;
    }
  }
  return worst;
}

class Channels : public testing::TestWithParam<const char*> {};

TEST_P(Channels, FlowIsReprojectionOfDepthAndPose) {
  RenderOptions options = small_options(48);
  options.duration_s = 1.5;
  const Episode episode = render_episode(shipped(GetParam()), "test", 0, options);
  int checked = 0;
  for (int frame = 1; frame + 1 < episode.info.frame_count; ++frame) {
    const FrameTruth& truth = episode.truth[static_cast<std::size_t>(frame)];
    // float32 of a flow of up to 100 px rounds by 4e-6 px; the bound is the contract's.
    EXPECT_LT(flow_error(episode, frame, frame + 1, truth.flow_forward, checked), 0.01) << frame;
    EXPECT_LT(flow_error(episode, frame, frame - 1, truth.flow_backward, checked), 0.01) << frame;
  }
  EXPECT_GT(checked, 48 * 48 * 10);
}
INSTANTIATE_TEST_SUITE_P(Scenarios, Channels, testing::Values("orbit", "launch", "look-away", "cookie-bite"),
                         [](const auto& test) {
                           std::string name = test.param;
                           name.erase(std::remove(name.begin(), name.end(), '-'), name.end());
                           return name;
                         });

TEST(Truth, ForwardAndBackwardFlowAgree) {
  const Episode episode = render_episode(shipped("orbit"), "test", 1, small_options(64));
  int agreed = 0, all = 0;
  const int frame = 10;
  const FrameTruth& now = episode.truth[frame];
  const FrameTruth& next = episode.truth[frame + 1];
  for (int y = 0; y < 64; ++y) {
    for (int x = 0; x < 64; ++x) {
      const auto at = static_cast<std::size_t>(y * 64 + x);
      if ((now.flow_flags[at] & (FrameTruth::kForwardOccluded | FrameTruth::kForwardLeft)) != 0) continue;
      const double u = x + 0.5 + static_cast<double>(now.flow_forward[2 * at]);
      const double v = y + 0.5 + static_cast<double>(now.flow_forward[2 * at + 1]);
      const auto there = static_cast<std::size_t>(static_cast<int>(v) * 64 + static_cast<int>(u));
      if (next.ids[there] != now.ids[at]) continue;  // the nearest pixel may lie across an edge
      ++all;
      // The way back starts at a pixel centre up to 0.71 px aside; flow varies by less than 0.5 px a pixel there.
      const double du = u - 0.5 - x + static_cast<double>(next.flow_backward[2 * there]);
      const double dv = v - 0.5 - y + static_cast<double>(next.flow_backward[2 * there + 1]);
      agreed += std::hypot(du, dv) < 0.36;
    }
  }
  EXPECT_GT(all, 3000);
  EXPECT_GT(agreed, 0.98 * all);
}

TEST(Truth, DepthIsAlongTheAxisAndStatesProjectIntoTheirBodies) {
  const Episode episode = render_episode(shipped("launch"), "test", 0, small_options(64));
  for (int frame = 0; frame < 12; ++frame) {
    for (const Body& body : episode.info.bodies) {
      const BodyState& state = episode.state(frame, body.id);
      const auto at = static_cast<std::size_t>(static_cast<int>(state.v) * 64 + static_cast<int>(state.u));
      ASSERT_EQ(episode.truth[static_cast<std::size_t>(frame)].ids[at], body.id);
      // The nearest point of a sphere that is seen at its middle lies one radius before the centre.
      EXPECT_NEAR(episode.truth[static_cast<std::size_t>(frame)].depth[at], state.depth_m - body.radius_m, 0.02);
    }
  }
}

TEST(Truth, VisibilityCountsTheLabels) {
  const Episode episode = render_episode(shipped("behind-the-wall"), "test", 0, small_options(64));
  bool hidden = false, partly = false;
  for (int frame = 0; frame < episode.info.frame_count; ++frame) {
    const FrameTruth& truth = episode.truth[static_cast<std::size_t>(frame)];
    for (const Body& body : episode.info.bodies) {
      const BodyState& state = episode.state(frame, body.id);
      EXPECT_EQ(state.visible_px, std::count(truth.ids.begin(), truth.ids.end(), body.id)) << body.name;
      EXPECT_LE(state.visible_px, state.full_px);
      hidden = hidden || (state.visible_px == 0 && state.full_px > 50);
      partly = partly || (state.visible_px > 0 && state.visible_px < state.full_px);
    }
  }
  EXPECT_TRUE(hidden);
  EXPECT_TRUE(partly);
}

TEST(Truth, BittenMaterialIsGoneAndNewSurfaceIsNew) {
  const Episode episode = render_episode(shipped("cookie-bite"), "test", 0, small_options(64));
  const auto bite = std::find_if(episode.info.events.begin(), episode.info.events.end(),
                                 [](const Event& event) { return event.type == "bite"; });
  ASSERT_NE(bite, episode.info.events.end());
  const auto count = [&](int frame, std::uint8_t flag) {
    const FrameTruth& truth = episode.truth[static_cast<std::size_t>(frame)];
    int n = 0;
    for (std::size_t i = 0; i < truth.ids.size(); ++i)
      n += truth.ids[i] == bite->ids[0] && (truth.flow_flags[i] & flag);
    return n;
  };
  EXPECT_GT(count(bite->frame - 1, FrameTruth::kForwardGone), 0);
  EXPECT_EQ(count(bite->frame - 2, FrameTruth::kForwardGone), 0);
  EXPECT_EQ(count(bite->frame + 1, FrameTruth::kBackwardNew), 0);
}

}  // namespace
}  // namespace bitemark
