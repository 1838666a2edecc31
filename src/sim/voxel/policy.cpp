#include "sim/voxel/policy.h"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace bitemark::sim {
namespace {

constexpr double kSteepest = 89 * std::numbers::pi / 180;

double shortest_turn(double angle) { return std::remainder(angle, 2 * std::numbers::pi); }

View view_towards(const Vec3& from, const Vec3& to) {
  const Vec3 d = to - from;
  return {std::atan2(d[1], d[0]), std::atan2(d[2], std::hypot(d[0], d[1]))};
}

bool turns(const PolicyStep& step) {
  return step.what == PolicyStep::Do::kTurn || step.what == PolicyStep::Do::kLookAt;
}

}  // namespace

Vec3 direction_of(const View& view) {
  const double level = std::cos(view.pitch);
  return {level * std::cos(view.yaw), level * std::sin(view.yaw), std::sin(view.pitch)};
}

Policy::Policy(const std::vector<PolicyStep>& steps, const View& start)
    : steps_(steps), progress_(steps.size()), view_(start) {}

void Policy::begin(std::size_t index, const Vec3& eye) {
  const PolicyStep& step = steps_[index];
  Progress& progress = progress_[index];
  progress.begun = true;
  progress.change = {step.yaw, step.pitch};
  if (step.what == PolicyStep::Do::kLookAt) {
    const View goal = view_towards(eye, center_of(step.target) + step.aim);
    progress.change = {shortest_turn(goal.yaw - view_.yaw), goal.pitch - view_.pitch};
  }
  if (step.what == PolicyStep::Do::kPlace) placing_ = &step;
  if (step.what == PolicyStep::Do::kSelect) selecting_ = step.slot;
}

/// A hand that moves a mouse starts and ends softly.
void Policy::turn(std::size_t index, double time_s) {
  const PolicyStep& step = steps_[index];
  Progress& progress = progress_[index];
  const double x = std::clamp((time_s - step.from_s) / std::max(step.to_s - step.from_s, 1e-9), 0.0, 1.0);
  const double done = x * x * (3 - 2 * x);
  view_.yaw += (done - progress.done) * progress.change.yaw;
  view_.pitch = std::clamp(view_.pitch + (done - progress.done) * progress.change.pitch, -kSteepest, kSteepest);
  progress.done = done;
  if (x >= 1) progress.over = true;
}

void Policy::advance(double time_s, const Vec3& eye) {
  keys_ = 0;
  placing_ = nullptr;
  selecting_ = -1;
  for (std::size_t i = 0; i < steps_.size(); ++i) {
    const PolicyStep& step = steps_[i];
    if (progress_[i].over || time_s < step.from_s) continue;
    if (!progress_[i].begun) begin(i, eye);
    if (turns(step)) {
      turn(i, time_s);
    } else if (time_s >= step.to_s) {
      progress_[i].over = true;
    } else {
      keys_ |= step.keys;
    }
  }
}

void Policy::note_broken() {
  for (std::size_t i = 0; i < steps_.size(); ++i) {
    if (steps_[i].until_broken && progress_[i].begun) progress_[i].over = true;
  }
}

}  // namespace bitemark::sim
