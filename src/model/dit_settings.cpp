#include "model/dit_settings.h"

#include <fmt/format.h>

#include <set>
#include <string>

#include "base/error.h"

namespace bitemark::model {

DitTrainingSettings dit_training_settings(const Recipe& recipe) {
  DitTrainingSettings s;
  std::set<std::string> known{"start", "diffusion", "rollout"};
  const auto read = [&]<typename Field>(const char* key, Field& field, double low, double high) {
    known.insert(key);
    if (!recipe.more.contains(key)) return;
    field = json_member<Field>(recipe.more, key, recipe.file, "/more");
    const auto value = static_cast<double>(field);
    if (!(value >= low && value <= high))
      throw InputError(recipe.file, std::string("/more/") + key,
                       fmt::format("is {}, expected {} to {}", value, low, high));
  };
  constexpr double kMostWeight = 1e6;
  read("plain", s.plain, 0, 1);
  read("clean_history", s.clean_history, 0, 1);
  read("free_history", s.free_history, 0, 1);
  read("history_noise", s.history_noise, 0, 1);
  read("worn_history", s.worn_history, 0, 1);
  read("motion_weight", s.motion_weight, 0, kMostWeight);
  read("first_weight", s.first_weight, 0, kMostWeight);
  read("state_weight", s.state_weight, 0, kMostWeight);
  read("drop", s.drop, 0, 1);
  read("label_drop", s.label_drop, 0, 1);
  read("backwards", s.backwards, 0, 1);
  read("between", s.between, 0, 1);
  read("shortcut", s.shortcut, 0, 1);
  read("own_history", s.own_history, 0, 1);
  read("own_from", s.own_from, 0, 1);
  read("own_rounds", s.own_rounds, 1, 64);
  read("unrolled", s.unrolled, 0, 1);
  read("unrolled_frames", s.unrolled_frames, 1, 1024);
  read("unrolled_weight", s.unrolled_weight, 0, kMostWeight);
  check_more(recipe, known);
  return s;
}

}  // namespace bitemark::model
