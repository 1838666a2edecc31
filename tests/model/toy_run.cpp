#include "toy_run.h"

#include <fmt/format.h>

#include <sstream>

#include "base/files.h"
#include "base/safetensors.h"
#include "toys.h"

namespace bitemark::model {

Json toy_recipe(const std::string& stage) {
  Json model = {{"window", 8}, {"width", 12}, {"size", 32}};
  if (stage == "vae")
    model = {{"latent_channels", 4}, {"encoder_channels", {8, 8, 8}}, {"decoder_channels", {8, 8, 8}}};
  if (stage == "text") model = {{"context", 16}, {"width", 16}, {"depth", 1}, {"heads", 2}, {"embedding", 8}};
  if (stage == "image") model = {{"channels", {4, 8, 8, 8}}};
  // Contrasts need company in each part.
  const int batch = stage == "text" || stage == "image" ? 8 : 2;
  if (stage == "dit") model = {{"width", 24}, {"depth", 2}, {"heads", 2}};
  // decay 1: the rate of step 2 is the same whether the run is said to have 3 steps or 6.
  Json recipe = {{"stage", stage}, {"seed", 5},  {"steps", 6},          {"batch", batch}, {"windows", {8}},
                 {"rate", 1e-3},   {"decay", 1}, {"save_every_s", 0.0}, {"model", model}};
  // Every kind of step and every draw occurs within six steps.
  if (stage == "dit") recipe["more"] = {{"plain", 0.5}, {"drop", 0.5}, {"clean_history", 0.3}, {"free_history", 0.3}};
  return recipe;
}

Json toy_tasks() {
  return {{"windows", {8, 4}},
          {"matrix_rate", 0.01},
          {"model", {{"depth", 3}, {"spacetime_every", 2}, {"text_every", 2}, {"local_skip", true}}},
          {"more",
           {{"plain", 0.1},
            {"backwards", 0.3},
            {"between", 0.3},
            {"shortcut", 0.4},
            {"own_history", 1.0},
            {"own_rounds", 3},
            {"own_from", 0.5},
            {"unrolled", 0.3},
            {"unrolled_frames", 3},
            {"rollout", {{"temperature", 0.5}}},
            {"worn_history", 0.5}}}};
}

Stored read_all(const std::filesystem::path& path) {
  const SafetensorsFile file(path);
  Stored stored{{}, file.metadata()};
  for (const auto& [name, view] : file.tensors()) stored.tensors.push_back({name, to_tensor(file, name)});
  return stored;
}

void ToyRun::SetUp() {
  folder = fresh_folder("runs");
  write_toy_shards(folder / "data");
  write_toy_checkpoint(folder / "parts");
}

TrainOptions ToyRun::options(const std::string& stage, const std::string& out, std::int64_t steps,
                             const Json& changes) const {
  TrainOptions o;
  const std::string variant = changes.empty() ? "" : fmt::format(".{}", std::hash<Json>()(changes));
  o.recipe = folder / (stage + variant + ".json");
  Json recipe = toy_recipe(stage);
  recipe.merge_patch(changes);
  save_json(o.recipe, recipe);
  o.data = {folder / "data"};
  o.out = folder / out;
  o.from = {folder / "parts"};
  o.threads = 1;
  o.steps = steps;
  return o;
}

std::vector<std::string> ToyRun::words(const TrainOptions& o) {
  return {"train",          o.recipe,
          "--data",         o.data.front(),
          "--out",          o.out,
          "--from",         o.from.front(),
          "--threads",      std::to_string(o.threads),
          "--steps",        std::to_string(o.steps),
          "--peer-timeout", std::to_string(static_cast<int>(o.peer_timeout_s))};
}

std::string log_without_times(const std::filesystem::path& file) {
  std::istringstream lines(read_file(file));
  std::string out, line;
  while (std::getline(lines, line)) {
    Json json = Json::parse(line);
    for (const char* timed : {"seconds", "samples_per_s", "waiting"}) json.erase(timed);
    out += json.dump() + "\n";
  }
  return out;
}

void expect_same_tensors(const std::filesystem::path& a, const std::filesystem::path& b) {
  const SafetensorsFile first(a), second(b);
  ASSERT_EQ(first.tensors().size(), second.tensors().size());
  for (const auto& [name, view] : first.tensors())
    EXPECT_TRUE(at::equal(map_tensor(first, name), map_tensor(second, name))) << name;
}

}  // namespace bitemark::model
