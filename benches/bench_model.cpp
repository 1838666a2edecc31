// The generator's network beside the best single-precision rate of this machine, measured in the same run. Rates are
// in FLOP a second; a multiply-add counts as two. benches/compare_eager.py runs this beside the same network in eager
// PyTorch.
#include <benchmark/benchmark.h>
#include <unistd.h>

#include "base/parallel.h"
#include "model/generator.h"
#include "model/gradient.h"
#include "model/kernels/split_kernels.h"
#include "model/noise.h"
#include "model/runtime.h"

namespace bitemark::model {
namespace {

constexpr std::int64_t kFrames = 16, kSide = 8, kTextLength = 32;

/// "small": 256 wide, 8 blocks, 64 tokens a frame.
DitConfig small_dit() {
  DitConfig config;
  config.width = 256;
  config.depth = 8;
  config.heads = 8;
  config.patch = 1;
  return config;
}

std::int64_t tokens(const DitConfig& config) { return kSide * kSide / (config.patch * config.patch); }

/// Of one forward pass over `frames` causal frames: every matrix product 2 * rows * inputs * outputs; attention
/// 4 * queries * keys * width, over the keys that are seen.
double forward_flop(const DitConfig& c, std::int64_t frames) {
  const auto d = static_cast<double>(c.width), n = static_cast<double>(tokens(c) * frames);
  const double hidden = static_cast<double>((8 * c.width / 3 + 31) / 32 * 32);
  const auto patch = static_cast<double>(c.latent_channels * c.patch * c.patch);
  double flop = 2 * n * d * patch * static_cast<double>(2 + c.past_frames);
  for (std::int64_t block = 0; block < c.depth; ++block) {
    const bool spacetime = block % c.spacetime_every == c.spacetime_every - 1;
    const double seen = static_cast<double>(tokens(c)) * (spacetime ? static_cast<double>(frames + 1) / 2 : 1);
    flop += 2 * n * (4 * d * d + 3 * d * hidden) + 4 * n * seen * d;
    if (block % c.text_every == 0) flop += 2 * n * 2 * d * d + 4 * n * kTextLength * d;
  }
  return flop;
}

FrameLayout causal(std::int64_t frames) {
  FrameLayout layout;
  for (std::int64_t t = 0; t < frames; ++t) layout.times.push_back(t);
  layout.order = layout.times;
  layout.history = frames;
  return layout;
}

DitInput noise_input(const DitConfig& c, std::int64_t batch, std::int64_t frames) {
  DitInput input;
  input.z = normal_noise({batch, frames, c.latent_channels, kSide, kSide}, {1, 0, 0});
  input.level = at::rand({batch, frames});
  Dit::set_past(input, input.z, input.level, c.past_frames, causal(frames).times);
  input.controls = normal_noise({batch, frames, c.controls}, {2, 0, 0});
  input.keep_text = input.keep_controls = at::ones({batch});
  input.text.tokens = normal_noise({batch, kTextLength, c.text_width}, {3, 0, 0});
  input.text.lengths.assign(static_cast<std::size_t>(batch), kTextLength);
  input.text.pooled = normal_noise({batch, c.text_width}, {4, 0, 0});
  return input;
}

void report(benchmark::State& state, double flop, double items, const char* item) {
  const auto runs = static_cast<double>(state.iterations());
  state.counters["FLOPS"] = benchmark::Counter(flop * runs, benchmark::Counter::kIsRate);
  if (items > 0) state.counters[item] = benchmark::Counter(items * runs, benchmark::Counter::kIsRate);
}

void Sgemm(benchmark::State& state) {
  const torch::NoGradGuard no_grad;
  constexpr std::int64_t kSize = 1536;
  const Tensor a = at::rand({kSize, kSize}), b = at::rand({kSize, kSize});
  Tensor c = at::empty({kSize, kSize});
  for (auto _ : state) at::mm_out(c, a, b);
  report(state, 2.0 * kSize * kSize * kSize, 0, "");
}

/// Multiply-adds between registers on every thread: nothing waits for memory.
__attribute__((target_clones("avx512f", "arch=haswell", "default"))) float spin(std::int64_t rounds) {
  using Vec = float __attribute__((vector_size(64)));
  constexpr int kChains = 12;
  Vec sums[kChains];
#pragma GCC unroll 12
  for (int chain = 0; chain < kChains; ++chain) sums[chain] = Vec{} + static_cast<float>(rounds % (chain + 2));
  Vec factor{}, term{};
  for (int i = 0; i < 16; ++i) {
    factor[i] = 0.999F;
    term[i] = 0.001F;
  }
  for (std::int64_t r = 0; r < rounds; ++r)
#pragma GCC unroll 12  // or the sums live in memory, and the stores are what is measured
    for (int chain = 0; chain < kChains; ++chain) sums[chain] = sums[chain] * factor + term;
  float all = 0;
#pragma GCC unroll 12
  for (int chain = 0; chain < kChains; ++chain) all += sums[chain][0];
  return all;
}

void FmaLoop(benchmark::State& state) {
  constexpr std::int64_t kRounds = 2'000'000;
  const std::int64_t threads = at::get_num_threads();
  for (auto _ : state)
    at::parallel_for(0, threads, 1, [](std::int64_t begin, std::int64_t end) {
      for (; begin < end; ++begin) benchmark::DoNotOptimize(spin(kRounds + begin));
    });
  report(state, 2.0 * 16 * 12 * static_cast<double>(kRounds * threads), 0, "");
}

/// One clip on all threads; several as the suite rolls them out, side by side, a thread each.
void DitForward(benchmark::State& state) {
  const std::int64_t batch = state.range(0);
  const int threads = at::get_num_threads();
  Dit dit(small_dit());
  std::vector<DitInput> clips;
  for (std::int64_t clip = 0; clip < batch; ++clip) clips.push_back(noise_input(dit.config(), 1, kFrames));
  for (auto _ : state)
    parallel_for(clips.size(), threads, [&](std::size_t clip) {
      const torch::NoGradGuard no_grad;  // is a thread's own
      if (batch > 1) at::set_num_threads(1);
      benchmark::DoNotOptimize(dit.forward(clips[clip], causal(kFrames)).answer.data_ptr());
    });
  report(state, forward_flop(dit.config(), kFrames) * static_cast<double>(batch),
         static_cast<double>(batch * kFrames * tokens(dit.config())), "tokens");
}

/// Any loss: what it costs is not what is measured.
class SquaredAnswer : public Stage {
 public:
  explicit SquaredAnswer(std::int64_t parts) : dit_(small_dit()) {
    for (std::int64_t part = 0; part < parts; ++part) clips_.push_back(noise_input(dit_.config(), 1, kFrames));
    const torch::NoGradGuard no_grad;  // adaLN-zero would let no gradient through
    for (auto& parameter : dit_.parameters()) parameter.normal_(0.0, 0.02);
  }
  torch::nn::Module& network() override { return dit_; }
  StepData prepare(const StepPart&) const override { return {}; }
  StepLoss loss(const StepPart& part, StepData&) override {
    const DitInput& clip = clips_[static_cast<std::size_t>(part.part)];
    return {dit_.forward(clip, causal(kFrames)).answer.pow(2).mean(), {}};
  }
  void export_to(const std::filesystem::path&) override {}
  double flop_per_step() const override { return 3 * forward_flop(dit_.config(), kFrames); }
  const DitConfig& config() const { return dit_.config(); }

 private:
  Dit dit_;
  std::vector<DitInput> clips_;  ///< by part
};

/// Forward and backward, in parts of one clip as the training loop does them: several have a thread each, one has all.
/// The backward pass is two products for each of the forward's.
void DitTraining(benchmark::State& state) {
  share_one_arena();  // as the program does
  const std::int64_t batch = state.range(0);
  const int threads = static_cast<int>(::sysconf(_SC_NPROCESSORS_ONLN));
  SquaredAnswer stage(batch);
  std::vector<StepPart> parts;
  for (std::int64_t part = 0; part < batch; ++part) parts.push_back({0, part});
  std::vector<StepData> data(parts.size());
  const std::vector<Tensor> weights = stage.network().parameters();
  for (auto _ : state) {
    stage.network().zero_grad(true);  // none, as the training loop does
    add_gradients(stage, parts, data, weights, static_cast<double>(batch), threads, false);
  }
  report(state, stage.flop_per_step() * static_cast<double>(batch),
         static_cast<double>(batch * kFrames * tokens(stage.config())), "tokens");
}

/// One frame of a rollout whose window is full: four steps, and the pass that leaves keys and values behind.
void RolloutFrame(benchmark::State& state) {
  const torch::NoGradGuard no_grad;
  constexpr std::int64_t kSteps = 4;
  const int threads = at::get_num_threads();
  at::set_num_threads(1);  // as in the program: a frame's threads are the transformer's
  Dit dit(small_dit());
  dit.set_frame_threads(threads);
  const DitInput input = noise_input(dit.config(), 1, 1);
  RolloutConfig rollout;
  rollout.window = kFrames + 1;
  HistoryStream stream(dit, rollout, input);
  std::int64_t time = 0;
  const auto append = [&] {
    stream.append(input.z, 1.0);
    stream.move_to(++time, {input.controls, {}, 0});
  };
  while (time < kFrames) append();
  for (auto _ : state) {
    for (std::int64_t i = 0; i < kSteps; ++i) benchmark::DoNotOptimize(stream.answer(input.z, 0.5).data_ptr());
    append();
  }
  // Of a frame that sees the whole window: the last of kFrames + 1.
  const double flop = forward_flop(dit.config(), kFrames + 1) - forward_flop(dit.config(), kFrames);
  at::set_num_threads(threads);
  report(state, flop * (kSteps + 1), 1, "frames");
}

BENCHMARK(Sgemm)->UseRealTime()->Unit(benchmark::kMillisecond);
BENCHMARK(FmaLoop)->UseRealTime()->Unit(benchmark::kMillisecond);
BENCHMARK(DitForward)->Arg(1)->Arg(8)->UseRealTime()->Unit(benchmark::kMillisecond);
BENCHMARK(DitTraining)->Arg(1)->Arg(8)->UseRealTime()->Unit(benchmark::kMillisecond);
BENCHMARK(RolloutFrame)->UseRealTime()->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace bitemark::model

int main(int argc, char** argv) {
  bitemark::model::start_well_set_up(argv);  // as the program does
  bitemark::model::keep_large_blocks();
  benchmark::Initialize(&argc, argv);
  at::set_num_threads(static_cast<int>(::sysconf(_SC_NPROCESSORS_ONLN)));
  benchmark::AddCustomContext("kernels", bitemark::model::kernels().name);
  const bitemark::model::SplitKernels* split = bitemark::model::split_kernels();
  benchmark::AddCustomContext("split products", split == nullptr ? "none" : split->name);
  benchmark::AddCustomContext("blas", bitemark::model::blas_core());
  benchmark::RunSpecifiedBenchmarks();
  return 0;
}
