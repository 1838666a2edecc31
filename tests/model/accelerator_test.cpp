// What a machine with an accelerator computes is what the CPU computes. Skipped where there is none; the pretended
// device (tests/pretended_cuda) stands in for one.
#include <gmock/gmock.h>

#include <cstdlib>

#include "base/safetensors.h"
#include "model/commands.h"
#include "model/weights.h"
#include "toy_run.h"
#include "toys.h"

namespace bitemark::model {
namespace {

/// While it lives, default_device() is the CPU.
class OnCpu {
 public:
  OnCpu() { ::setenv("BITEMARK_DEVICE", "cpu", 1); }
  ~OnCpu() { ::unsetenv("BITEMARK_DEVICE"); }
  OnCpu(const OnCpu&) = delete;
  OnCpu& operator=(const OnCpu&) = delete;
};

class Accelerator : public ToyRun {
 protected:
  void SetUp() override {
    if (default_device().is_cpu()) GTEST_SKIP() << "there is none";
    ToyRun::SetUp();
  }
};

/// [frames, bytes of a frame]
Tensor levels(const std::filesystem::path& answer) {
  std::vector<Tensor> frames;
  for (const Frame& frame : read_rollout_tensor(answer / "rollout.safetensors"))
    frames.push_back(at::tensor(at::ArrayRef<std::uint8_t>(frame.rgb)).to(at::kFloat));
  return at::stack(frames);
}

TEST_F(Accelerator, RollsOutWhatTheCpuRollsOut) {
  RolloutOptions there;
  there.checkpoint = fresh_folder("checkpoint");
  there.request = fresh_folder("request");
  there.out = fresh_folder("there");
  write_toy_checkpoint(there.checkpoint);
  write_request(there.request, {toy_conditioning("a", 3, 12), toy_conditioning("from-text", 0, 4)});
  rollout(there);
  RolloutOptions here = there;
  here.out = fresh_folder("here");
  {
    const OnCpu cpu;
    rollout(here);
  }
  for (const char* take : {"a", "from-text"}) {
    const auto a = levels(there.out / take), b = levels(here.out / take);
    ASSERT_EQ(a.sizes(), b.sizes());
    EXPECT_GT(b.std().item<float>(), 1) << "there is something in the picture";
    // Single precision in another order: what lies on the edge between two of 256 levels may fall to either side.
    EXPECT_LE((a - b).abs().max().item<float>(), 1) << take;
  }
}

class TrainedAccelerator : public Accelerator, public testing::WithParamInterface<std::string> {};

TEST_P(TrainedAccelerator, TrainsAsTheCpuTrains) {
  const Json changes = GetParam() == "dit" ? toy_tasks() : Json::object();
  const TrainOptions there = options(GetParam(), "there", 6, changes), here = options(GetParam(), "here", 6, changes);
  train(there);
  {
    const OnCpu cpu;
    train(here);
  }
  const SafetensorsFile a(there.out / "state.safetensors"), b(here.out / "state.safetensors");
  for (const auto& [name, view] : b.tensors()) {
    const Tensor expected = map_tensor(b, name);
    if (!name.starts_with("first.") || expected.dim() < 2 || expected.norm().item<double>() < 1e-6) continue;
    // Means of the gradients over six steps: sums of some thousand products in another order, 1e-7 each, that cancel to
    // a hundredth, six times over.
    EXPECT_LT((map_tensor(a, name) - expected).norm().item<double>(), 1e-3 * expected.norm().item<double>()) << name;
  }
}
INSTANTIATE_TEST_SUITE_P(Stages, TrainedAccelerator, testing::Values("vae", "text", "image", "dit", "features"),
                         [](const auto& value) { return value.param; });

TEST_F(Accelerator, RefusesTensorsOfTheHost) {
  const Tensor there = at::ones({2, 3}, default_device());
  EXPECT_ANY_THROW(there + at::ones({2, 3}));
  EXPECT_ANY_THROW(there.index_select(0, at::tensor({std::int64_t{0}})));
  EXPECT_ANY_THROW(at::mm(there, at::ones({3, 2})));
  EXPECT_NO_THROW(there + at::ones({}));
  EXPECT_EQ((there + 1).sum().item<float>(), 12);
}

using AcceleratorDeathTest = Accelerator;

TEST_F(AcceleratorDeathTest, KeepsItsMemoryToItself) {
  const Tensor there = at::ones({4}, default_device());
  EXPECT_DEATH(std::exit(there.data_ptr<float>()[0] == 1 ? 0 : 1), "");
}

}  // namespace
}  // namespace bitemark::model
