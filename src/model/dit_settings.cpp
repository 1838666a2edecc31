#include "model/dit_settings.h"

namespace bitemark::model {

DitTrainingSettings dit_training_settings(const Recipe& recipe) {
  DitTrainingSettings s;
  const auto read = [&](const char* key, double& field) {
    if (recipe.more.contains(key)) field = json_member<double>(recipe.more, key, recipe.file, "/more");
  };
  read("plain", s.plain);
  read("clean_history", s.clean_history);
  read("free_history", s.free_history);
  read("history_noise", s.history_noise);
  read("motion_weight", s.motion_weight);
  read("first_weight", s.first_weight);
  read("state_weight", s.state_weight);
  read("drop", s.drop);
  read("label_drop", s.label_drop);
  read("backwards", s.backwards);
  read("between", s.between);
  read("shortcut", s.shortcut);
  read("own_history", s.own_history);
  return s;
}

}  // namespace bitemark::model
