#include "sim/rejection.h"

#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "sim/resolver.h"
#include "sim/truth.h"
#include "sim/vec.h"
#include "sim/voxel/overlay.h"

namespace bitemark::sim {
namespace {

constexpr Rate kJudgedRate{12, 1};
constexpr int kJudgedSize = 64;

/// Visible and full pixels of each body in each judged frame.
class Views {
 public:
  Views(const SceneSpec& scene, const Motion& motion) {
    const int frames = static_cast<int>(scene.duration_s * kJudgedRate.hz() + 1e-9);
    const Stage stage(scene, motion, false);
    Labeller labeller;
    for (const FrameWorld& world : make_timeline(scene, motion, kJudgedRate, frames, kJudgedSize, kJudgedSize)) {
      labels_.push_back(
          labeller.label(stage.items(world), scene.bodies.size(), world.camera, kJudgedSize, kJudgedSize));
      if (scene.voxels) label_overlay(*scene.voxels, labels_.back());
    }
  }
  int count() const { return static_cast<int>(labels_.size()); }
  int visible(int frame, int body) const {
    return labels_[static_cast<std::size_t>(frame)].visible[static_cast<std::size_t>(body)];
  }
  int full(int frame, int body) const {
    return labels_[static_cast<std::size_t>(frame)].full[static_cast<std::size_t>(body)];
  }
  /// No pixel of the body lies at the image's edge: it is whole.
  bool inside(int frame, int body) const {
    const LabelImage& image = labels_[static_cast<std::size_t>(frame)];
    for (int i = 0; i < kJudgedSize; ++i) {
      for (const int at :
           {i, (kJudgedSize - 1) * kJudgedSize + i, i * kJudgedSize, i * kJudgedSize + kJudgedSize - 1}) {
        if (image.owner[static_cast<std::size_t>(at)] == body) return false;
      }
    }
    return true;
  }

 private:
  std::vector<LabelImage> labels_;
};

class Judge {
 public:
  Judge(const SceneSpec& scene, const Motion& motion) : scene_(scene), motion_(motion), views_(scene, motion) {}

  std::string check(const Resolver& rule) const {
    const std::string kind = rule.text("rule", "");
    const double from = rule.number("from_s", 0), to = rule.number("to_s", scene_.duration_s);
    if (kind == "whole")
      return each_frame(rule, from, to, "is not whole in view", [&](int frame, int body) {
        return views_.visible(frame, body) > 0 && views_.visible(frame, body) >= 0.98 * views_.full(frame, body) &&
               views_.inside(frame, body);
      });
    if (kind == "visible")
      return each_frame(rule, from, to, "is hidden",
                        [&](int frame, int body) { return views_.visible(frame, body) >= rule.number("min_px", 12); });
    if (kind == "hidden") return hidden(rule, from, to);
    if (kind == "contact") return contact(rule, from, to);
    if (kind == "no-contact") return contact(rule, from, to).empty() ? "contact" : "";
    if (kind == "height") return height(rule, from, to);
    if (kind == "moves" || kind == "rests") return displacement(rule, from, to);
    if (kind == "returns") return returns(rule, from, to);
    if (kind == "event") return happens(rule, from, to);
    throw InputError(rule.file(), rule.pointer() + "/rule", "unknown rule '" + kind + "'");
  }

 private:
  int body(const Resolver& rule, const std::string& key) const {
    const int found = scene_.find(rule.text(key, ""));
    if (found < 0) throw InputError(rule.file(), rule.pointer() + "/" + key, "names no body");
    return found;
  }

  template <typename Test>
  std::string each_frame(const Resolver& rule, double from, double to, const char* problem, Test&& good) const {
    const int index = body(rule, "body");
    for (int frame = 0; frame < views_.count(); ++frame) {
      const double time = kJudgedRate.time_of(frame);
      if (time < from - 1e-9 || time > to + 1e-9 || good(frame, index)) continue;
      return rule.text("body", "") + " " + problem + " at " + std::to_string(time) + " s";
    }
    return "";
  }

  /// At least min_frames frames in a row without a pixel of the body.
  std::string hidden(const Resolver& rule, double from, double to) const {
    const int index = body(rule, "body");
    int run = 0, longest = 0;
    for (int frame = 0; frame < views_.count(); ++frame) {
      const double time = kJudgedRate.time_of(frame);
      run = time >= from && time <= to && views_.visible(frame, index) == 0 ? run + 1 : 0;
      longest = std::max(longest, run);
    }
    if (longest >= rule.number("min_frames", 3)) return "";
    return rule.text("body", "") + " is hidden for " + std::to_string(longest) + " frames only";
  }

  /// The first contact of the two bodies lies in [from, to].
  std::string contact(const Resolver& rule, double from, double to) const {
    const int a = scene_.bodies[static_cast<std::size_t>(body(rule, "body"))].info.id;
    const int b = scene_.bodies[static_cast<std::size_t>(body(rule, "other"))].info.id;
    for (const Event& event : motion_.events) {
      if (event.type != "contact_begin") continue;
      if (!((event.ids[0] == a && event.ids[1] == b) || (event.ids[0] == b && event.ids[1] == a))) continue;
      return event.time_s >= from && event.time_s <= to ? "" : "contact at " + std::to_string(event.time_s) + " s";
    }
    return rule.text("body", "") + " never touches " + rule.text("other", "");
  }

  const Vec3& position(double time_s, int body) const {
    const auto step = static_cast<std::size_t>(std::llround(time_s * motion_.step_hz));
    return motion_.steps[std::min(step, motion_.steps.size() - 1)][static_cast<std::size_t>(body)].X_WB.position;
  }

  /// The body's middle stays between min_m and max_m.
  std::string height(const Resolver& rule, double from, double to) const {
    const int index = body(rule, "body");
    for (double time = from; time <= to + 1e-9; time += kJudgedRate.time_of(1)) {
      const double z = position(time, index)[2];
      if (z >= rule.number("min_m", -1e9) && z <= rule.number("max_m", 1e9)) continue;
      return rule.text("body", "") + " is " + std::to_string(z) + " m high at " + std::to_string(time) + " s";
    }
    return "";
  }

  /// moves: it is min_m away from where it was; rests: it is never further than max_m.
  std::string displacement(const Resolver& rule, double from, double to) const {
    const int index = body(rule, "body");
    double farthest = 0;
    for (double time = from; time <= to + 1e-9; time += kJudgedRate.time_of(1)) {
      farthest = std::max(farthest, norm(position(time, index) - position(from, index)));
    }
    if (farthest >= rule.number("min_m", 0) && farthest <= rule.number("max_m", 1e9)) return "";
    return rule.text("body", "") + " moves by " + std::to_string(farthest) + " m";
  }

  /// In the end it is within max_m of where it was.
  std::string returns(const Resolver& rule, double from, double to) const {
    const int index = body(rule, "body");
    const double apart = norm(position(to, index) - position(from, index));
    if (apart <= rule.number("max_m")) return "";
    return rule.text("body", "") + " ends " + std::to_string(apart) + " m away";
  }

  std::string happens(const Resolver& rule, double from, double to) const {
    const std::string type = rule.text("type", "");
    const int id = rule.has("body") ? scene_.bodies[static_cast<std::size_t>(body(rule, "body"))].info.id : -1;
    for (const Event& event : motion_.events) {
      if (id >= 0 && std::find(event.ids.begin(), event.ids.end(), id) == event.ids.end()) continue;
      if (event.type == type && event.time_s >= from && event.time_s <= to) return "";
    }
    return "no " + type + " from " + std::to_string(from) + " to " + std::to_string(to) + " s";
  }

  const SceneSpec& scene_;
  const Motion& motion_;
  Views views_;
};

}  // namespace

std::string find_rejection(const Scenario& scenario, const SceneSpec& scene, const Motion& motion) {
  if (!scenario.document.contains("require")) return "";
  const Judge judge(scene, motion);
  std::string reason;
  Resolver(scenario.document, "", scenario.file, scene.parameters).each("require", [&](const Resolver& rule) {
    if (reason.empty()) reason = judge.check(rule);
  });
  return reason;
}

}  // namespace bitemark::sim
