#include <gmock/gmock.h>

#include "base/error.h"
#include "model/checkpoint.h"
#include "model/commands.h"
#include "model/weights.h"
#include "toys.h"

namespace bitemark::model {
namespace {

using testing::HasSubstr;
using testing::ThrowsMessage;

class Average : public testing::Test {
 protected:
  void SetUp() override {
    folder = fresh_folder("soup");
    write_toy_checkpoint(folder / "a");
    write_toy_checkpoint(folder / "b");
    again("b", tiny_dit(), 7);
  }
  /// Another transformer for a checkpoint.
  void again(const std::string& name, const DitConfig& config, std::uint64_t seed) const {
    Dit dit(config);
    randomise(dit, seed);
    save_weights(folder / name / "dit.safetensors", weights_of(dit), true);
    write_config(folder / name, {{"dit", to_json(config)}});
  }
  AverageOptions options() const { return {{folder / "a", folder / "b"}, folder / "mean"}; }
  Tensor weight(const std::string& name, const std::string& parameter) const {
    return Checkpoint(folder / name).dit()->named_parameters()[parameter];
  }
  std::filesystem::path folder;
};

TEST_F(Average, IsTheMeanOfEveryWeight) {
  average(options());
  for (const char* name : {"patches.weight", "blocks0.qkv.weight", "head.bias"}) {
    const Tensor mean = (weight("a", name) + weight("b", name)) / 2;
    // Shipped in half precision: 11 bits.
    EXPECT_TRUE(at::allclose(weight("mean", name), mean, 1.0 / 2048, 1e-7)) << name;
  }
  EXPECT_NO_THROW(info(folder / "mean"));
}

TEST_F(Average, LabelsMeetByTheirNames) {
  DitConfig one = tiny_dit(), other = tiny_dit();
  one.labels = {"slide", "drop"};
  other.labels = {"drop", "slide"};
  again("a", one, 1);
  again("b", other, 2);
  average(options());
  const Tensor mean = (weight("a", "labels")[0] + weight("b", "labels")[1]) / 2;
  EXPECT_EQ(Checkpoint(folder / "mean").dit()->config().labels, other.labels);
  EXPECT_TRUE(at::allclose(weight("mean", "labels")[1], mean, 1.0 / 2048, 1e-7));
}

TEST_F(Average, WhatDoesNotFitGetsASentenceAndLeavesNothing) {
  DitConfig wide = tiny_dit();
  wide.width = 48;
  again("a", wide, 1);
  EXPECT_THAT([&] { average(options()); }, ThrowsMessage<InputError>(HasSubstr("is not the transformer of")));
  again("a", tiny_dit(), 1);
  Vae vae(tiny_vae());
  randomise(vae, 5);
  save_weights(folder / "a/vae.safetensors", weights_of(vae), false);
  EXPECT_THAT([&] { average(options()); }, ThrowsMessage<InputError>(HasSubstr("a/vae.safetensors: is not that of")));
  EXPECT_FALSE(std::filesystem::exists(folder / "mean"));
}

TEST_F(Average, AnotherCheckpointIsNotOverwritten) {
  average(options());
  EXPECT_THROW(average(options()), InputError);
}

}  // namespace
}  // namespace bitemark::model
