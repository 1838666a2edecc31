// Training that stops and goes on ends where undisturbed training ends, to the bit.
#include <gmock/gmock.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <fstream>
#include <sstream>
#include <thread>

#include "base/error.h"
#include "base/files.h"
#include "model/commands.h"
#include "model/weights.h"
#include "toys.h"

namespace bitemark::model {
namespace {

using testing::HasSubstr;
using testing::ThrowsMessage;

Json toy_recipe(const std::string& stage) {
  Json model = {{"window", 8}, {"width", 12}, {"size", 32}};
  if (stage == "vae")
    model = {{"latent_channels", 4}, {"encoder_channels", {8, 8, 8}}, {"decoder_channels", {8, 8, 8}}};
  if (stage == "text") model = {{"context", 16}, {"width", 16}, {"depth", 1}, {"heads", 2}, {"embedding", 8}};
  if (stage == "dit") model = {{"width", 24}, {"depth", 2}, {"heads", 2}};
  // decay 1: the rate of step 2 is the same whether the run is said to have 3 steps or 6.
  Json recipe = {{"stage", stage}, {"seed", 5},  {"steps", 6},          {"batch", 2},    {"windows", {8}},
                 {"rate", 1e-3},   {"decay", 1}, {"save_every_s", 0.0}, {"model", model}};
  // Every kind of step and every draw occurs within six steps.
  if (stage == "dit") recipe["more"] = {{"plain", 0.5}, {"drop", 0.5}, {"clean_history", 0.3}, {"free_history", 0.3}};
  return recipe;
}

class Training : public testing::Test {
 protected:
  void SetUp() override {
    folder = fresh_folder("runs");
    write_toy_shards(folder / "data");
    write_toy_checkpoint(folder / "parts");
  }
  TrainOptions options(const std::string& stage, const std::string& out, std::int64_t steps) const {
    TrainOptions o;
    o.recipe = folder / (stage + ".json");
    save_json(o.recipe, toy_recipe(stage));
    o.data = folder / "data";
    o.out = folder / out;
    o.from = {folder / "parts"};
    o.threads = 1;
    o.steps = steps;
    return o;
  }
  std::filesystem::path folder;
};

std::string log_without_times(const std::filesystem::path& file) {
  std::istringstream lines(read_file(file));
  std::string out, line;
  while (std::getline(lines, line)) {
    Json json = Json::parse(line);
    json.erase("seconds");
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

class ResumedTraining : public Training, public testing::WithParamInterface<std::string> {};

TEST_P(ResumedTraining, EndsAtTheSameBits) {
  const std::string stage = GetParam();
  train(options(stage, "undisturbed", 6));
  train(options(stage, "stopped", 3));
  // What kill -9 leaves behind: a log that is ahead of the state, cut in the middle of a line, and half a file.
  std::ofstream(folder / "stopped/log.jsonl", std::ios::app) << "{\"step\":3,\"loss\":9}\n{\"step\":4,\"lo";
  write_file(folder / "stopped/.state.safetensors.tmp", "half");
  train(options(stage, "stopped", 6));
  expect_same_tensors(folder / "undisturbed/state.safetensors", folder / "stopped/state.safetensors");
  EXPECT_EQ(log_without_times(folder / "undisturbed/log.jsonl"), log_without_times(folder / "stopped/log.jsonl"));
  const char* file = stage == "dit"    ? "dit.safetensors"
                     : stage == "vae"  ? "vae.safetensors"
                     : stage == "text" ? "text.safetensors"
                                       : "features.safetensors";
  expect_same_tensors(folder / "undisturbed/checkpoint" / file, folder / "stopped/checkpoint" / file);
  EXPECT_NO_THROW(info(folder / "stopped/checkpoint"));
}
INSTANTIATE_TEST_SUITE_P(Stages, ResumedTraining, testing::Values("vae", "text", "dit", "features"),
                         [](const auto& value) { return value.param; });

TEST_P(ResumedTraining, EndsAtTheSameBitsOnAnyNumberOfThreads) {
  TrainOptions one = options(GetParam(), "one", 3), two = options(GetParam(), "two", 3);
  two.threads = 2;
  train(one);
  train(two);
  expect_same_tensors(one.out / "state.safetensors", two.out / "state.safetensors");
}

TEST_F(Training, LearnsTheToyWorld) {
  TrainOptions o = options("vae", "learned", 60);
  train(o);
  std::istringstream lines(read_file(o.out / "log.jsonl"));
  std::vector<double> losses;
  std::string line;
  while (std::getline(lines, line)) losses.push_back(Json::parse(line).at("loss"));
  ASSERT_EQ(losses.size(), 60U);
  EXPECT_LT(losses.back(), 0.7 * losses.front());
  EXPECT_THAT(read_file(o.out / "loss.svg"), HasSubstr("</svg>"));
}

std::size_t lines_of(const std::filesystem::path& file) {
  if (!std::filesystem::exists(file)) return 0;
  const std::string text = read_file(file);
  return static_cast<std::size_t>(std::count(text.begin(), text.end(), '\n'));
}

using SlowTraining = Training;

TEST_F(SlowTraining, SurvivesKill9) {
  const TrainOptions undisturbed = options("dit", "undisturbed", 40), killed = options("dit", "killed", 40);
  train(undisturbed);
  const std::string program = BITEMARK_BINARY_DIR "/bitemark-model";
  ASSERT_TRUE(std::filesystem::exists(program)) << "build the target bitemark-model";
  const std::vector<std::string> words{program, "train",    killed.recipe, "--data",         killed.data,
                                       "--out", killed.out, "--from",      folder / "parts", "--threads",
                                       "1",     "--steps",  "40"};
  for (const std::size_t reached : {8U, 20U, 1000U}) {
    const pid_t child = ::fork();
    if (child == 0) {
      std::vector<char*> argv;
      for (const auto& word : words) argv.push_back(const_cast<char*>(word.c_str()));
      argv.push_back(nullptr);
      ::execv(argv[0], argv.data());
      ::_exit(127);
    }
    int status = 0;
    while (::waitpid(child, &status, WNOHANG) == 0) {
      if (lines_of(killed.out / "log.jsonl") >= reached) ::kill(child, SIGKILL);
      std::this_thread::sleep_for(std::chrono::milliseconds(2));
    }
    if (reached == 1000U) {
      EXPECT_EQ(WEXITSTATUS(status), 0);
    }
  }
  expect_same_tensors(undisturbed.out / "state.safetensors", killed.out / "state.safetensors");
  EXPECT_EQ(log_without_times(undisturbed.out / "log.jsonl"), log_without_times(killed.out / "log.jsonl"));
}

TEST_F(Training, FolderBelongsToOneRecipe) {
  train(options("vae", "run", 1));
  EXPECT_THAT([&] { train(options("features", "run", 1)); }, ThrowsMessage<InputError>(HasSubstr("another recipe")));
}

TEST_F(Training, FolderWithSomethingElseIsRefused) {
  std::filesystem::create_directories(folder / "other");
  write_file(folder / "other/precious.txt", "mine");
  EXPECT_THAT([&] { train(options("vae", "other", 1)); }, ThrowsMessage<InputError>(HasSubstr("holds no run")));
  EXPECT_EQ(read_file(folder / "other/precious.txt"), "mine");
}

TEST_F(Training, BadRecipesGetASentence) {
  const TrainOptions o = options("vae", "run", 1);
  const auto with = [&](const char* key, const Json& value) {
    Json recipe = toy_recipe("vae");
    recipe[key] = value;
    save_json(o.recipe, recipe);
  };
  with("stage", "dream");
  EXPECT_THAT([&] { train(o); }, ThrowsMessage<InputError>(HasSubstr("/stage")));
  with("rate", 7);
  EXPECT_THAT([&] { train(o); }, ThrowsMessage<InputError>(HasSubstr("/rate")));
  with("stepz", 7);
  EXPECT_THAT([&] { train(o); }, ThrowsMessage<InputError>(HasSubstr("/stepz")));
  with("windows", {64});
  EXPECT_THAT([&] { train(o); }, ThrowsMessage<InputError>(HasSubstr("64")));
}

TEST_F(Training, LyingShardsAreRefused) {
  save_json(folder / "data/index.json", {{"shards", {{{"file", "none.safetensors"}, {"scenario", "slide"}}}}});
  EXPECT_THAT([&] { train(options("vae", "run", 1)); }, ThrowsMessage<InputError>(HasSubstr("none.safetensors")));
}

}  // namespace
}  // namespace bitemark::model
