// Training of toys, for the tests of training.
#pragma once

#include <gtest/gtest.h>

#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "base/json.h"
#include "model/commands.h"
#include "model/weights.h"

namespace bitemark::model {

Json toy_recipe(const std::string& stage);
/// Changes to the recipe of "dit": orders, long steps, clips of two lengths, histories of its own and unrolled ones,
/// each in some of so many steps.
Json toy_tasks();

/// A folder with data, parts and recipes of the toy world.
class ToyRun : public testing::Test {
 protected:
  void SetUp() override;
  /// Training of `stage` in the folder `out`, on one thread; `changes` go into the recipe.
  TrainOptions options(const std::string& stage, const std::string& out, std::int64_t steps,
                       const Json& changes = Json::object()) const;
  /// The same as words for the program.
  static std::vector<std::string> words(const TrainOptions& options);
  std::filesystem::path folder;
};

/// All that a safetensors file holds, on its own memory: to be changed and written back.
struct Stored {
  std::vector<NamedTensor> tensors;
  std::map<std::string, std::string> metadata;
};
Stored read_all(const std::filesystem::path& file);

/// The log less what the clock says.
std::string log_without_times(const std::filesystem::path& file);
void expect_same_tensors(const std::filesystem::path& a, const std::filesystem::path& b);

}  // namespace bitemark::model
