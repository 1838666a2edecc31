// Training that stops and goes on ends where undisturbed training ends, to the bit.
#include <gmock/gmock.h>

#include <csignal>
#include <fstream>
#include <sstream>
#include <thread>

#include "base/error.h"
#include "base/files.h"
#include "base/random.h"
#include "base/safetensors.h"
#include "child.h"
#include "model/checkpoint.h"
#include "model/weights.h"
#include "toy_run.h"
#include "toys.h"

namespace bitemark::model {
namespace {

using testing::HasSubstr;
using testing::ThrowsMessage;

using Training = ToyRun;

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
  const char* file = stage == "dit"     ? "dit.safetensors"
                     : stage == "vae"   ? "vae.safetensors"
                     : stage == "text"  ? "text.safetensors"
                     : stage == "image" ? "image.safetensors"
                                        : "features.safetensors";
  expect_same_tensors(folder / "undisturbed/checkpoint" / file, folder / "stopped/checkpoint" / file);
  EXPECT_NO_THROW(info(folder / "stopped/checkpoint"));
}
INSTANTIATE_TEST_SUITE_P(Stages, ResumedTraining, testing::Values("vae", "text", "image", "dit", "features"),
                         [](const auto& value) { return value.param; });

TEST_P(ResumedTraining, EndsAtTheSameBitsOnAnyNumberOfThreads) {
  TrainOptions one = options(GetParam(), "one", 3), two = options(GetParam(), "two", 3);
  two.threads = 2;
  train(one);
  train(two);
  expect_same_tensors(one.out / "state.safetensors", two.out / "state.safetensors");
}

TEST_F(Training, EveryTaskTrainsToTheSameBitsOnAnyNumberOfThreads) {
  TrainOptions one = options("dit", "one", 20, toy_tasks()), two = options("dit", "two", 20, toy_tasks());
  two.threads = 2;
  train(one);
  train(two);
  expect_same_tensors(one.out / "state.safetensors", two.out / "state.safetensors");
  const auto dit = Checkpoint(one.out / "checkpoint").dit();
  EXPECT_TRUE(dit->config().orders && dit->config().shortcut);
  for (const char* learned : {"backwards", "stride.weight", "local_skip.weight"})  // they begin as zeros
    EXPECT_GT(dit->named_parameters()[learned].abs().max().item<float>(), 0.0F) << learned;
}

TEST_F(Training, UnrolledStepsWantAPathThatRolloutsTakeWithoutMoreNoise) {
  const auto refusal = [&](const Json& diffusion) {
    try {
      train(options("dit", "refused", 1, {{"more", {{"unrolled", 0.5}, {"diffusion", diffusion}}}}));
    } catch (const InputError& error) {
      return std::string(error.what());
    }
    return std::string("none");
  };
  EXPECT_THAT(refusal({{"path", "cosine"}, {"prediction", "v"}}),
              HasSubstr("/more/unrolled: needs the diffusion's path"));
  EXPECT_THAT(refusal({{"solver", "ancestral"}}), HasSubstr("/more/unrolled: needs a solver without noise"));
  EXPECT_FALSE(std::filesystem::exists(folder / "refused"));
}

TEST_F(Training, LatentsThatStandForFourFrames) {
  VaeConfig config = tiny_vae();
  config.temporal = 4;
  Vae vae(config);
  save_weights(folder / "parts/vae.safetensors", weights_of(vae), false);
  write_config(folder / "parts", {{"vae", to_json(config)}});
  train(options("dit", "run", 4, {{"windows", {3, 2}}, {"more", {{"own_history", 1.0}}}}));
  EXPECT_EQ(Checkpoint(folder / "run/checkpoint").vae()->config().temporal, 4);
  EXPECT_THAT(
      [&] {
        train(options("dit", "long", 4, {{"windows", {6}}}));
      },
      ThrowsMessage<InputError>(HasSubstr("6 latents of 4 frames")));
}

TEST_F(Training, GoesOnFromAnEarlierTransformer) {
  Json changes = toy_tasks();
  changes["rate"] = changes["matrix_rate"] = 0.0;
  changes["more"]["start"] = "checkpoint";
  train(options("dit", "run", 1, changes));
  const auto earlier = Checkpoint(folder / "parts").dit(), later = Checkpoint(folder / "run/checkpoint").dit();
  for (const auto& parameter : earlier->named_parameters())
    EXPECT_TRUE(at::equal(parameter.value(), later->named_parameters()[parameter.key()])) << parameter.key();
  changes["model"]["depth"] = 2;
  EXPECT_THAT([&] { train(options("dit", "other", 1, changes)); },
              ThrowsMessage<InputError>(HasSubstr("not the transformer of the checkpoint")));
}

TEST_F(Training, ALabelThatTheEarlierTransformerLacksBeginsAsNone) {
  const Json labelled = {{"more", {{"label_drop", 0.3}}}};
  Json first = labelled;
  first["mix"]["slide"] = 0.0;
  train(options("dit", "first", 4, first));
  const auto earlier = Checkpoint(folder / "first/checkpoint").dit();
  ASSERT_EQ(earlier->config().labels, std::vector<std::string>{"drop"});
  Json second = labelled;
  second["rate"] = 0.0;
  second["more"]["start"] = "checkpoint";
  TrainOptions o = options("dit", "second", 1, second);
  o.from.emplace_back(folder / "first/checkpoint");
  train(o);
  const auto later = Checkpoint(folder / "second/checkpoint").dit();
  ASSERT_EQ(later->config().labels, (std::vector<std::string>{"slide", "drop"}));
  const Tensor from = earlier->named_parameters()["labels"], to = later->named_parameters()["labels"];
  EXPECT_GT(from.abs().max().item<float>(), 0.0F);
  EXPECT_TRUE(at::equal(to[0], from[1])) << "none";
  EXPECT_TRUE(at::equal(to[1], from[0])) << "drop";
  EXPECT_TRUE(at::equal(to[2], from[1])) << "none";
}

std::vector<double> losses_of(const std::filesystem::path& run) {
  std::istringstream lines(read_file(run / "log.jsonl"));
  std::vector<double> losses;
  std::string line;
  while (std::getline(lines, line)) losses.push_back(Json::parse(line).at("loss"));
  return losses;
}

TEST_P(ResumedTraining, MixedPrecisionFollowsSinglePrecision) {
  Json changes = GetParam() == "dit" ? toy_tasks() : Json::object();
  if (GetParam() == "dit") {
    changes["matrix_rate"] = 0.0;  // Muon gives small singular values the size of large ones, and their rounding too
    changes["windows"] = {8};
    changes["more"]["own_rounds"] = 1;  // rounding grows with every round
    changes["more"]["worn_history"] = 0.0;
  }
  const TrainOptions single = options(GetParam(), "single", 8, changes);
  changes["precision"] = "bfloat16";
  const TrainOptions mixed = options(GetParam(), "mixed", 8, changes);
  train(single);
  train(mixed);
  const auto a = losses_of(single.out), b = losses_of(mixed.out);
  ASSERT_EQ(a.size(), b.size());
  EXPECT_NE(a.front(), b.front()) << "nothing ran in bfloat16";
  // bfloat16 rounds by 2^-9 of a value; a loss of squares or logarithms of what passed through some ten products is off
  // by less than ten times that, and so many steps later by no more than twice as much.
  for (std::size_t i = 0; i < a.size(); ++i) EXPECT_NEAR(b[i] / a[i], 1.0, 20.0 / 512) << "step " << i;
  // Gradients reach every weight in every kind of step: one step without them would take at least a tenth from the
  // moments, whose memory is 0.9. Not asked of vectors, whose gradients are sums that cancel.
  const SafetensorsFile state(single.out / "state.safetensors"), other(mixed.out / "state.safetensors");
  for (const auto& [name, view] : state.tensors()) {
    EXPECT_EQ(other.at(name).type, DType::kF32) << name;
    const Tensor one = map_tensor(state, name), two = map_tensor(other, name);
    if (!name.starts_with("first.") || one.dim() < 2 || one.norm().item<double>() < 1e-6) continue;
    EXPECT_LT((two - one).norm().item<double>(), 0.08 * one.norm().item<double>()) << name;
  }
}

TEST_F(Training, LearnsTheToyWorld) {
  TrainOptions o = options("vae", "learned", 60, {{"save_every_s", 60}});
  train(o);
  const std::vector<double> losses = losses_of(o.out);
  ASSERT_EQ(losses.size(), 60U);
  EXPECT_LT(losses.back(), 0.7 * losses.front());
  EXPECT_THAT(read_file(o.out / "loss.svg"), HasSubstr("</svg>"));
}

using SlowTraining = ToyRun;

TEST_F(SlowTraining, SurvivesTenKillsAtRandomMoments) {
  const TrainOptions undisturbed = options("dit", "undisturbed", 60), killed = options("dit", "killed", 60);
  train(undisturbed);
  Pcg32 random(11, 4);
  std::vector<std::size_t> moments(10);
  for (auto& moment : moments) moment = 1 + random.below(56);
  std::sort(moments.begin(), moments.end());
  int kills = 0;
  for (const std::size_t moment : moments) {
    Child child(words(killed), {}, folder / "child.log");
    // Somewhere in the step that follows, saving included: the state is written after every step.
    if (!wait_for_lines(child, killed.out / "log.jsonl", moment)) break;
    std::this_thread::sleep_for(std::chrono::microseconds(random.below(30000)));
    child.kill();
    EXPECT_EQ(child.wait(10), 128 + SIGKILL);
    ++kills;
  }
  EXPECT_EQ(kills, 10);
  Child last(words(killed), {}, folder / "child.log");
  ASSERT_EQ(last.wait(120), 0) << last.error();
  expect_same_tensors(undisturbed.out / "state.safetensors", killed.out / "state.safetensors");
  EXPECT_EQ(log_without_times(undisturbed.out / "log.jsonl"), log_without_times(killed.out / "log.jsonl"));
}

TEST_F(Training, FolderBelongsToOneRecipe) {
  train(options("vae", "run", 1));
  EXPECT_THAT([&] { train(options("features", "run", 1)); }, ThrowsMessage<InputError>(HasSubstr("another recipe")));
}

TEST_F(Training, FolderBelongsToTheDataThatItWasBegunWith) {
  train(options("vae", "run", 1));
  std::filesystem::rename(folder / "data", folder / "moved");
  TrainOptions again = options("vae", "run", 2);
  again.data = {folder / "moved"};
  EXPECT_NO_THROW(train(again));
  write_toy_shards(folder / "others");  // the same, but for one number of one frame
  const auto shard = folder / "others/slide-000.safetensors";
  const Stored stored = read_all(shard);
  for (const auto& [name, values] : stored.tensors)
    if (name == "frames") values.view({-1})[0] = 255 - values.view({-1})[0];
  save_tensors(shard, stored.tensors, stored.metadata);
  again.data = {folder / "others"};
  again.steps = 3;
  EXPECT_THAT([&] { train(again); }, ThrowsMessage<InputError>(HasSubstr("holds a run on other data")));
  EXPECT_EQ(load_json(folder / "run/progress.json").at("step"), 2);
}

TEST_F(Training, AStateOfAnImpossibleStepIsRefused) {
  train(options("vae", "run", 1));
  const auto state = folder / "run/state.safetensors";
  const std::string log = read_file(folder / "run/log.jsonl");
  const Stored stored = read_all(state);
  for (const char* step : {"1e300", "inf", "nan", "-1", "5abc", ""}) {
    save_tensors(state, stored.tensors, {{"step", step}, {"seconds", "1"}});
    EXPECT_THAT([&] { train(options("vae", "run", 2)); }, ThrowsMessage<InputError>(HasSubstr("__metadata__/step")))
        << step;
  }
  EXPECT_EQ(read_file(folder / "run/log.jsonl"), log);
}

TEST_F(Training, LinesOfTheLogThatTellNothingAreDropped) {
  train(options("vae", "run", 1));
  const auto file = folder / "run/log.jsonl";
  const std::string log = read_file(file);
  write_file(file, "5\n{\"step\":\"x\"}\n[1]\nnull\n{\n" + log);
  train(options("vae", "run", 2));
  EXPECT_THAT(read_file(file), testing::StartsWith(log));
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
