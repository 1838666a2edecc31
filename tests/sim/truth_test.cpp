// The channels against each other and against projection done another way.
#include <gtest/gtest.h>

#include <algorithm>
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
/// Way back of the surface that lies at (u, v) of a frame, between four pixel centres; false where one of them shows
/// another body or has no valid way back.
bool way_back(const FrameTruth& truth, int side, double u, double v, std::uint16_t id, double& du, double& dv) {
  constexpr int kInvalid =
      FrameTruth::kBackwardOccluded | FrameTruth::kBackwardLeft | FrameTruth::kBackwardCut | FrameTruth::kBackwardNew;
  const double x = u - 0.5, y = v - 0.5;
  const int left = static_cast<int>(std::floor(x)), top = static_cast<int>(std::floor(y));
  if (left < 0 || top < 0 || left + 1 >= side || top + 1 >= side) return false;
  du = dv = 0;
  for (int j = 0; j < 2; ++j) {
    for (int i = 0; i < 2; ++i) {
      const auto at = static_cast<std::size_t>((top + j) * side + left + i);
      if (truth.ids[at] != id || (truth.flow_flags[at] & kInvalid) != 0) return false;
      const double weight = (i == 0 ? left + 1 - x : x - left) * (j == 0 ? top + 1 - y : y - top);
      du += weight * static_cast<double>(truth.flow_backward[2 * at]);
      dv += weight * static_cast<double>(truth.flow_backward[2 * at + 1]);
    }
  }
  return true;
}

TEST_P(Channels, ForwardAndBackwardFlowAgreeWhereBothAreValid) {
  constexpr int kInvalid =
      FrameTruth::kForwardOccluded | FrameTruth::kForwardLeft | FrameTruth::kForwardCut | FrameTruth::kForwardGone;
  constexpr int kSize = 64;
  RenderOptions options = small_options(kSize);
  options.duration_s = 1.5;
  const Episode episode = render_episode(shipped(GetParam()), "test", 1, options);
  std::vector<double> errors;
  for (std::size_t frame = 0; frame + 1 < episode.truth.size(); ++frame) {
    const FrameTruth &now = episode.truth[frame], &next = episode.truth[frame + 1];
    for (int y = 0; y < kSize; ++y) {
      for (int x = 0; x < kSize; ++x) {
        const auto at = static_cast<std::size_t>(y * kSize + x);
        if ((now.flow_flags[at] & kInvalid) != 0 || now.depth[at] <= 0) continue;
        const double u = x + 0.5 + static_cast<double>(now.flow_forward[2 * at]);
        const double v = y + 0.5 + static_cast<double>(now.flow_forward[2 * at + 1]);
        double du = 0, dv = 0;
        if (!way_back(next, kSize, u, v, now.ids[at], du, dv)) continue;
        errors.push_back(std::hypot(u + du - x - 0.5, v + dv - y - 0.5));
      }
    }
  }
  ASSERT_GT(errors.size(), 10U * kSize * kSize);
  std::sort(errors.begin(), errors.end());
  // Between pixel centres the way back is interpolated: on planes that leaves the curvature of the perspective, under
  // 0.01 px; where four pixels of the background lie across an edge of depth, up to the difference of their flows.
  EXPECT_LT(errors[errors.size() / 2], 0.01);
  EXPECT_LT(errors[errors.size() * 97 / 100], 0.25);
}

INSTANTIATE_TEST_SUITE_P(Scenarios, Channels, testing::Values("orbit", "launch", "look-away", "cookie-bite"),
                         [](const auto& test) {
                           std::string name = test.param;
                           name.erase(std::remove(name.begin(), name.end(), '-'), name.end());
                           return name;
                         });

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
