#include "model/keyboard.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cctype>
#include <cmath>
#include <sstream>

#include "base/error.h"
#include "episode/episode.h"

namespace bitemark::model {
namespace {

constexpr int kMostFrames = 65536;
constexpr float kTurn = 0.35F;  ///< of 20 degrees a frame

struct Key {
  std::string_view typed;
  const char* action;
  float value;
};
// Arrows are escape sequences, in the normal and in the application mode of a terminal.
constexpr Key kKeys[]{{"w", "forward", 1},
                      {"s", "back", 1},
                      {"a", "left", 1},
                      {"d", "right", 1},
                      {" ", "jump", 1},
                      {"e", "attack", 1},
                      {"q", "use", 1},
                      {"\x1b[A", "cameraX", -kTurn},
                      {"\x1b[B", "cameraX", kTurn},
                      {"\x1b[C", "cameraY", kTurn},
                      {"\x1b[D", "cameraY", -kTurn},
                      {"\x1bOA", "cameraX", -kTurn},
                      {"\x1bOB", "cameraX", kTurn},
                      {"\x1bOC", "cameraY", kTurn},
                      {"\x1bOD", "cameraY", -kTurn},
                      {"1", "hotbar.1", 1},
                      {"2", "hotbar.2", 1},
                      {"3", "hotbar.3", 1},
                      {"4", "hotbar.4", 1},
                      {"5", "hotbar.5", 1},
                      {"6", "hotbar.6", 1},
                      {"7", "hotbar.7", 1},
                      {"8", "hotbar.8", 1},
                      {"9", "hotbar.9", 1}};

/// -1 where there is none of that name.
std::ptrdiff_t channel_of(std::string_view name) {
  const auto& names = Actions::names();
  const auto found = std::find(names.begin(), names.end(), name);
  return found == names.end() ? -1 : found - names.begin();
}

float number_in(const std::string& text, const std::string& place, double low, double high) {
  try {
    std::size_t used = 0;
    const double value = std::stod(text, &used);
    if (used == text.size() && value >= low && value <= high) return static_cast<float>(value);
  } catch (const std::exception&) {  // told below
  }
  throw InputError(place, "", fmt::format("has \"{}\", expected a number from {} to {}", text, low, high));
}

}  // namespace

ScriptLine read_script_line(const std::string& line, const std::string& place) {
  ScriptLine result;
  result.actions.assign(Actions::width(), 0.0F);
  std::istringstream words(line);
  std::string word;
  for (bool first = true; words >> word; first = false) {
    if (first && std::isdigit(static_cast<unsigned char>(word.front())) != 0) {
      const float frames = number_in(word, place, 1, kMostFrames);
      if (frames != std::floor(frames)) throw InputError(place, "", "has \"" + word + "\", expected whole frames");
      result.frames = static_cast<int>(frames);
      continue;
    }
    const auto equals = word.find('=');
    const std::string name = word.substr(0, equals);
    const auto channel = channel_of(name);
    if (channel < 0)
      throw InputError(place, "",
                       fmt::format("has \"{}\", expected one of: {}", name, fmt::join(Actions::names(), ", ")));
    result.actions[static_cast<std::size_t>(channel)] =
        equals == std::string::npos ? 1.0F : number_in(word.substr(equals + 1), place, -1, 1);
  }
  return result;
}

std::string script_of(const ActionRow& actions) {
  std::vector<std::string> words;
  for (std::size_t i = 0; i < actions.size(); ++i) {
    if (actions[i] == 0) continue;
    const std::string& name = Actions::names()[i];
    words.push_back(actions[i] == 1 ? name : fmt::format("{}={}", name, actions[i]));
  }
  return fmt::format("{}", fmt::join(words, " "));
}

Keyboard::Keyboard() : values_(Actions::width(), 0.0F), frames_left_(Actions::width(), 0) {}

void Keyboard::hold(const char* name, float value) {
  const auto channel = static_cast<std::size_t>(channel_of(name));
  values_[channel] = value;
  frames_left_[channel] = kHeldFrames;
}

void Keyboard::press(std::string_view typed) {
  while (!typed.empty()) {
    const auto key = std::find_if(std::begin(kKeys), std::end(kKeys),
                                  [&](const Key& k) { return typed.substr(0, k.typed.size()) == k.typed; });
    if (key != std::end(kKeys)) {
      hold(key->action, key->value);
      typed.remove_prefix(key->typed.size());
      continue;
    }
    stop_ = stop_ || typed.front() == 'x' || typed.front() == '\x03' || typed.front() == '\x04';
    typed.remove_prefix(1);
  }
}

ActionRow Keyboard::next() {
  ActionRow row(values_.size(), 0.0F);
  for (std::size_t i = 0; i < row.size(); ++i) {
    if (frames_left_[i] > 0) {
      row[i] = values_[i];
      --frames_left_[i];
    }
  }
  return row;
}

}  // namespace bitemark::model
