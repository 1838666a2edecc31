#include "sim/quadruplet.h"

#include <algorithm>
#include <cstdlib>
#include <optional>

#include "base/error.h"
#include "base/random.h"
#include "sim/film.h"
#include "sim/palette.h"
#include "sim/take.h"
#include "sim/truth.h"
#include "sim/voxel/overlay.h"

namespace bitemark {
namespace sim {
namespace {

constexpr int kSeenPx = 12;  // so many of its pixels show that a body is there

/// A body that differs, and the first frame after the splice.
struct Splice {
  int body = -1;
  int frame = -1;
  int hidden_from = -1, hidden_to = -1;  ///< the frames [from, to) in which it is hidden
};

/// The other possible world: as `world`, but for one body.
World other_world(const World& world, int body, const std::string& kind, const RenderOptions& options) {
  World other;
  other.scene = world.scene;
  other.context_frames = world.context_frames;
  BodySpec& spec = other.scene.bodies[static_cast<std::size_t>(body)];
  if (kind == "presence") {
    spec.present = false;
  } else {
    std::vector<Rgb8> taken;
    for (const BodySpec& one : world.scene.bodies) taken.push_back(one.info.color);
    const std::vector<Rgb8> apart = colors_apart(taken, spec.info.color);
    if (apart.empty()) throw InputError("no colour is left for the other " + spec.info.name);
    Pcg32 random = stream_for(world.scene.seed, "quadruplet/color");
    spec.info.color = apart[random.below(static_cast<std::uint32_t>(apart.size()))];
    spec.info.color_name.clear();
  }
  other.motion = simulate(other.scene);
  other.timeline = make_timeline(other.scene, other.motion, options.rate, static_cast<int>(world.timeline.size()),
                                 options.width, options.height);
  return other;
}

class SpliceFinder {
 public:
  SpliceFinder(const World& world, const RenderOptions& options)
      : world_(world), options_(options), stage_(world.scene, world.motion, needs_fine_meshes(options.width)) {
    for (int frame = 0; frame < frames(); ++frame) labels_.push_back(label(world_, stage_, frame));
  }

  /// The middle of the longest time for which `body` is hidden, moved to where the pictures of both worlds are equal.
  std::optional<Splice> find(int body, const World& other) const {
    const Stage other_stage(other.scene, other.motion, needs_fine_meshes(options_.width));
    for (const auto& [from, to] : hidden_times(body)) {
      for (const int frame : from_the_middle(from + 1, to)) {
        if (!equal(other, other_stage, frame - 1, body) || !equal(other, other_stage, frame, body)) continue;
        return Splice{body, frame, from, to};
      }
    }
    return std::nullopt;
  }

 private:
  int frames() const { return static_cast<int>(world_.timeline.size()); }

  LabelImage label(const World& world, const Stage& stage, int frame) const {
    const FrameWorld& at = world.timeline[static_cast<std::size_t>(frame)];
    LabelImage image =
        Labeller().label(stage.items(at), world.scene.bodies.size(), at.camera, options_.width, options_.height);
    if (world.scene.voxels) label_overlay(*world.scene.voxels, image);
    return image;
  }

  int visible(int frame, int body) const {
    return labels_[static_cast<std::size_t>(frame)].visible[static_cast<std::size_t>(body)];
  }

  /// Runs of frames in which it is hidden, after it has been seen and before it is seen again; the longest first.
  std::vector<std::pair<int, int>> hidden_times(int body) const {
    std::vector<std::pair<int, int>> runs;
    bool seen = false;
    int from = -1;
    for (int frame = 0; frame < frames(); ++frame) {
      const int px = visible(frame, body);
      if (px == 0 && seen && from < 0) from = frame;
      if (px == 0) continue;
      if (from >= 0) runs.emplace_back(from, frame);
      from = -1;
      seen = seen || px >= kSeenPx;
    }
    std::erase_if(runs, [&](const auto& run) { return !seen_again(body, run.second); });
    std::stable_sort(runs.begin(), runs.end(),
                     [](const auto& a, const auto& b) { return a.second - a.first > b.second - b.first; });
    return runs;
  }

  bool seen_again(int body, int from) const {
    for (int frame = from; frame < frames(); ++frame) {
      if (visible(frame, body) >= kSeenPx) return true;
    }
    return false;
  }

  static std::vector<int> from_the_middle(int low, int high) {
    std::vector<int> order;
    for (int frame = low; frame < high; ++frame) order.push_back(frame);
    std::stable_sort(order.begin(), order.end(),
                     [&](int a, int b) { return std::abs(2 * a - low - high) < std::abs(2 * b - low - high); });
    return order;
  }

  /// All other bodies are where they are, as fast as they are, in both worlds.
  bool others_are_equal(const World& other, int frame, int body) const {
    const auto &mine = world_.timeline[static_cast<std::size_t>(frame)].bodies,
               &theirs = other.timeline[static_cast<std::size_t>(frame)].bodies;
    for (std::size_t b = 0; b < mine.size(); ++b) {
      if (static_cast<int>(b) == body) continue;
      const bool same = mine[b].alive == theirs[b].alive && mine[b].X_WB.position == theirs[b].X_WB.position &&
                        mine[b].X_WB.rotation == theirs[b].X_WB.rotation && mine[b].velocity == theirs[b].velocity;
      if (!same) return false;
    }
    return true;
  }

  /// Nothing of the difference is to be seen: neither pixels (shadows, too) nor labels nor depths differ.
  bool equal(const World& other, const Stage& other_stage, int frame, int body) const {
    if (!others_are_equal(other, frame, body)) return false;
    const LabelImage& mine = labels_[static_cast<std::size_t>(frame)];
    const LabelImage theirs = label(other, other_stage, frame);
    if (mine.visible[static_cast<std::size_t>(body)] > 0 || theirs.visible[static_cast<std::size_t>(body)] > 0) {
      return false;
    }
    if (mine.owner != theirs.owner || mine.depth != theirs.depth) return false;
    Shader shader;
    return render_frame(world_, stage_, frame, options_.width, options_.height, shader) ==
           render_frame(other, other_stage, frame, options_.width, options_.height, shader);
  }

  const World& world_;
  const RenderOptions& options_;
  Stage stage_;
  std::vector<LabelImage> labels_;
};

/// What a member that begins as `first` and goes on as `second` tells of itself.
EpisodeInfo spliced(const EpisodeInfo& first, const EpisodeInfo& second, int frame) {
  EpisodeInfo info = first;
  for (auto i = static_cast<std::size_t>(frame); i < info.states.size(); ++i) info.states[i] = second.states[i];
  std::erase_if(info.events, [&](const Event& event) { return event.frame >= frame; });
  for (const Event& event : second.events) {
    if (event.frame >= frame) info.events.push_back(event);
  }
  return info;
}

Json description(const std::string& member, const World& world, const Splice& splice, const std::string& kind) {
  const Body& body = world.scene.bodies[static_cast<std::size_t>(splice.body)].info;
  return {{"member", member},
          {"possible", member.starts_with("possible")},
          {"differs", kind},
          {"body", body.name},
          {"id", body.id},
          {"splice_frame", splice.frame},
          {"hidden_frames", {splice.hidden_from, splice.hidden_to}}};
}

void refuse_what_does_not_fit(const Scenario& scenario, const RenderOptions& options, const std::string& kind) {
  if (std::find(kQuadrupletKinds.begin(), kQuadrupletKinds.end(), kind) == kQuadrupletKinds.end()) {
    throw InputError(scenario.name, "", "unknown kind of quadruplet '" + kind + "', expected presence or color");
  }
  if (!options.fault.empty() || !options.variant.empty() || options.second_take > 0) {
    throw InputError(scenario.name, "", "a quadruplet has no fault, variant or second take");
  }
}

}  // namespace
}  // namespace sim

void render_quadruplet(const Scenario& scenario, const std::string& split, int take, const RenderOptions& options,
                       const std::string& kind, const std::function<EpisodeSink&(const std::string&)>& sink_of) {
  using namespace sim;
  refuse_what_does_not_fit(scenario, options, kind);
  World a = make_take(scenario, split, take, options), b;
  if (a.scene.voxels) throw InputError(scenario.name, "", "a world of blocks has no body that could be left out");
  std::optional<Splice> splice;
  for (std::size_t body = 0; body < a.scene.bodies.size() && !splice; ++body) {
    if (!a.scene.bodies[body].info.tracked) continue;
    // What a hidden ball takes of the sky's light would be seen on the floor before the wall.
    a.scene.bodies[body].dims = kind != "presence";
    b = other_world(a, static_cast<int>(body), kind, options);
    splice = SpliceFinder(a, options).find(static_cast<int>(body), b);
    if (!splice) a.scene.bodies[body].dims = true;
  }
  if (!splice) {
    throw InputError(scenario.name, "",
                     split + " take " + std::to_string(take) + ": at no frame everything that differs is hidden");
  }
  const auto info_of = [&](const World& world) {
    EpisodeInfo info = make_info(scenario, split, take, options, world);
    info.controls.values = make_controls(world.timeline, options.width, options.height);
    info.caption.clear();
    info.captions.clear();
    info.answers = Json::array();
    info.metrics.clear();
    return info;
  };
  const EpisodeInfo info_a = info_of(a), info_b = info_of(b);
  for (const std::string member : kQuadruplet) {
    const bool begins_as_a = member == "possible-a" || member == "impossible-ab";
    const bool ends_as_a = member == "possible-a" || member == "impossible-ba";
    EpisodeInfo info = spliced(begins_as_a ? info_a : info_b, ends_as_a ? info_a : info_b, splice->frame);
    info.quadruplet = description(member, a, *splice, kind);
    EpisodeSink& sink = sink_of(member);
    sink.begin(info);
    const auto emit = [&](int index, Frame&& frame, FrameTruth&& truth) {
      sink.frame(index, std::move(frame), std::move(truth));
    };
    film(begins_as_a ? a : b, options, info, 0, splice->frame, emit);
    // The second half looks back for its flow and counts the last frame of the first half as its own world has it.
    const auto last = static_cast<std::size_t>(splice->frame - 1);
    const std::vector<BodyState> before = info.states[last];
    film(ends_as_a ? a : b, options, info, splice->frame, info.frame_count, emit);
    info.states[last] = before;
    sink.end(info);
  }
}

}  // namespace bitemark
