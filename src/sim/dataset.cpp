#include "sim/dataset.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/error.h"
#include "base/files.h"
#include "base/interrupt.h"
#include "base/parallel.h"
#include "base/progress.h"
#include "base/safetensors.h"
#include "sim/vec.h"

namespace bitemark {
namespace {

constexpr int kSlots = 4, kStateWidth = 7;

int frame_count_of(const Scenario& scenario, const RenderOptions& render) {
  return static_cast<int>(render.duration_s.value_or(scenario.duration_s) * render.rate.hz() + 1e-9);
}

struct Shard {
  const Scenario* scenario = nullptr;
  FrameSize size;
  int first = 0, takes = 0;
  std::string file;
};

std::vector<Shard> plan(const std::vector<Scenario>& scenarios, const DatasetOptions& options) {
  std::vector<Shard> shards;
  for (const Scenario& scenario : scenarios) {
    for (const FrameSize& size : options.sizes) {
      const std::string name = options.sizes.size() == 1 ? scenario.name : scenario.name + "-" + to_text(size);
      for (int done = 0; done < options.takes; done += options.takes_per_shard) {
        shards.push_back({&scenario, size, options.first + done,
                          std::min(options.takes_per_shard, options.takes - done),
                          fmt::format("{}-{:03}.safetensors", name, done / options.takes_per_shard)});
      }
    }
  }
  return shards;
}

std::map<std::string, std::string> identity_of(const Shard& shard, const DatasetOptions& options) {
  return {{"scenario", shard.scenario->name},          {"split", options.split},
          {"first_take", std::to_string(shard.first)}, {"takes", std::to_string(shard.takes)},
          {"fps", to_text(options.render.rate)},       {"size", to_text(shard.size)}};
}

/// A finished shard of the same request is kept; one of another request is an error.
bool is_there(const std::filesystem::path& path, const std::map<std::string, std::string>& identity) {
  if (!std::filesystem::exists(path)) return false;
  const SafetensorsFile file(path);
  for (const auto& [key, value] : identity) {
    const auto found = file.metadata().find(key);
    const std::string there = found == file.metadata().end() ? "nothing" : found->second;
    if (there != value) {
      throw InputError(path.string(), key, "belongs to another data set: found " + there + ", expected " + value);
    }
  }
  return true;
}

/// The arrays of one shard, filled take by take.
struct ShardData {
  std::int64_t takes = 0, frames = 0, height = 0, width = 0;
  std::vector<std::uint8_t> rgb;
  std::vector<float> controls, states;
  std::vector<float> actions;       ///< stays empty where nobody plays
  std::vector<std::int32_t> shots;  ///< stays empty where there is one
  std::vector<std::int32_t> context;
  std::vector<Json> captions;

  ShardData(const Shard& shard, int frame_count)
      : takes(shard.takes), frames(frame_count), height(shard.size.height), width(shard.size.width) {
    rgb.resize(static_cast<std::size_t>(takes * frames * height * width * 3));
    controls.resize(static_cast<std::size_t>(takes * frames) * Controls::width());
    states.resize(static_cast<std::size_t>(takes * frames * kSlots * kStateWidth));
    if (shard.scenario->document.contains("voxels")) {
      actions.resize(static_cast<std::size_t>(takes * frames) * Actions::width());
    }
    if (shard.scenario->document.value("camera", Json::object()).contains("shots")) {
      shots.resize(static_cast<std::size_t>(takes * frames));
    }
    context.resize(static_cast<std::size_t>(takes));
    captions.resize(static_cast<std::size_t>(takes));
  }

  void put(std::size_t take, const Episode& episode) {
    const std::size_t frame_bytes = static_cast<std::size_t>(height * width * 3);
    for (std::size_t t = 0; t < episode.clip.size(); ++t) {
      const auto offset = (take * static_cast<std::size_t>(frames) + t) * frame_bytes;
      std::copy(episode.clip.frames[t].rgb.begin(), episode.clip.frames[t].rgb.end(),
                rgb.begin() + static_cast<std::ptrdiff_t>(offset));
      put_states(take, t, episode.info);
    }
    const std::vector<float>& values = episode.info.controls.values;
    std::copy(values.begin(), values.end(), controls.begin() + static_cast<std::ptrdiff_t>(take * values.size()));
    const std::vector<float>& moves = episode.info.actions.values;
    std::copy(moves.begin(), moves.end(), actions.begin() + static_cast<std::ptrdiff_t>(take * moves.size()));
    for (const Event& event : episode.info.events) {
      if (event.type != "cut" || shots.empty()) continue;
      for (auto t = event.frame; t < frames; ++t)
        ++shots[take * static_cast<std::size_t>(frames) + static_cast<std::size_t>(t)];
    }
    context[take] = episode.info.context_frames;
    captions[take] = episode.info.captions;
  }

  void put_states(std::size_t take, std::size_t t, const EpisodeInfo& info) {
    float* out = states.data() + (take * static_cast<std::size_t>(frames) + t) * kSlots * kStateWidth;
    int slot = 0;
    for (std::size_t b = 0; b < info.bodies.size() && slot < kSlots; ++b) {
      if (!info.bodies[b].tracked) continue;
      const BodyState& state = info.states[t][b];
      const Vec3 v = rotate(conjugate(info.cameras[t].X_WC.rotation), state.velocity);
      const double row[kStateWidth] = {
          state.alive ? 1.0 : 0.0, state.u / info.width, state.v / info.height, state.depth_m, v[0], v[1], v[2]};
      std::copy(std::begin(row), std::end(row), out + kStateWidth * slot++);
    }
  }

  void save(const std::filesystem::path& path, std::map<std::string, std::string> metadata) const {
    metadata["captions"] = Json(captions).dump();
    const auto channels = static_cast<std::int64_t>(Controls::width());
    std::vector<TensorToSave> tensors{{"frames", DType::kU8, {takes, frames, height, width, 3}, rgb.data()},
                                      {"controls", DType::kF32, {takes, frames, channels}, controls.data()},
                                      {"states", DType::kF32, {takes, frames, kSlots, kStateWidth}, states.data()},
                                      {"context_frames", DType::kI32, {takes}, context.data()}};
    if (!actions.empty()) {
      const auto keys = static_cast<std::int64_t>(Actions::width());
      tensors.push_back({"actions", DType::kF32, {takes, frames, keys}, actions.data()});
    }
    if (!shots.empty()) tensors.push_back({"shots", DType::kI32, {takes, frames}, shots.data()});
    save_safetensors(path, tensors, metadata);
  }
};

void write_shard(const Shard& shard, const DatasetOptions& options, const std::filesystem::path& path,
                 Progress& progress) {
  RenderOptions render = options.render;
  render.truth = render.visibility = false;
  render.threads = 1;  // takes are the parallel unit
  render.width = shard.size.width;
  render.height = shard.size.height;
  ShardData data(shard, frame_count_of(*shard.scenario, render));
  parallel_for(static_cast<std::size_t>(shard.takes), options.threads, [&](std::size_t i) {
    stop_if_interrupted();
    data.put(i, render_episode(*shard.scenario, options.split, shard.first + static_cast<int>(i), render));
    progress.advance();
  });
  data.save(path, identity_of(shard, options));
}

}  // namespace

void write_dataset(const std::vector<Scenario>& scenarios, const DatasetOptions& options,
                   const std::filesystem::path& folder) {
  make_folder(folder);
  const std::vector<Shard> shards = plan(scenarios, options);
  const std::size_t sizes = scenarios.size() * options.sizes.size();
  Progress progress("rendering takes", static_cast<std::int64_t>(sizes) * options.takes);
  Json index = {{"shards", Json::array()}};
  for (const Shard& shard : shards) {
    const std::filesystem::path path = folder / shard.file;
    if (is_there(path, identity_of(shard, options))) {
      progress.advance(shard.takes);
    } else {
      write_shard(shard, options, path, progress);
    }
    index["shards"].push_back({{"file", shard.file},
                               {"scenario", shard.scenario->name},
                               {"takes", shard.takes},
                               {"frames", frame_count_of(*shard.scenario, options.render)}});
  }
  save_json(folder / "index.json", index);
}

}  // namespace bitemark
