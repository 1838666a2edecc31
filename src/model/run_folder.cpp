#include "model/run_folder.h"

#include <fmt/format.h>

#include <algorithm>
#include <sstream>

#include "base/error.h"
#include "base/files.h"
#include "base/safetensors.h"
#include "base/sha256.h"
#include "model/checkpoint.h"
#include "model/machine_peak.h"

namespace bitemark::model {
namespace {

/// Of the indices and of each shard's first frames: those of another split differ.
std::string digest_of_data(const std::vector<fs::path>& folders) {
  constexpr std::size_t kBegin = std::size_t{1} << 20U;
  std::string parts;
  for (const fs::path& folder : folders) {
    const fs::path index = folder / "index.json";
    parts += hex(sha256(read_file(index))) + "\n";
    for (const Json& shard : json_member<std::vector<Json>>(load_json(index), "shards", index.string())) {
      const SafetensorsFile file(folder / json_member<std::string>(shard, "file", index.string(), "/shards"));
      const auto frames = file.at("frames").data;
      const std::string_view begin(reinterpret_cast<const char*>(frames.data()), std::min(frames.size(), kBegin));
      parts += hex(sha256(begin)) + "\n";
    }
  }
  return hex(sha256(parts));
}

Json as_texts(const std::vector<fs::path>& paths) {
  Json texts = Json::array();
  for (const fs::path& path : paths) texts.push_back(path.string());
  return texts;
}

}  // namespace

RunFolder::RunFolder(const TrainOptions& options, const Recipe& recipe, bool writes) : path_(options.out) {
  if (!writes) return;
  existed_ = fs::exists(path_);
  claim(options, recipe);
  try {
    gather_parts(options.from);
  } catch (...) {
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

/// A folder belongs to one recipe and to the data that it was begun with.
void RunFolder::claim(const TrainOptions& options, const Recipe& recipe) {
  make_folder(path_);
  const fs::path file = path_ / "run.json";
  if (fs::exists(file)) {
    const Json run = load_json(file);
    if (json_member<std::string>(run, "recipe_digest", file.string()) != recipe.digest)
      throw InputError(path_.string(), "", "holds a run of another recipe; choose another --out");
    if (const std::string data = digest_of_data(options.data);
        json_member_or(run, "data_digest", data, file.string()) != data)  // runs of earlier versions do not tell
      throw InputError(path_.string(), "", "holds a run on other data; name those of its run.json, or another --out");
    return;
  }
  if (!fs::is_empty(path_)) throw InputError(path_.string(), "", "is not empty and holds no run; choose another --out");
  save_json(file, {{"stage", recipe.stage},
                   {"recipe", load_json(options.recipe)},
                   {"recipe_digest", recipe.digest},
                   {"data", as_texts(options.data)},
                   {"data_digest", digest_of_data(options.data)},
                   {"from", as_texts(options.from)},
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
    copy_parts(other, checkpoint());
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
    const bool tells = json.is_object() && json.contains("step") && json["step"].is_number();
    if (tells && json["step"].get<double>() < static_cast<double>(step)) kept += line + "\n";
  }
  write_file(log(), kept);
}

}  // namespace bitemark::model
