#include "model/clip_source.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/error.h"
#include "base/json.h"
#include "episode/episode.h"
#include "model/feature_net.h"
#include "model/weights.h"

namespace bitemark::model {
namespace fs = std::filesystem;

ClipSource::ClipSource(const std::vector<fs::path>& folders, const std::map<std::string, double>& mix,
                       std::int64_t held_out) {
  std::vector<std::string> indices;
  for (const fs::path& folder : folders) {
    add_folder(folder, mix, folders.size() > 1 ? std::to_string(indices.size() + 1) + "-" : "");
    indices.push_back((folder / "index.json").string());
  }
  const std::string where = fmt::format("{}", fmt::join(indices, ", "));
  for (const auto& [scenario, weight] : mix)
    if (weight > 0 && std::find(scenarios_.begin(), scenarios_.end(), scenario) == scenarios_.end())
      throw InputError(where, "/shards", "has no shard of '" + scenario + "', which the mix names");
  if (shards_.empty()) throw InputError(where, "/shards", "has no shard of a scenario in the mix");
  hold_out(held_out, where);
}

void ClipSource::add_folder(const fs::path& folder, const std::map<std::string, double>& mix,
                            const std::string& prefix) {
  const fs::path index = folder / "index.json";
  const Json rows = json_member<Json>(load_json(index), "shards", index.string());
  if (!rows.is_array()) throw InputError(index.string(), "/shards", "is not an array");
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const std::string where = "/shards/" + std::to_string(i);
    const auto file = json_member<std::string>(rows[i], "file", index.string(), where);
    const auto scenario = json_member<std::string>(rows[i], "scenario", index.string(), where);
    const auto weight = mix.contains(scenario) ? mix.at(scenario) : 1.0;
    if (weight <= 0) continue;
    if (std::find(scenarios_.begin(), scenarios_.end(), scenario) == scenarios_.end()) {
      scenarios_.push_back(scenario);
      weights_.push_back(weight);
    }
    shards_.push_back(open(folder / file, scenario));
    shards_.back().name.insert(0, prefix);
  }
}

void ClipSource::hold_out(std::int64_t takes, const std::string& where) {
  std::vector<std::int64_t> missing(scenarios_.size(), takes), left(scenarios_.size(), 0);
  for (std::size_t s = shards_.size(); s-- > 0;) {
    Shard& shard = shards_[s];
    const std::int64_t held = std::min(missing[shard.scenario], shard.frames.size(0));
    missing[shard.scenario] -= held;
    shard.drawable = shard.frames.size(0) - held;
    left[shard.scenario] += shard.drawable;
  }
  for (std::size_t i = 0; i < left.size(); ++i)
    if (left[i] == 0)
      throw InputError(where, "/shards",
                       "hold no take of '" + scenarios_[i] + "' beside the " + std::to_string(takes) + " held out");
}

std::int64_t ClipSource::longest() const {
  std::int64_t longest = 0;
  for (const auto& shard : shards_)
    if (shard.drawable > 0) longest = std::max(longest, shard.frames.size(1));
  return longest;
}

bool ClipSource::has_actions() const {
  return std::any_of(shards_.begin(), shards_.end(), [](const Shard& shard) { return shard.actions.defined(); });
}

FrameSize ClipSource::size(const std::string& asker) const {
  if (sizes_.size() > 1)
    throw InputError(asker + " is trained on frames of one size, and the data have " + to_text(sizes_[0]) + " and " +
                     to_text(sizes_[1]));
  return sizes_.front();
}

std::size_t ClipSource::size_index(const FrameSize& size) {
  const auto found = std::find(sizes_.begin(), sizes_.end(), size);
  if (found != sizes_.end()) return static_cast<std::size_t>(found - sizes_.begin());
  sizes_.push_back(size);
  return sizes_.size() - 1;
}

ClipSource::Shard ClipSource::open(const fs::path& path, const std::string& scenario) {
  Shard shard;
  shard.name = path.stem().string();
  shard.file = std::make_shared<SafetensorsFile>(path);
  shard.scenario =
      static_cast<std::size_t>(std::find(scenarios_.begin(), scenarios_.end(), scenario) - scenarios_.begin());
  const TensorView& frames = shard.file->at("frames", DType::kU8, {-1, -1, -1, -1, 3});
  const std::int64_t takes = frames.shape[0], length = frames.shape[1];
  shard.size = size_index({static_cast<int>(frames.shape[3]), static_cast<int>(frames.shape[2])});
  shard.file->at("controls", DType::kF32, {takes, length, static_cast<std::int64_t>(Controls::width())});
  shard.file->at("states", DType::kF32, {takes, length, FeatureNet::kBodies, FeatureNet::kState});
  shard.frames = map_tensor(*shard.file, "frames");
  shard.controls = map_tensor(*shard.file, "controls");
  shard.states = map_tensor(*shard.file, "states");
  if (shard.file->has("actions")) {
    shard.file->at("actions", DType::kF32, {takes, length, static_cast<std::int64_t>(Actions::width())});
    shard.actions = map_tensor(*shard.file, "actions");
  }
  if (shard.file->has("shots")) {
    shard.file->at("shots", DType::kI32, {takes, length});
    shard.shots = map_tensor(*shard.file, "shots");
  }
  const auto& metadata = shard.file->metadata();
  if (!metadata.contains("captions")) throw InputError(path.string(), "__metadata__/captions", "is missing");
  const Json captions = parse_json(metadata.at("captions"), path.string() + " (captions)");
  try {
    shard.captions = captions.get<std::vector<std::vector<std::string>>>();
  } catch (const nlohmann::json::exception&) {
    throw InputError(path.string(), "__metadata__/captions", "is not an array of arrays of strings");
  }
  if (shard.captions.size() != static_cast<std::size_t>(takes))
    throw InputError(path.string(), "__metadata__/captions", "does not have one entry a take");
  return shard;
}

std::vector<std::string> ClipSource::all_captions() const {
  std::vector<std::string> all;
  for (const auto& shard : shards_)
    for (std::int64_t row = 0; row < shard.drawable; ++row) {
      const auto& take = shard.captions[static_cast<std::size_t>(row)];
      all.insert(all.end(), take.begin(), take.end());
    }
  return all;
}

std::size_t ClipSource::draw_scenario(std::int64_t window, Pcg32& random) const {
  return shards_[draw(1, window, random).front().shard].scenario;
}

std::vector<double> ClipSource::cumulative_weights(const std::function<bool(const Shard& shard)>& fits) const {
  std::vector<double> takes(scenarios_.size(), 0.0), cumulative;
  for (const auto& shard : shards_)
    if (fits(shard)) takes[shard.scenario] += static_cast<double>(shard.drawable);
  double sum = 0;
  for (const auto& shard : shards_) {
    if (fits(shard)) sum += weights_[shard.scenario] * static_cast<double>(shard.drawable) / takes[shard.scenario];
    cumulative.push_back(sum);
  }
  return cumulative;
}

std::vector<ClipWindow> ClipSource::draw(std::int64_t count, std::int64_t window, Pcg32& random,
                                         std::optional<std::size_t> only) const {
  const auto fits = [&](const Shard& shard) {
    return shard.drawable > 0 && shard.frames.size(1) >= window && shard.scenario == only.value_or(shard.scenario);
  };
  std::vector<double> cumulative = cumulative_weights(fits);
  if (cumulative.back() <= 0)
    throw InputError("no take in the training data has as many frames as the window: " + std::to_string(window));
  std::vector<ClipWindow> windows;
  for (std::int64_t i = 0; i < count; ++i) {
    ClipWindow drawn;
    const double place = random.uniform(0.0, cumulative.back());
    drawn.shard =
        static_cast<std::size_t>(std::upper_bound(cumulative.begin(), cumulative.end(), place) - cumulative.begin());
    drawn.shard = std::min(drawn.shard, shards_.size() - 1);
    const Shard& shard = shards_[drawn.shard];
    if (i == 0 && sizes_.size() > 1)
      cumulative = cumulative_weights([&](const Shard& other) { return fits(other) && other.size == shard.size; });
    drawn.row = random.below(static_cast<std::uint32_t>(shard.drawable));
    drawn.start = random.below(static_cast<std::uint32_t>(shard.frames.size(1) - window + 1));
    const auto& captions = shard.captions[static_cast<std::size_t>(drawn.row)];
    drawn.caption = captions.empty() ? 0 : random.below(static_cast<std::uint32_t>(captions.size()));
    windows.push_back(drawn);
  }
  return windows;
}

std::vector<ClipWindow> ClipSource::last_windows(std::int64_t count, std::int64_t window) const {
  std::vector<ClipWindow> windows;
  std::vector<std::int64_t> missing(scenarios_.size(), count);
  const bool some_held_out = std::any_of(shards_.begin(), shards_.end(),
                                         [](const Shard& shard) { return shard.drawable < shard.frames.size(0); });
  for (std::size_t s = shards_.size(); s-- > 0;) {
    const Shard& shard = shards_[s];
    const std::int64_t length = shard.frames.size(1), first = some_held_out ? shard.drawable : 0;
    for (std::int64_t row = shard.frames.size(0); row-- > first && length >= window && missing[shard.scenario] > 0;) {
      Pcg32 random = stream_for(0, "last window of " + shard.name + " " + std::to_string(row));
      windows.push_back({s, row, random.below(static_cast<std::uint32_t>(length - window + 1)), 0});
      --missing[shard.scenario];
    }
  }
  if (windows.empty())
    throw InputError(std::string("no ") + (some_held_out ? "held-out " : "") +
                     "take in the data has as many frames as the window: " + std::to_string(window));
  std::reverse(windows.begin(), windows.end());
  return windows;
}

ClipBatch ClipSource::load(const std::vector<ClipWindow>& windows, std::int64_t length, bool with_frames) const {
  std::vector<Tensor> frames, controls, states, actions, shots;
  std::vector<std::int64_t> scenarios;
  std::vector<float> played;
  ClipBatch batch;
  for (const auto& window : windows) {
    const Shard& shard = shards_[window.shard];
    const auto cut = [&](const Tensor& all) { return all[window.row].slice(0, window.start, window.start + length); };
    if (with_frames) frames.push_back(cut(shard.frames));
    controls.push_back(cut(shard.controls));
    states.push_back(cut(shard.states));
    actions.push_back(shard.actions.defined() ? cut(shard.actions)
                                              : at::zeros({length, static_cast<std::int64_t>(Actions::width())}));
    played.push_back(shard.actions.defined() ? 1.0F : 0.0F);
    shots.push_back(shard.shots.defined() ? cut(shard.shots).to(at::kLong) : at::zeros({length}, at::kLong));
    shots.back() = shots.back() - shots.back()[0];
    scenarios.push_back(static_cast<std::int64_t>(shard.scenario));
    const auto& captions = shard.captions[static_cast<std::size_t>(window.row)];
    batch.captions.push_back(captions.empty() ? "" : captions[window.caption]);
  }
  if (with_frames) batch.frames = at::stack(frames);
  batch.controls = at::stack(controls);
  batch.states = at::stack(states);
  batch.actions = at::stack(actions);
  batch.shots = at::stack(shots);
  batch.played = at::tensor(at::ArrayRef<float>(played));
  batch.scenario = at::tensor(at::ArrayRef<std::int64_t>(scenarios));
  return batch;
}

std::pair<Tensor, Tensor> ClipSource::control_statistics() const {
  std::vector<Tensor> rows;
  for (const auto& shard : shards_)
    rows.push_back(shard.controls.slice(0, 0, shard.drawable).reshape({-1, shard.controls.size(-1)}));
  const Tensor all = at::cat(rows).to(at::kDouble);
  const Tensor std = all.std(0, false);
  return {all.mean(0).to(at::kFloat), at::where(std > 1e-6, std, at::ones_like(std)).to(at::kFloat)};
}

}  // namespace bitemark::model
