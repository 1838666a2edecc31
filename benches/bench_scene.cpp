// Frames a second of the standard scene, and what a frame costs against bodies, triangles and pixels. The label is the
// digest of what was rendered. Physics at 960 Hz is part of every number but those called drawing: those are for
// comparing with renderers that have none. Rates are per second of wall time where threads work side by side; the
// others are per second of processor time, which other programs on the machine disturb less.
#include <benchmark/benchmark.h>
#include <fmt/format.h>

#include <atomic>
#include <utility>

#include "base/parallel.h"
#include "counting_sink.h"
#include "made_up.h"
#include "sim/film.h"
#include "sim/simulate.h"
#include "sim/take.h"

namespace bitemark {
namespace {

void describe(benchmark::State& state, const Scenario& scenario, const RenderOptions& options, int frames) {
  CountingSink sink(true);
  render_episode(scenario, "test", 0, options, sink);
  state.SetItemsProcessed(frames);
  state.counters["ms_a_frame"] =
      benchmark::Counter(frames / 1000.0, benchmark::Counter::kIsRate | benchmark::Counter::kInvert);
  state.counters["triangles"] = triangles_of(scenario, options.width);
  state.counters["bodies"] = static_cast<double>(scenario.document["bodies"].size()) - 1;
  state.counters["pixels"] = static_cast<double>(options.width) * options.height;
  state.SetLabel(scenario.name + " " + sink.digest());
}

void measure(benchmark::State& state, const Scenario& scenario, const RenderOptions& options) {
  int frames = 0;
  for (auto _ : state) {
    CountingSink sink(false);
    render_episode(scenario, "test", 0, options, sink);
    frames += sink.frames;
  }
  describe(state, scenario, options, frames);
}

/// The take is simulated before the clock starts.
void measure_drawing(benchmark::State& state, const Scenario& scenario, const RenderOptions& options) {
  const sim::World world = sim::make_take(scenario, "test", 0, options);
  EpisodeInfo info = sim::make_info(scenario, "test", 0, options, world);
  int frames = 0;
  for (auto _ : state) {
    CountingSink sink(false);
    sim::film(world, options, info, 0, info.frame_count, [&](int index, Frame&& frame, FrameTruth&& truth) {
      sink.frame(index, std::move(frame), std::move(truth));
    });
    frames += sink.frames;
  }
  describe(state, scenario, options, frames);
}

/// As `bitemark dataset` renders: takes are shared out, each is made by one thread.
void measure_takes(benchmark::State& state, const Scenario& scenario, RenderOptions options) {
  constexpr int kTakes = 6;
  const int threads = std::exchange(options.threads, 1);
  std::atomic<int> frames = 0;
  for (auto _ : state) {
    parallel_for(kTakes, threads, [&](std::size_t take) {
      CountingSink sink(false);
      render_episode(scenario, "test", static_cast<int>(take), options, sink);
      frames += sink.frames;
    });
  }
  describe(state, scenario, options, frames);
}

RenderOptions options_of(int size, int threads) {
  RenderOptions options;
  options.width = options.height = size;
  options.rate = {24, 1};
  options.threads = threads;
  return options;
}

void everything_on_two_cores(benchmark::State& state) { measure(state, standard_scene(), options_of(256, 2)); }
BENCHMARK(everything_on_two_cores)->UseRealTime()->MeasureProcessCPUTime()->Unit(benchmark::kMillisecond);

void everything_takes_side_by_side(benchmark::State& state) {
  measure_takes(state, standard_scene(), options_of(256, 2));
}
BENCHMARK(everything_takes_side_by_side)->UseRealTime()->MeasureProcessCPUTime()->Unit(benchmark::kMillisecond);

void everything_drawing(benchmark::State& state) { measure_drawing(state, standard_scene(), options_of(256, 2)); }
BENCHMARK(everything_drawing)->UseRealTime()->MeasureProcessCPUTime()->Unit(benchmark::kMillisecond);

RenderOptions one_sample() {
  RenderOptions options = options_of(256, 1);
  options.samples = 1;
  options.flow = false;
  return options;
}

void one_sample_on_one_core(benchmark::State& state) { measure(state, standard_scene(), one_sample()); }
BENCHMARK(one_sample_on_one_core)->Unit(benchmark::kMillisecond);

void one_sample_drawing(benchmark::State& state) { measure_drawing(state, standard_scene(), one_sample()); }
BENCHMARK(one_sample_drawing)->Unit(benchmark::kMillisecond);

void bodies(benchmark::State& state) {
  measure(state, crowd(static_cast<int>(state.range(0)), "sphere"), options_of(256, 1));
}
BENCHMARK(bodies)->ArgName("bodies")->Arg(10)->Arg(100)->Arg(400)->Unit(benchmark::kMillisecond)->Iterations(1);

void triangles(benchmark::State& state) {
  constexpr const char* kShapes[] = {"box", "cylinder", "sphere"};
  measure(state, crowd(100, kShapes[state.range(0)]), options_of(256, 1));
}
BENCHMARK(triangles)->ArgName("shape")->DenseRange(0, 2)->Unit(benchmark::kMillisecond)->Iterations(1);

void pixels(benchmark::State& state) {
  measure(state, standard_scene(), options_of(static_cast<int>(state.range(0)), 1));
}
BENCHMARK(pixels)->ArgName("px")->RangeMultiplier(2)->Range(64, 1024)->Unit(benchmark::kMillisecond)->Iterations(1);

}  // namespace
}  // namespace bitemark
