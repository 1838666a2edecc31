// Frames a second of render_episode. The label is the digest of what was rendered: a faster renderer that renders
// something else shows here.
#include <benchmark/benchmark.h>

#include "counting_sink.h"
#include "sim/simulate.h"

namespace bitemark {
namespace {

constexpr const char* kScenarios[] = {"bounce", "launch",      "behind-the-wall", "look-away",
                                      "orbit",  "cookie-bite", "left-right"};

/// Arguments: scenario, width and height, threads, with all channels or RGB alone.
void render(benchmark::State& state) {
  const std::string name = kScenarios[state.range(0)];
  const Scenario scenario = load_scenario(std::string(BITEMARK_SOURCE_DIR) + "/scenarios/" + name + ".json");
  RenderOptions options;
  options.width = options.height = static_cast<int>(state.range(1));
  options.threads = static_cast<int>(state.range(2));
  options.truth = options.visibility = state.range(3) != 0;
  int frames = 0;
  for (auto _ : state) {
    CountingSink sink(false);
    render_episode(scenario, "test", 0, options, sink);
    frames += sink.frames;
  }
  CountingSink digests(true);
  render_episode(scenario, "test", 0, options, digests);
  state.SetItemsProcessed(frames);
  state.SetLabel(name + " " + digests.digest());
}

void all_scenarios(benchmark::internal::Benchmark* bench, int size, int threads, int channels) {
  for (int scenario = 0; scenario < static_cast<int>(std::size(kScenarios)); ++scenario) {
    bench->Args({scenario, size, threads, channels});
  }
}

BENCHMARK(render)
    ->ArgNames({"scenario", "px", "threads", "channels"})
    ->Apply([](auto* bench) { all_scenarios(bench, 256, 2, 1); })
        -> Apply([](auto* bench) { all_scenarios(bench, 64, 1, 0); }) -> UseRealTime() -> MeasureProcessCPUTime()
            -> Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace bitemark
