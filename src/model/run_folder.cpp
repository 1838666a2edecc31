#include "model/run_folder.h"

#include <fmt/format.h>

#include <sstream>

#include "base/error.h"
#include "base/files.h"
#include "model/checkpoint.h"
#include "model/machine_peak.h"

namespace bitemark::model {

RunFolder::RunFolder(const TrainOptions& options, const Recipe& recipe, bool writes) : path_(options.out) {
  if (!writes) return;
  existed_ = fs::exists(path_);
  claim(options, recipe);
  try {
    gather_parts(options.from);
  } catch (const InputError&) {
    undo();
    throw;
  }
}

void RunFolder::undo() {
  if (!fresh_) return;
  std::error_code ignored;
  for (const char* made : {"run.json", "checkpoint", "latents"}) fs::remove_all(path_ / made, ignored);
  if (!existed_) fs::remove(path_, ignored);
}

fs::path RunFolder::picture(std::int64_t step) const {
  return path_ / "rollouts" / ("step-" + std::to_string(step) + ".png");
}

/// A folder belongs to one recipe.
void RunFolder::claim(const TrainOptions& options, const Recipe& recipe) {
  make_folder(path_);
  const fs::path file = path_ / "run.json";
  if (fs::exists(file)) {
    if (json_member<std::string>(load_json(file), "recipe_digest", file.string()) != recipe.digest)
      throw InputError(path_.string(), "", "holds a run of another recipe; choose another --out");
    return;
  }
  if (!fs::is_empty(path_)) throw InputError(path_.string(), "", "is not empty and holds no run; choose another --out");
  save_json(file, {{"stage", recipe.stage},
                   {"recipe", load_json(options.recipe)},
                   {"recipe_digest", recipe.digest},
                   {"threads", at::get_num_threads()}});
  fresh_ = true;
}

/// The run's checkpoint starts from the parts of earlier stages.
void RunFolder::gather_parts(const std::vector<fs::path>& from) const {
  make_folder(checkpoint());
  if (fs::exists(checkpoint() / "config.json")) return;
  Json config = {{"format", 1}};
  for (const auto& other : from) {
    const Json parts = Checkpoint(other).config();
    for (const auto& [key, value] : parts.items()) config[key] = value;
    for (const char* file : kParts)
      if (fs::exists(other / file))
        fs::copy_file(other / file, checkpoint() / file, fs::copy_options::overwrite_existing);
  }
  write_config(checkpoint(), config);
}

double RunFolder::matrix_rate(int threads) const {
  const fs::path file = path_ / "run.json";
  Json json = load_json(file);
  if (!json.contains("matrix_gflops")) {
    json["matrix_gflops"] = matrix_rate_gflops(threads);
    save_json(file, json);
  }
  return json_member<double>(json, "matrix_gflops", file.string());
}

void RunFolder::cut_log(std::int64_t step) const {
  std::istringstream lines(fs::exists(log()) ? read_file(log()) : "");
  std::string kept, line;
  while (std::getline(lines, line)) {
    const auto json = Json::parse(line, nullptr, false);
    if (!json.is_discarded() && json.value("step", step) < step) kept += line + "\n";
  }
  write_file(log(), kept);
}

}  // namespace bitemark::model
