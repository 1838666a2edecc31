#include "model/recipe.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/error.h"
#include "base/sha256.h"

namespace bitemark::model {
namespace {

template <typename T>
void read(const Json& json, const char* key, const std::string& file, T& field) {
  if (json.contains(key)) field = json_member<T>(json, key, file);
}

void check(const std::string& file, const char* key, double value, double low, double high) {
  if (!(value >= low && value <= high))
    throw InputError(file, std::string("/") + key, fmt::format("is {}, expected {} to {}", value, low, high));
}

const std::set<std::string> kMembers{"stage",         "seed",     "steps",        "batch", "windows", "rate",
                                     "warmup",        "decay",    "weight_decay", "clip",  "ema",     "save_every_s",
                                     "mix",           "model",    "more",         "about", "parts",   "matrix_rate",
                                     "picture_every", "held_out", "precision"};

}  // namespace

double Recipe::schedule_at(std::int64_t step) const {
  const double up = static_cast<double>(step + 1) / static_cast<double>(std::max<std::int64_t>(warmup, 1));
  const double down = static_cast<double>(steps - step) / static_cast<double>(std::max<std::int64_t>(decay, 1));
  return std::max(0.0, std::min({1.0, up, down}));
}

void check_more(const Recipe& recipe, const std::set<std::string>& known) {
  for (const auto& [key, value] : recipe.more.items())
    if (!known.contains(key))
      throw InputError(recipe.file, "/more/" + key, "is not a known setting of stage " + recipe.stage);
}

Recipe load_recipe(const std::filesystem::path& path) {
  Recipe recipe;
  recipe.file = path.string();
  Json json = load_json(path);
  recipe.stage = json_member<std::string>(json, "stage", recipe.file);
  for (const auto& [key, value] : json.items())
    if (!kMembers.contains(key)) throw InputError(recipe.file, "/" + key, "is not a known setting");
  const std::set<std::string> stages{"vae", "text", "image", "dit", "features"};
  if (!stages.contains(recipe.stage))
    throw InputError(recipe.file, "/stage", "is '" + recipe.stage + "', expected vae, text, image, dit or features");
  read(json, "seed", recipe.file, recipe.seed);
  read(json, "steps", recipe.file, recipe.steps);
  read(json, "batch", recipe.file, recipe.batch);
  read(json, "parts", recipe.file, recipe.parts);
  read(json, "windows", recipe.file, recipe.windows);
  read(json, "rate", recipe.file, recipe.rate);
  read(json, "matrix_rate", recipe.file, recipe.matrix_rate);
  read(json, "warmup", recipe.file, recipe.warmup);
  read(json, "decay", recipe.file, recipe.decay);
  read(json, "weight_decay", recipe.file, recipe.weight_decay);
  read(json, "clip", recipe.file, recipe.clip);
  read(json, "precision", recipe.file, recipe.precision);
  if (recipe.precision != "float32" && recipe.precision != "bfloat16")
    throw InputError(recipe.file, "/precision", "is '" + recipe.precision + "', expected float32 or bfloat16");
  read(json, "ema", recipe.file, recipe.ema);
  read(json, "save_every_s", recipe.file, recipe.save_every_s);
  read(json, "picture_every", recipe.file, recipe.picture_every);
  read(json, "held_out", recipe.file, recipe.held_out);
  read(json, "mix", recipe.file, recipe.mix);
  read(json, "model", recipe.file, recipe.model);
  read(json, "more", recipe.file, recipe.more);
  if (!recipe.model.is_object()) throw InputError(recipe.file, "/model", "is not an object");
  if (!recipe.more.is_object()) throw InputError(recipe.file, "/more", "is not an object");
  check(recipe.file, "steps", static_cast<double>(recipe.steps), 1, 1e9);
  check(recipe.file, "batch", static_cast<double>(recipe.batch), 1, 65536);
  check(recipe.file, "parts", static_cast<double>(recipe.parts), 1, static_cast<double>(recipe.batch));
  if (recipe.batch % recipe.parts != 0) throw InputError(recipe.file, "/parts", "must divide the batch");
  check(recipe.file, "rate", recipe.rate, 0, 1);
  check(recipe.file, "warmup", static_cast<double>(recipe.warmup), 0, 1e9);
  check(recipe.file, "decay", static_cast<double>(recipe.decay), 0, 1e9);
  check(recipe.file, "weight_decay", recipe.weight_decay, 0, 1);
  check(recipe.file, "save_every_s", recipe.save_every_s, 0, 1e9);
  check(recipe.file, "picture_every", static_cast<double>(recipe.picture_every), 0, 1e9);
  check(recipe.file, "held_out", static_cast<double>(recipe.held_out), 0, 1e6);
  for (const auto& [scenario, weight] : recipe.mix) check(recipe.file, ("mix/" + scenario).c_str(), weight, 0, 1e6);
  check(recipe.file, "matrix_rate", recipe.matrix_rate, 0, 1);
  check(recipe.file, "ema", recipe.ema, 0, 1);
  check(recipe.file, "clip", recipe.clip, 1e-6, 1e6);
  if (recipe.windows.empty()) throw InputError(recipe.file, "/windows", "is empty");
  for (const auto window : recipe.windows) check(recipe.file, "windows", static_cast<double>(window), 1, 1024);
  for (const char* free : {"steps", "decay", "save_every_s", "picture_every", "about"}) json.erase(free);
  recipe.digest = hex(sha256(json.dump()));
  return recipe;
}

}  // namespace bitemark::model
