#include "episode/conditioning.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <cmath>
#include <cstring>
#include <set>

#include "base/error.h"
#include "base/files.h"
#include "base/safetensors.h"

namespace bitemark {
namespace {

constexpr int kProtocol = 1;
constexpr int kMaxFrames = 65536;  ///< that may be asked for; the suite reads fewer
constexpr std::size_t kMaxChanges = 256;
constexpr int kMaxSide = 4096;

void check_id(const std::string& id, const std::string& file) {
  const bool clean =
      !id.empty() && id.size() <= 200 && id.front() != '.' && std::all_of(id.begin(), id.end(), [](unsigned char c) {
        return std::isalnum(c) != 0 || c == '.' || c == '_' || c == '-';
      });
  if (!clean)
    throw InputError(file, "/takes", "holds the id \"" + id + "\", expected letters, digits, '.', '_' and '-'");
}

std::vector<std::uint8_t> pack(const std::vector<Frame>& frames) {
  std::vector<std::uint8_t> bytes;
  for (const auto& frame : frames) bytes.insert(bytes.end(), frame.rgb.begin(), frame.rgb.end());
  return bytes;
}

TensorToSave frames_tensor(const char* name, const std::vector<Frame>& frames, int height, int width,
                           const std::vector<std::uint8_t>& bytes) {
  return {name, DType::kU8, {static_cast<std::int64_t>(frames.size()), height, width, 3}, bytes.data()};
}

/// view: [T, H, W, 3].
void each_frame(const TensorView& view, const std::function<void(Frame&& frame)>& use) {
  const auto* bytes = view.as<std::uint8_t>();
  for (std::int64_t t = 0; t < view.shape[0]; ++t) {
    Frame frame(static_cast<int>(view.shape[2]), static_cast<int>(view.shape[1]));
    std::memcpy(frame.rgb.data(), bytes, frame.rgb.size());
    bytes += frame.rgb.size();
    use(std::move(frame));
  }
}

std::vector<Frame> unpack(const TensorView& view) {
  std::vector<Frame> frames;
  each_frame(view, [&](Frame&& frame) { frames.push_back(std::move(frame)); });
  return frames;
}

void write_conditioning(const fs::path& folder, const Conditioning& take) {
  make_folder(folder);
  Json json = {{"id", take.id},
               {"caption", take.caption},
               {"fps", to_text(take.rate)},
               {"width", take.width},
               {"height", take.height},
               {"frame_count", take.frame_count},
               {"context_frames", take.context.size()},
               {"seed", take.seed},
               {"control_names", Controls::names()}};
  if (!take.actions.values.empty()) json["action_names"] = Actions::names();
  if (!take.places.empty()) json["context_places"] = take.places;
  for (const auto& change : take.changes)
    json["caption_changes"].push_back({{"frame", change.frame}, {"caption", change.caption}});
  if (!take.cuts.empty()) json["cuts"] = take.cuts;
  if (!take.label.empty()) json["label"] = take.label;
  save_json(folder / "conditioning.json", json);
  const auto bytes = pack(take.context), watched = pack(take.watched);
  const auto channels = static_cast<std::int64_t>(Controls::width());
  std::vector<TensorToSave> tensors{
      frames_tensor("context", take.context, take.height, take.width, bytes),
      {"controls", DType::kF32, {take.frame_count, channels}, take.controls.values.data()}};
  if (!take.watched.empty())
    tensors.push_back(frames_tensor("watched", take.watched, take.height, take.width, watched));
  if (!take.actions.values.empty()) {
    const auto actions = static_cast<std::int64_t>(Actions::width());
    tensors.push_back({"actions", DType::kF32, {take.frame_count, actions}, take.actions.values.data()});
  }
  save_safetensors(folder / "conditioning.safetensors", tensors);
}

void check_range(const std::string& file, const char* key, int value, int low, int high) {
  if (value < low || value > high)
    throw InputError(file, std::string("/") + key, fmt::format("is {}, expected {} to {}", value, low, high));
}

/// Another order of the channels would be another story, silently.
void check_names(const Json& json, const std::string& file, const char* key, const std::vector<std::string>& names) {
  if (json.contains(key) && json_member<std::vector<std::string>>(json, key, file) != names)
    throw InputError(file, std::string("/") + key,
                     fmt::format("are not the protocol's, in its order: {}", fmt::join(names, ", ")));
}

std::vector<float> finite_numbers(const TensorView& view, const std::string& file, const char* name) {
  const auto* values = view.as<float>();
  std::vector<float> numbers(values, values + view.count());
  if (!std::all_of(numbers.begin(), numbers.end(), [](float value) { return std::isfinite(value); }))
    throw InputError(file, name, "holds a number that is not finite");
  return numbers;
}

void read_places(const Json& json, const std::string& file, Conditioning& take) {
  if (!json.contains("context_places")) return;
  take.places = json_member<std::vector<int>>(json, "context_places", file);
  if (take.places.size() != take.context.size())
    throw InputError(file, "/context_places",
                     fmt::format("has {} places, expected one for each of the {} context frames", take.places.size(),
                                 take.context.size()));
  for (std::size_t i = 0; i < take.places.size(); ++i)
    if (take.places[i] < (i == 0 ? 0 : take.places[i - 1] + 1) || take.places[i] >= take.frame_count)
      throw InputError(file, fmt::format("/context_places/{}", i),
                       fmt::format("is {}, expected rising places from 0 to {}", take.places[i], take.frame_count - 1));
}

void read_changes(const Json& json, const std::string& file, Conditioning& take) {
  if (!json.contains("caption_changes")) return;
  const auto rows = json_member<std::vector<Json>>(json, "caption_changes", file);
  if (rows.size() > kMaxChanges)
    throw InputError(file, "/caption_changes",
                     fmt::format("has {} rows, expected at most {}", rows.size(), kMaxChanges));
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const std::string where = fmt::format("/caption_changes/{}", i);
    const CaptionChange change{json_member<int>(rows[i], "frame", file, where),
                               json_member<std::string>(rows[i], "caption", file, where)};
    if (change.frame < (i == 0 ? 0 : take.changes.back().frame + 1) || change.frame >= take.frame_count)
      throw InputError(file, where + "/frame",
                       fmt::format("is {}, expected rising frames from 0 to {}", change.frame, take.frame_count - 1));
    take.changes.push_back(change);
  }
}

void read_cuts(const Json& json, const std::string& file, Conditioning& take) {
  if (!json.contains("cuts")) return;
  take.cuts = json_member<std::vector<int>>(json, "cuts", file);
  for (std::size_t i = 0; i < take.cuts.size(); ++i)
    if (take.cuts[i] < (i == 0 ? 1 : take.cuts[i - 1] + 1) || take.cuts[i] >= take.frame_count)
      throw InputError(file, fmt::format("/cuts/{}", i),
                       fmt::format("is {}, expected rising frames from 1 to {}", take.cuts[i], take.frame_count - 1));
}

}  // namespace

void write_request(const fs::path& folder, const std::vector<Conditioning>& takes) {
  Json ids = Json::array();
  for (const auto& take : takes) {
    check_id(take.id, folder.string());
    write_conditioning(folder / take.id, take);
    ids.push_back(take.id);
  }
  const bool watch = !takes.empty() && !takes.front().watched.empty();
  save_json(folder / "request.json",
            {{"protocol", kProtocol}, {"task", watch ? "surprise" : "rollout"}, {"takes", ids}});
}

Request read_request(const fs::path& folder) {
  const std::string file = (folder / "request.json").string();
  const Json json = load_json(file);
  if (const int protocol = json_member<int>(json, "protocol", file); protocol != kProtocol)
    throw InputError(file, "/protocol", fmt::format("is {}, expected {}", protocol, kProtocol));
  Request request{"rollout", json_member<std::vector<std::string>>(json, "takes", file)};
  std::set<std::string> seen;
  for (const auto& id : request.takes) {
    check_id(id, file);
    if (!seen.insert(id).second) throw InputError(file, "/takes", fmt::format("names '{}' twice", id));
  }
  if (json.contains("task")) request.task = json_member<std::string>(json, "task", file);
  if (request.task != "rollout" && request.task != "surprise")
    throw InputError(file, "/task", "is '" + request.task + "', expected rollout or surprise");
  return request;
}

Conditioning read_conditioning(const fs::path& folder, const std::string& id) {
  const std::string file = (folder / id / "conditioning.json").string();
  const Json json = load_json(file);
  Conditioning take;
  take.id = json_member<std::string>(json, "id", file);
  if (take.id != id)
    throw InputError(file, "/id", fmt::format("is '{}', expected the folder's name '{}'", take.id, id));
  take.caption = json_member<std::string>(json, "caption", file);
  try {
    take.rate = parse_rate(json_member<std::string>(json, "fps", file));
  } catch (const InputError& error) {
    if (!error.place().empty()) throw;
    throw InputError(file, "/fps", error.what());
  }
  take.width = json_member<int>(json, "width", file);
  take.height = json_member<int>(json, "height", file);
  take.frame_count = json_member<int>(json, "frame_count", file);
  take.seed = json_member<std::uint64_t>(json, "seed", file);
  check_range(file, "width", take.width, 1, kMaxSide);
  check_range(file, "height", take.height, 1, kMaxSide);
  check_range(file, "frame_count", take.frame_count, 1, kMaxFrames);
  const SafetensorsFile tensors(folder / id / "conditioning.safetensors");
  take.context = unpack(tensors.at("context", DType::kU8, {-1, take.height, take.width, 3}));
  if (static_cast<int>(take.context.size()) >= take.frame_count)
    throw InputError(file, "/frame_count", "leaves nothing to continue: the context has as many frames");
  if (tensors.has("watched"))
    take.watched = unpack(
        tensors.at("watched", DType::kU8,
                   {take.frame_count - static_cast<std::int64_t>(take.context.size()), take.height, take.width, 3}));
  if (const auto given = static_cast<std::int64_t>(take.context.size());
      json_member_or(json, "context_frames", given, file) != given)
    throw InputError(file, "/context_frames", fmt::format("is not the number of frames in the context, {}", given));
  read_places(json, file, take);
  read_changes(json, file, take);
  read_cuts(json, file, take);
  if (json.contains("label")) take.label = json_member<std::string>(json, "label", file);
  check_names(json, file, "control_names", Controls::names());
  check_names(json, file, "action_names", Actions::names());
  const auto& controls =
      tensors.at("controls", DType::kF32, {take.frame_count, static_cast<std::int64_t>(Controls::width())});
  take.controls.values = finite_numbers(controls, tensors.path(), "controls");
  if (json.contains("action_names")) {
    const auto& actions =
        tensors.at("actions", DType::kF32, {take.frame_count, static_cast<std::int64_t>(Actions::width())});
    take.actions.values = finite_numbers(actions, tensors.path(), "actions");
  }
  return take;
}

RolloutWriter::RolloutWriter(const fs::path& folder, const Conditioning& request)
    : file_(
          (make_folder(folder / request.id), folder / request.id / "rollout.safetensors"),
          {{"frames",
            DType::kU8,
            {request.frame_count - static_cast<std::int64_t>(request.context.size()), request.height, request.width, 3},
            nullptr}}) {}

void RolloutWriter::write(const Frame& frame) { file_.append(0, frame.rgb.data(), frame.rgb.size()); }

void RolloutWriter::finish() { file_.finish(); }

void write_rollout(const fs::path& folder, const std::string& id, const std::vector<Frame>& frames) {
  BITEMARK_CHECK(!frames.empty(), "a rollout has frames");
  make_folder(folder / id);
  const auto bytes = pack(frames);
  save_safetensors(folder / id / "rollout.safetensors",
                   {frames_tensor("frames", frames, frames.front().height, frames.front().width, bytes)});
}

void write_surprise(const fs::path& folder, const std::string& id, const std::vector<float>& surprise) {
  make_folder(folder / id);
  save_safetensors(folder / id / "surprise.safetensors",
                   {{"surprise", DType::kF32, {static_cast<std::int64_t>(surprise.size())}, surprise.data()}});
}

std::vector<float> read_surprise(const fs::path& folder, const std::string& id, std::size_t frames) {
  const fs::path path = folder / id / "surprise.safetensors";
  const SafetensorsFile file(path);
  const auto& view = file.at("surprise", DType::kF32, {static_cast<std::int64_t>(frames)});
  std::vector<float> surprise(view.as<float>(), view.as<float>() + frames);
  for (std::size_t t = 0; t < frames; ++t)
    if (!std::isfinite(surprise[t]))
      throw InputError(path.string(), "surprise", fmt::format("is not finite at frame {}", t));
  return surprise;
}

void read_rollout_frames(const fs::path& file, int max_frames, const std::function<void(Frame&& frame)>& use) {
  const SafetensorsFile tensors(file);
  const auto& view = tensors.at("frames", DType::kU8, {-1, -1, -1, 3});
  const auto within = [](std::int64_t value, int high) { return value >= 1 && value <= high; };
  if (!within(view.shape[0], max_frames) || !within(view.shape[1], kMaxSide) || !within(view.shape[2], kMaxSide))
    throw InputError(file.string(), "frames",
                     fmt::format("is {}, expected 1 to {} frames of 1 to {} pixels a side", shape_text(view.shape),
                                 max_frames, kMaxSide));
  each_frame(view, use);
}

std::vector<Frame> read_rollout_tensor(const fs::path& file, int max_frames) {
  std::vector<Frame> frames;
  read_rollout_frames(file, max_frames, [&](Frame&& frame) { frames.push_back(std::move(frame)); });
  return frames;
}

Conditioning condition_on(const Episode& episode, const std::string& id, std::uint64_t seed) {
  const auto& info = episode.info;
  Conditioning request;
  request.id = id;
  request.caption = info.caption;
  request.rate = info.rate;
  request.width = info.width;
  request.height = info.height;
  request.frame_count = info.frame_count;
  request.seed = seed;
  request.context.assign(episode.clip.frames.begin(), episode.clip.frames.begin() + info.context_frames);
  request.controls = info.controls;
  request.actions = info.actions;
  for (const Event& event : info.events)
    if (event.type == "cut" && event.frame > 0) request.cuts.push_back(event.frame);
  return request;
}

}  // namespace bitemark
