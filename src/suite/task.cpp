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
  throw InputError(fmt::format("\"{}\" {}; expected --change FRAME:NAME=VALUE or --shot FRAME:CAPTION", text, reason));
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

int frame_in(const std::string& text, const std::string& digits, int first, const Conditioning& request) {
  const double at = number_in(text, digits);
  if (at != std::floor(at) || at < first || at >= request.frame_count)
    refuse(text, fmt::format("has the frame {}, and frames go from {} to {}", digits, first, request.frame_count - 1));
  return static_cast<int>(at);
}

/// From `frame` on. rows: [frame_count, names.size()].
void change_channel(std::size_t channel, std::size_t width, int frame, double value, std::vector<float>& rows) {
  for (auto at = static_cast<std::size_t>(frame) * width + channel; at < rows.size(); at += width)
    rows[at] = static_cast<float>(value);
}

/// -1 where it is none of them.
std::ptrdiff_t index_of(const std::string& name, const std::vector<std::string>& names) {
  const auto found = std::find(names.begin(), names.end(), name);
  return found == names.end() ? -1 : found - names.begin();
}

void change_value(const std::string& text, int frame, const std::string& name, double value, Conditioning& request) {
  const auto &controls = Controls::names(), &actions = Actions::names();
  const std::ptrdiff_t control = index_of(name, controls), action = index_of(name, actions);
  const bool played = !request.actions.values.empty();
  if (control >= 0) {
    change_channel(static_cast<std::size_t>(control), controls.size(), frame, value, request.controls.values);
    // Where nothing acts it has no place and no phase, in every episode: who is told of them sees it coming.
    if (name == "act_on" && value == 0)
      for (const char* of_it : {"act_u", "act_v", "act_phase"}) change_value(text, frame, of_it, 0, request);
  } else if (action >= 0 && played) {
    change_channel(static_cast<std::size_t>(action), actions.size(), frame, value, request.actions.values);
  } else if (action >= 0) {
    refuse(text, "changes what a player does, and nobody plays in this scenario");
  } else {
    refuse(text, fmt::format("names none of caption, {}{}{}", fmt::join(controls, ", "), played ? ", " : "",
                             played ? fmt::format("{}", fmt::join(actions, ", ")) : ""));
  }
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
  const int frame = frame_in(text, text.substr(0, colon), 0, request);
  const std::string name = text.substr(colon + 1, equals - colon - 1), value = text.substr(equals + 1);
  if (name == "caption")
    change_caption(text, frame, value, request);
  else
    change_value(text, frame, name, number_in(text, value), request);
}

void apply_shot(const std::string& text, Conditioning& request) {
  const auto colon = text.find(':');
  if (colon == std::string::npos) refuse(text, "is not readable");
  const int frame = frame_in(text, text.substr(0, colon), 1, request);
  auto& cuts = request.cuts;
  const auto later = std::lower_bound(cuts.begin(), cuts.end(), frame);
  if (later == cuts.end() || *later != frame) cuts.insert(later, frame);
  if (const std::string caption = text.substr(colon + 1); !caption.empty())
    change_caption(text, frame, caption, request);
}

}  // namespace bitemark
