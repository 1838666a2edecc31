// The folder of a training run: whose it is, what it starts from, where it stands.
#pragma once

#include <filesystem>
#include <vector>

#include "model/commands.h"
#include "model/recipe.h"

namespace bitemark::model {

class RunFolder {
 public:
  /// Claims an empty folder for the recipe, or finds a run of the same recipe in it. With `writes` false (all processes
  /// but one) it only looks. Throws InputError for a folder of another recipe or with something else in it.
  RunFolder(const TrainOptions& options, const Recipe& recipe, bool writes);
  /// Takes away what this object made in a folder that held no run before: one that cannot start leaves nothing.
  void undo();

  std::filesystem::path checkpoint() const { return path_ / "checkpoint"; }
  std::filesystem::path latents() const { return path_ / "latents"; }
  std::filesystem::path state() const { return path_ / "state.safetensors"; }
  std::filesystem::path log() const { return path_ / "log.jsonl"; }
  std::filesystem::path tensorboard() const { return path_ / "tensorboard"; }
  std::filesystem::path picture(std::int64_t step) const;
  const std::filesystem::path& path() const { return path_; }

  /// GFLOP/s of this machine's matrix products: measured once, then read from run.json.
  double matrix_rate(int threads) const;
  /// Steps from `step` on are done again; their lines go.
  void cut_log(std::int64_t step) const;

 private:
  void claim(const TrainOptions& options, const Recipe& recipe);
  void gather_parts(const std::vector<std::filesystem::path>& from) const;
  std::filesystem::path path_;
  bool existed_ = false;  ///< the folder itself
  bool fresh_ = false;    ///< claimed by this object
};

}  // namespace bitemark::model
