#include "model/weights.h"

#include <gmock/gmock.h>

#include <limits>

#include "base/error.h"
#include "model/checkpoint.h"
#include "toys.h"

namespace bitemark::model {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::ThrowsMessage;

class WeightErrors : public testing::Test {
 protected:
  void SetUp() override {
    file = fresh_folder("weights") / "vae.safetensors";
    weights = weights_of(vae);
  }
  void expect_error(const std::string& name, const std::string& problem) {
    save_tensors(file, weights);
    EXPECT_THAT([&] { load_weights(file, vae); },
                ThrowsMessage<InputError>(AllOf(HasSubstr("vae.safetensors"), HasSubstr(name), HasSubstr(problem))));
  }
  Vae vae{tiny_vae()};
  std::filesystem::path file;
  std::vector<NamedTensor> weights;
};

TEST_F(WeightErrors, Missing) {
  const std::string name = weights[2].name;
  weights.erase(weights.begin() + 2);
  expect_error(name, "is missing");
}

TEST_F(WeightErrors, WrongShape) {
  weights[1].value = at::zeros({3, 5});
  expect_error(weights[1].name, "has shape [3, 5], expected");
}

TEST_F(WeightErrors, NotFinite) {
  weights[3].value = at::full_like(weights[3].value, std::numeric_limits<float>::quiet_NaN());
  expect_error(weights[3].name, "not finite");
}

TEST_F(WeightErrors, Unknown) {
  weights.push_back({"stowaway", at::zeros({1})});
  expect_error("stowaway", "is not a parameter of this network");
}

TEST_F(WeightErrors, NotFloat) {
  weights[0].value = at::zeros(weights[0].value.sizes(), at::kInt);
  expect_error(weights[0].name, "has type I32");
}

TEST_F(WeightErrors, NothingIsChangedByAFailedLoad) {
  const Tensor before = vae.parameters()[0].clone();
  weights[0].value = weights[0].value + 1.0;
  weights.back().value = at::zeros({7, 7});
  save_tensors(file, weights);
  EXPECT_THROW(load_weights(file, vae), InputError);
  EXPECT_TRUE(at::equal(vae.parameters()[0], before));
}

TEST(Weights, HalfPrecisionComesBackRounded) {
  const auto file = fresh_folder("weights") / "dit.safetensors";
  Dit a(tiny_dit()), b(tiny_dit());
  randomise(a, 1);
  save_weights(file, weights_of(a), true);
  load_weights(file, b);
  for (std::size_t i = 0; i < a.parameters().size(); ++i)  // half a unit in the last of 11 bits
    EXPECT_TRUE(at::allclose(a.parameters()[i], b.parameters()[i], 0x1p-11, 1e-7)) << i;
}

TEST(CheckpointFolder, LoadsAllPartsAndNamesWhatIsWrong) {
  const auto folder = fresh_folder("checkpoint");
  write_toy_checkpoint(folder);
  const Checkpoint checkpoint(folder);
  EXPECT_NO_THROW(checkpoint.vae());
  EXPECT_NO_THROW(checkpoint.dit());
  EXPECT_NO_THROW(checkpoint.text());
  EXPECT_NO_THROW(checkpoint.features());
  EXPECT_EQ(checkpoint.digest(), Checkpoint(folder).digest());
  const std::string digest = checkpoint.digest();
  write_config(folder, {{"dit", {{"width", 24}, {"heads", 5}}}});
  EXPECT_NE(Checkpoint(folder).digest(), digest);
  EXPECT_THAT([&] { Checkpoint(folder).dit(); }, ThrowsMessage<InputError>(HasSubstr("/dit/heads")));
  write_config(folder, {{"dit", {{"widht", 24}}}});
  EXPECT_THAT([&] { Checkpoint(folder).dit(); }, ThrowsMessage<InputError>(HasSubstr("/dit/widht")));
}

}  // namespace
}  // namespace bitemark::model
