#include "suite/task.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "base/error.h"

namespace bitemark {
namespace {

/// Frames at the begin and at the end that the task gives.
std::pair<int, int> given_counts(const TaskOptions& options) {
  if (options.task == "continue") return {options.given, 0};
  if (options.task == "text") return {0, 0};
  if (options.task == "image") return {1, 0};
  if (options.task == "before") return {0, options.given_end};
  if (options.task == "between") return {options.given, options.given_end};
  throw InputError(fmt::format("there is no task \"{}\", expected one of {}", options.task, fmt::join(kTasks, ", ")));
}

[[noreturn]] void refuse(const std::string& text, const std::string& reason) {
  throw InputError(fmt::format("--change \"{}\" {}; expected FRAME:NAME=VALUE", text, reason));
}

double number_in(const std::string& text, const std::string& digits) {
  try {
    std::size_t used = 0;
    const double value = std::stod(digits, &used);
    if (used == digits.size() && std::isfinite(value)) return value;
  } catch (const std::exception&) {  // told below
  }
  refuse(text, "has \"" + digits + "\" where a number is expected");
}

void change_control(const std::string& text, int frame, const std::string& name, double value, Conditioning& request) {
  const auto& names = Controls::names();
  const auto found = std::find(names.begin(), names.end(), name);
  if (found == names.end()) refuse(text, fmt::format("names none of caption, {}", fmt::join(names, ", ")));
  const auto channel = static_cast<std::size_t>(found - names.begin());
  for (auto t = static_cast<std::size_t>(frame); t < static_cast<std::size_t>(request.frame_count); ++t)
    request.controls.values[t * Controls::width() + channel] = static_cast<float>(value);
}

void change_caption(const std::string& text, int frame, const std::string& caption, Conditioning& request) {
  auto& changes = request.changes;
  const auto later = std::find_if(changes.begin(), changes.end(), [&](const auto& c) { return c.frame >= frame; });
  if (later != changes.end() && later->frame == frame) refuse(text, "is the second caption for that frame");
  changes.insert(later, {frame, caption});
}

}  // namespace

void give_frames(const TaskOptions& options, const std::vector<Frame>& whole, Conditioning& request) {
  const auto [first, last] = given_counts(options);
  const auto needed = static_cast<std::size_t>(last > 0 ? request.frame_count : first);
  if (whole.size() < needed)
    throw InputError(fmt::format("task {} gives {} frames of a clip of {}, and there are only {}", options.task,
                                 first + last, request.frame_count, whole.size()));
  if (first + last >= request.frame_count)
    throw InputError(fmt::format("task {} gives {} frames of a clip of {}: nothing is left to make", options.task,
                                 first + last, request.frame_count));
  request.context.assign(whole.begin(), whole.begin() + first);
  if (last == 0) return;
  request.context.insert(request.context.end(), whole.begin() + (request.frame_count - last),
                         whole.begin() + request.frame_count);
  request.places.resize(static_cast<std::size_t>(first + last));
  std::iota(request.places.begin(), request.places.begin() + first, 0);
  std::iota(request.places.begin() + first, request.places.end(), request.frame_count - last);
}

void apply_change(const std::string& text, Conditioning& request) {
  const auto colon = text.find(':'), equals = text.find('=');
  if (colon == std::string::npos || equals == std::string::npos || equals < colon) refuse(text, "is not readable");
  const double at = number_in(text, text.substr(0, colon));
  if (at != std::floor(at) || at < 0 || at >= request.frame_count)
    refuse(text,
           fmt::format("has the frame {}, and frames go from 0 to {}", text.substr(0, colon), request.frame_count - 1));
  const std::string name = text.substr(colon + 1, equals - colon - 1), value = text.substr(equals + 1);
  if (name == "caption")
    change_caption(text, static_cast<int>(at), value, request);
  else
    change_control(text, static_cast<int>(at), name, number_in(text, value), request);
}

}  // namespace bitemark
