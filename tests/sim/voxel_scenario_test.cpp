// The shipped voxel scenarios: digests, truth channels, edits, actions, fault.
#include <gmock/gmock.h>

#include <cmath>
#include <numbers>
#include <set>

#include "base/error.h"
#include "episode/conditioning.h"
#include "sim/scenarios.h"
#include "sim/voxel/overlay.h"
#include "temporary_folder.h"

namespace bitemark {
namespace {

struct Pinned {
  const char* scenario;
  const char* digest;
};
void PrintTo(const Pinned& pinned, std::ostream* out) { *out << pinned.scenario; }

/// Test take 0 at 32 x 32 pixels, 12 fps.
constexpr Pinned kPinned[] = {
    {"voxel-break", "69f16be3a405650a"}, {"voxel-break-and-return", "9b4d04559f97075f"},
    {"voxel-jump", "1239f2b80c96e356"},  {"voxel-place", "22e2f04b37f9a3b0"},
    {"voxel-turn", "000623f802ea25e1"},  {"voxel-walk", "de5d33b634cd9319"},
};

class Voxels : public testing::TestWithParam<Pinned> {
 protected:
  static const Episode& episode() {
    static std::map<std::string, Episode> rendered;
    const std::string name = GetParam().scenario;
    if (!rendered.contains(name)) rendered[name] = render_episode(shipped(name), "test", 0, small_options(48));
    return rendered[name];
  }
};

TEST_P(Voxels, HaveTheirDigestOnAnyNumberOfThreads) {
  for (const int threads : {1, 2, 4}) {
    RenderOptions options = small_options();
    options.threads = threads;
    EXPECT_EQ(digest(render_episode(shipped(GetParam().scenario), "test", 0, options)), GetParam().digest)
        << threads << " threads";
  }
}

TEST_P(Voxels, FillTheContract) {
  const EpisodeInfo& info = episode().info;
  const auto frames = static_cast<std::size_t>(info.frame_count);
  EXPECT_EQ(info.context_frames, 6);
  EXPECT_EQ(info.mode, "continuation");
  EXPECT_THAT(info.captions, testing::SizeIs(testing::Ge(2U)));
  EXPECT_EQ(info.controls.values.size(), frames * Controls::width());
  EXPECT_EQ(info.actions.values.size(), frames * 25);
  EXPECT_EQ(to_json(episode_info_from_json(to_json(info), "memory")), to_json(info));
}

TEST_P(Voxels, EveryIdInAMaskLivesInTheState) {
  const EpisodeInfo& info = episode().info;
  const std::uint16_t overlay = episode().body("overlay")->id;
  for (int frame = 0; frame < info.frame_count; ++frame) {
    const FrameTruth& truth = episode().truth[static_cast<std::size_t>(frame)];
    std::map<std::uint16_t, int> pixels;
    for (const std::uint16_t id : truth.ids) ++pixels[id];
    for (const BodyState& state : info.states[static_cast<std::size_t>(frame)]) {
      EXPECT_EQ(state.visible_px, pixels[state.id]);
      EXPECT_LE(state.visible_px, state.full_px);
      if (!state.alive) {
        EXPECT_EQ(state.visible_px, 0);
      }
      pixels.erase(state.id);
    }
    pixels.erase(0);
    EXPECT_TRUE(pixels.empty()) << "ids that are no body's";
    for (std::size_t i = 0; i < truth.ids.size(); ++i) {
      // Without depth are the sky and what lies on the screen.
      ASSERT_EQ(truth.depth[i] == 0, truth.ids[i] == 0 || truth.ids[i] == overlay);
    }
  }
}

TEST_P(Voxels, FlowIsReprojectionOfDepth) {
  const EpisodeInfo& info = episode().info;
  int checked = 0;
  for (int frame = 1; frame + 1 < info.frame_count; ++frame) {
    const FrameTruth& truth = episode().truth[static_cast<std::size_t>(frame)];
    for (const int other : {frame - 1, frame + 1}) {
      const std::vector<float>& flow = other > frame ? truth.flow_forward : truth.flow_backward;
      const int gone = other > frame ? FrameTruth::kForwardGone : FrameTruth::kBackwardNew;
      for (int y = 0; y < info.height; ++y) {
        for (int x = 0; x < info.width; ++x) {
          const auto at = static_cast<std::size_t>(y * info.width + x);
          if (truth.depth[at] <= 0 || (truth.flow_flags[at] & gone) != 0) continue;
          // Blocks do not move, so a world point is seen by both cameras.
          const Vec3 p = unproject(info.cameras[static_cast<std::size_t>(frame)], x + 0.5, y + 0.5,
                                   static_cast<double>(truth.depth[at]));
          const Projection q = project(info.cameras[static_cast<std::size_t>(other)], p);
          if (q.depth <= 0.05) continue;
          // float32 of a flow of up to 100 px rounds by 4e-6 px; the bound is the contract's.
          ASSERT_NEAR(q.u - (x + 0.5), static_cast<double>(flow[2 * at]), 0.01);
          ASSERT_NEAR(q.v - (y + 0.5), static_cast<double>(flow[2 * at + 1]), 0.01);
          ++checked;
        }
      }
    }
  }
  EXPECT_GT(checked, 48 * 48 * 10);
}

TEST_P(Voxels, EventsMatchEdits) {
  const EpisodeInfo& info = episode().info;
  int edits = 0;
  for (const Event& event : info.events) {
    const bool broken = event.type == "block_broken";
    if (!broken && event.type != "block_placed") continue;
    ++edits;
    ASSERT_EQ(event.ids.size(), 2U);
    EXPECT_EQ(episode().state(event.frame - 1, event.ids[0]).alive, broken);
    EXPECT_EQ(episode().state(event.frame, event.ids[0]).alive, !broken);
    const auto cell = event.more["cell"].get<std::array<int, 3>>();
    for (std::size_t a = 0; a < 3; ++a) EXPECT_EQ(event.position[a], cell[a] + 0.5);
    EXPECT_GE(event.time_s, info.rate.time_of(event.frame - 1));
    EXPECT_LE(event.time_s, info.rate.time_of(event.frame));
  }
  const std::string name = GetParam().scenario;
  const bool edited = name.find("break") != std::string::npos || name == "voxel-place";
  EXPECT_EQ(edits, edited ? 1 : 0);
}

TEST_P(Voxels, AreTheSameFutureAtAnyRate) {
  RenderOptions options = small_options();
  options.truth = false;
  options.duration_s = 2;
  const Episode slow = render_episode(shipped(GetParam().scenario), "test", 0, options);
  options.rate = {24, 1};
  const Episode fast = render_episode(shipped(GetParam().scenario), "test", 0, options);
  for (std::size_t frame = 0; frame < slow.clip.size(); ++frame) {
    ASSERT_EQ(slow.clip.frames[frame], fast.clip.frames[2 * frame]) << frame;
  }
  // What was done adds up: keys are joined, turns are summed.
  const std::size_t width = Actions::width();
  for (std::size_t frame = 1; frame < slow.clip.size(); ++frame) {
    for (std::size_t k = 0; k < width; ++k) {
      const float whole = slow.info.actions.values[frame * width + k];
      const float first = fast.info.actions.values[(2 * frame - 1) * width + k];
      const float second = fast.info.actions.values[2 * frame * width + k];
      const bool turn = k == 15 || k == 16;
      if (turn && std::abs(whole) >= 1) continue;  // cut off at 20 degrees
      ASSERT_NEAR(whole, turn ? first + second : std::max(first, second), 1e-6);
    }
  }
}

TEST_P(Voxels, SecondTakeIsNearAndNotTheSame) {
  RenderOptions options = small_options(64);
  options.truth = options.visibility = false;
  options.duration_s = 0.6;
  const Episode take = render_episode(shipped(GetParam().scenario), "test", 1, options);
  options.second_take = 1;
  const Episode twin = render_episode(shipped(GetParam().scenario), "test", 1, options);
  EXPECT_NE(digest_of(take.clip), digest_of(twin.clip));
  EXPECT_EQ(take.info.caption, twin.info.caption);
  const Vec3 a = take.info.cameras[0].X_WC.position, b = twin.info.cameras[0].X_WC.position;
  const double apart = std::hypot(a[0] - b[0], a[1] - b[1]);
  EXPECT_NEAR(apart / 3 * take.info.cameras[0].fx, 0.25, 1e-9) << "a quarter of a pixel at three metres";
}

INSTANTIATE_TEST_SUITE_P(All, Voxels, testing::ValuesIn(kPinned), [](const auto& test) {
  std::string name = test.param.scenario;
  name.erase(std::remove(name.begin(), name.end(), '-'), name.end());
  return name;
});

/// The only edit of an episode whose camera stands still around it.
const Event& edit_of(const Episode& episode) {
  const auto found = std::find_if(episode.info.events.begin(), episode.info.events.end(),
                                  [](const Event& event) { return event.type.starts_with("block_"); });
  EXPECT_NE(found, episode.info.events.end());
  const auto frame = static_cast<std::size_t>(found->frame);
  EXPECT_EQ(episode.info.cameras[frame - 1].X_WC.rotation, episode.info.cameras[frame].X_WC.rotation);
  return *found;
}

struct Counts {
  int edited = 0, elsewhere = 0;
};
/// Pixels for which `bad` holds, on and beside body `id` of `mask`.
template <typename Test>
Counts count(const std::vector<std::uint16_t>& mask, std::uint16_t id, Test&& bad) {
  Counts counts;
  for (std::size_t i = 0; i < mask.size(); ++i) (mask[i] == id ? counts.edited : counts.elsewhere) += bad(i) ? 1 : 0;
  return counts;
}

TEST(VoxelEdit, BreakingChangesThePixelsOfTheBlockAndNoOthers) {
  const Episode episode = render_episode(shipped("voxel-break"), "test", 0, small_options(64));
  const Event& edit = edit_of(episode);
  const FrameTruth& before = episode.truth[static_cast<std::size_t>(edit.frame - 1)];
  const FrameTruth& after = episode.truth[static_cast<std::size_t>(edit.frame)];
  const std::uint16_t id = edit.ids[0];
  const int pixels = static_cast<int>(std::count(before.ids.begin(), before.ids.end(), id));
  EXPECT_GT(pixels, 60);
  const Counts ids = count(before.ids, id, [&](std::size_t i) { return before.ids[i] != after.ids[i]; });
  EXPECT_EQ(ids.edited, pixels);
  EXPECT_EQ(ids.elsewhere, 0);
  const Counts depths = count(before.ids, id, [&](std::size_t i) { return before.depth[i] != after.depth[i]; });
  EXPECT_EQ(depths.edited, pixels);
  EXPECT_EQ(depths.elsewhere, 0);
  const Counts gone =
      count(before.ids, id, [&](std::size_t i) { return (before.flow_flags[i] & FrameTruth::kForwardGone) != 0; });
  EXPECT_EQ(gone.edited, pixels);
  const auto sky = std::count(before.ids.begin(), before.ids.end(), std::uint16_t{0});
  EXPECT_EQ(gone.elsewhere, sky) << "where nothing is, no flow is valid";
  // Behind it are faces that were covered (new) and things that it hid (occluded).
  const Counts opened = count(before.ids, id, [&](std::size_t i) {
    return (after.flow_flags[i] & (FrameTruth::kBackwardNew | FrameTruth::kBackwardOccluded)) != 0;
  });
  EXPECT_EQ(opened.edited, pixels);
  const Counts fresh = count(before.ids, id, [&](std::size_t i) {
    return after.ids[i] != 0 && (after.flow_flags[i] & FrameTruth::kBackwardNew) != 0;
  });
  EXPECT_GT(fresh.edited, 0) << "the sides of the hole";
  EXPECT_EQ(fresh.elsewhere, 0);
}

TEST(VoxelEdit, PlacingHidesAndCovers) {
  const Episode episode = render_episode(shipped("voxel-place"), "test", 0, small_options(64));
  const Event& edit = edit_of(episode);
  const FrameTruth& before = episode.truth[static_cast<std::size_t>(edit.frame - 1)];
  const FrameTruth& after = episode.truth[static_cast<std::size_t>(edit.frame)];
  const std::uint16_t id = edit.ids[0];
  const int pixels = static_cast<int>(std::count(after.ids.begin(), after.ids.end(), id));
  EXPECT_GT(pixels, 100);
  const Counts ids = count(after.ids, id, [&](std::size_t i) { return before.ids[i] != after.ids[i]; });
  EXPECT_EQ(ids.edited, pixels);
  EXPECT_EQ(ids.elsewhere, 0);
  const Counts lost = count(after.ids, id, [&](std::size_t i) {
    return (before.flow_flags[i] & (FrameTruth::kForwardGone | FrameTruth::kForwardOccluded)) != 0;
  });
  EXPECT_EQ(lost.edited, pixels) << "what was there is covered or hidden";
  const Counts fresh =
      count(after.ids, id, [&](std::size_t i) { return (after.flow_flags[i] & FrameTruth::kBackwardNew) != 0; });
  EXPECT_EQ(fresh.edited, pixels);
  EXPECT_EQ(static_cast<std::size_t>(fresh.elsewhere),
            static_cast<std::size_t>(std::count(after.ids.begin(), after.ids.end(), std::uint16_t{0})));
}

TEST(VoxelEdit, TheHoleIsStillThereAfterTheWalk) {
  const Episode episode = render_episode(shipped("voxel-break-and-return"), "test", 0, small_options(64));
  const std::uint16_t target = episode.body("target")->id;
  const Event& edit = edit_of(episode);
  for (int frame = edit.frame; frame < episode.info.frame_count; ++frame) {
    EXPECT_EQ(episode.state(frame, target).visible_px, 0);
  }
  // The middle of the hole is looked at again: what the depth map has there lies behind the wall.
  const Projection hole = project(episode.info.cameras.back(), edit.position);
  const auto at = static_cast<std::size_t>((static_cast<int>(hole.v) - 3) * 64 + static_cast<int>(hole.u) - 3);
  const float depth = episode.truth.back().depth[at];
  EXPECT_TRUE(depth == 0 || depth > static_cast<float>(hole.depth) + 0.3F);
}

TEST(VoxelActions, AreThoseOfThePolicy) {
  EXPECT_EQ(Actions::width(), 25U);
  EXPECT_EQ(Actions::names()[11], "forward");
  EXPECT_EQ(Actions::names()[15], "cameraX");
  EXPECT_EQ(Actions::names()[24], "drop");
  const Episode episode = render_episode(shipped("voxel-walk"), "test", 0, small_options());
  const std::size_t width = Actions::width();
  double right = 0, forward = 0;
  for (int frame = 0; frame < episode.info.frame_count; ++frame) {
    const float* row = episode.info.actions.values.data() + static_cast<std::size_t>(frame) * width;
    if (frame == 0) {
      EXPECT_EQ(std::count(row, row + width, 0.0F), 25) << "nothing was done before the first frame";
    }
    right += static_cast<double>(row[16]);
    forward += static_cast<double>(row[11]);
  }
  const auto& parameters = episode.info.parameters;
  const double angle = parameters["angle"].get<double>() * (parameters["way"] == "right" ? 1 : -1);
  EXPECT_NEAR(right * 20, angle, 1e-4);
  // One frame more or less at both ends of the walk.
  EXPECT_NEAR(forward / 12, parameters["stop"].get<double>() - 0.2, 2.0 / 12);
}

TEST(VoxelActions, TravelWithTheConditioning) {
  TemporaryFolder folder;
  const Episode episode = render_episode(shipped("voxel-break"), "test", 0, small_options());
  write_request(folder.path(), {condition_on(episode, "a", 1)});
  EXPECT_EQ(read_conditioning(folder.path(), "a").actions.values, episode.info.actions.values);
  const Episode rigid = render_episode(shipped("bounce"), "test", 0, small_options());
  EXPECT_TRUE(rigid.info.actions.values.empty());
  EXPECT_FALSE(to_json(rigid.info).contains("action_names")) << "what nobody plays stays as it was";
}

TEST(VoxelFault, TheBrokenBlockComesBack) {
  RenderOptions options = small_options(64);
  options.fault = "broken-block-returns";
  const Episode episode = render_episode(shipped("voxel-break"), "test", 0, options);
  const int first = episode.info.fault_first_frame;
  const std::uint16_t target = episode.body("target")->id;
  const Event& edit = edit_of(episode);
  EXPECT_GE(first, edit.frame + 3);
  for (int frame = edit.frame; frame < episode.info.frame_count; ++frame) {
    EXPECT_EQ(episode.state(frame, target).alive, frame >= first);
    EXPECT_EQ(episode.state(frame, target).visible_px > 60, frame >= first);
  }
  const FrameTruth& back = episode.truth[static_cast<std::size_t>(first)];
  for (std::size_t i = 0; i < back.ids.size(); ++i) {
    if (back.ids[i] == target) {
      EXPECT_TRUE(back.flow_flags[i] & FrameTruth::kBackwardNew);
    }
  }
}

TEST(VoxelFault, OthersSayThatTheyDoNotApply) {
  RenderOptions options = small_options();
  for (const char* fault : {"duplicate", "vanish-while-hidden", "wobbling-geometry"}) {
    options.fault = fault;
    EXPECT_THROW(render_episode(shipped("voxel-turn"), "test", 0, options), InputError) << fault;
  }
  options.fault = "broken-block-returns";
  EXPECT_THROW(render_episode(shipped("voxel-walk"), "test", 0, options), InputError);
  EXPECT_THROW(render_episode(shipped("bounce"), "test", 0, options), InputError);
}

}  // namespace
}  // namespace bitemark
