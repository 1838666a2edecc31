#include "video/episode_folder.h"

#include <fmt/format.h>

#include "base/error.h"
#include "base/safetensors.h"
#include "base/sha256.h"

namespace bitemark {
namespace {

template <typename T>
std::vector<T> frame_of(const TensorView& view, std::size_t frame, std::size_t per_frame) {
  const T* start = view.as<T>() + frame * per_frame;
  return {start, start + per_frame};
}

}  // namespace

/// Each channel of each frame goes to its place in truth.safetensors at once.
struct EpisodeFolderWriter::Channels {
  struct Channel {
    TensorToSave tensor;
    std::size_t frame_bytes = 0;
    Sha256 digest;
  };
  std::vector<Channel> all;
  std::unique_ptr<SafetensorsWriter> file;
  Sha256 video;
  std::int64_t frames = 0, height = 0, width = 0;

  /// The first frame's truth tells which channels there are.
  void begin(const fs::path& path, const FrameTruth& truth) {
    const std::int64_t t = frames, h = height, w = width;
    const auto channel = [&](const char* name, DType type, std::vector<std::int64_t> shape, bool there) {
      const auto bytes = static_cast<std::size_t>(h * w * (shape.size() == 4 ? 2 : 1)) * size_of(type);
      if (there) all.push_back({{name, type, std::move(shape)}, bytes, {}});
    };
    channel("depth", DType::kF32, {t, h, w}, !truth.depth.empty());
    channel("ids", DType::kU16, {t, h, w}, !truth.ids.empty());
    channel("flow_forward", DType::kF32, {t, h, w, 2}, !truth.flow_forward.empty());
    channel("flow_backward", DType::kF32, {t, h, w, 2}, !truth.flow_backward.empty());
    channel("flow_flags", DType::kU8, {t, h, w}, !truth.flow_flags.empty());
    std::vector<TensorToSave> tensors;
    for (const Channel& one : all) tensors.push_back(one.tensor);
    if (!all.empty()) file = std::make_unique<SafetensorsWriter>(path, tensors);
  }

  void add(const FrameTruth& truth) {
    std::size_t next = 0;
    const auto put = [&](const auto& values) {
      if (values.empty()) return;
      BITEMARK_CHECK(next < all.size(), "a frame has more channels than the first");
      Channel& channel = all[next];
      const std::size_t bytes = values.size() * sizeof(values.front());
      BITEMARK_CHECK(bytes == channel.frame_bytes, "a channel has another size than the frames");
      channel.digest.update(values.data(), bytes);
      file->append(next++, values.data(), bytes);
    };
    put(truth.depth);
    put(truth.ids);
    put(truth.flow_forward);
    put(truth.flow_backward);
    put(truth.flow_flags);
  }

  Json digests() {
    Json json = Json::object();
    for (Channel& channel : all) json[channel.tensor.name] = hex(channel.digest.finish());
    json["video"] = hex(video.finish());
    return json;
  }
};

EpisodeFolderWriter::EpisodeFolderWriter(std::filesystem::path folder) : target_(std::move(folder)) {
  if (target_.filename().empty()) target_ = target_.parent_path();
  if (fs::exists(target_) && !fs::exists(target_ / "episode.json") && !fs::is_empty(target_))
    throw InputError(target_.string(), "", "exists and holds something else than an episode");
  folder_ = std::make_unique<PendingFolder>(target_);
  channels_ = std::make_unique<Channels>();
}

EpisodeFolderWriter::~EpisodeFolderWriter() = default;

void EpisodeFolderWriter::begin(const EpisodeInfo& info) {
  channels_->frames = info.frame_count;
  channels_->height = info.height;
  channels_->width = info.width;
  video_ =
      std::make_unique<VideoWriter>(folder_->path() / "video.mkv", Codec::kFfv1, info.width, info.height, info.rate);
  // H.264 4:2:0 needs even sides.
  if (info.width % 2 == 0 && info.height % 2 == 0)
    preview_ = std::make_unique<VideoWriter>(folder_->path() / "preview.mp4", Codec::kH264, info.width, info.height,
                                             info.rate);
}

void EpisodeFolderWriter::frame(int index, Frame&& frame, FrameTruth&& truth) {
  if (index == 0) channels_->begin(folder_->path() / "truth.safetensors", truth);
  video_->write(frame);
  if (preview_) preview_->write(frame);
  channels_->video.update(frame.rgb.data(), frame.rgb.size());
  channels_->add(truth);
}

void EpisodeFolderWriter::end(const EpisodeInfo& info) {
  video_->finish();
  if (preview_) preview_->finish();
  if (channels_->file) channels_->file->finish();
  const Json episode = to_json(info);
  save_json(folder_->path() / "episode.json", episode);
  std::string lines;
  for (const auto& event : info.events) lines += to_json(event).dump() + "\n";
  write_file(folder_->path() / "events.jsonl", lines);
  Json digests = channels_->digests();
  digests["episode"] = sha256_hex(episode.dump());
  save_json(folder_->path() / "manifest.json", {{"schema", 1}, {"sha256_of_decoded", digests}});
  folder_->commit(true);
}

namespace {

/// The channels of a truth.safetensors, in the order of FrameTruth.
constexpr const char* kChannels[] = {"depth", "ids", "flow_forward", "flow_backward", "flow_flags"};
constexpr std::int64_t kMaxFrames = 60 * 240;  // the longest clip at the highest rate
constexpr int kMaxSide = 4096;

}  // namespace

EpisodeFolderReader::EpisodeFolderReader(std::filesystem::path folder) : folder_(std::move(folder)) {
  const std::string file = (folder_ / "episode.json").string();
  json_ = load_json(file);
  info_ = episode_info_from_json(json_, file);
  if (info_.frame_count < 1 || info_.frame_count > kMaxFrames)
    throw InputError(file, "/frame_count", fmt::format("is {}, expected 1 to {}", info_.frame_count, kMaxFrames));
  for (const int side : {info_.width, info_.height}) {
    if (side < 1 || side > kMaxSide)
      throw InputError(file, "/width", fmt::format("an image side of {} px, expected 1 to {}", side, kMaxSide));
  }
  if (!fs::exists(folder_ / "truth.safetensors")) return;
  truth_ = std::make_unique<SafetensorsFile>(folder_ / "truth.safetensors");
  const std::vector<std::int64_t> plane{info_.frame_count, info_.height, info_.width};
  const std::vector<std::int64_t> pair{info_.frame_count, info_.height, info_.width, 2};
  truth_->at("depth", DType::kF32, plane);
  truth_->at("ids", DType::kU16, plane);
  truth_->at("flow_forward", DType::kF32, pair);
  truth_->at("flow_backward", DType::kF32, pair);
  truth_->at("flow_flags", DType::kU8, plane);
}

FrameTruth EpisodeFolderReader::truth(int frame) const {
  BITEMARK_CHECK(truth_ && frame >= 0 && frame < info_.frame_count, "there is no such truth");
  const auto t = static_cast<std::size_t>(frame);
  const auto pixels = static_cast<std::size_t>(info_.width) * static_cast<std::size_t>(info_.height);
  return {frame_of<float>(truth_->at("depth"), t, pixels), frame_of<std::uint16_t>(truth_->at("ids"), t, pixels),
          frame_of<float>(truth_->at("flow_forward"), t, pixels * 2),
          frame_of<float>(truth_->at("flow_backward"), t, pixels * 2),
          frame_of<std::uint8_t>(truth_->at("flow_flags"), t, pixels)};
}

void EpisodeFolderReader::check_truth(const Json& digests, const std::string& manifest) const {
  if (!truth_) return;
  for (const char* name : kChannels) {
    const auto data = truth_->at(name).data;
    if (hex(Sha256().update(data.data(), data.size()).finish()) != json_member<std::string>(digests, name, manifest))
      throw InputError((folder_ / "truth.safetensors").string(), name, "is not what the manifest names");
  }
}

void EpisodeFolderReader::for_each_frame(const std::function<void(int index, Frame&& frame)>& use) const {
  const std::string manifest = (folder_ / "manifest.json").string();
  const auto digests = json_member<Json>(load_json(manifest), "sha256_of_decoded", manifest);
  check_truth(digests, manifest);
  const std::string video = (folder_ / "video.mkv").string();
  ReadLimits limits;  // ours: as long as its episode says
  limits.max_frames = info_.frame_count + 1;
  limits.max_bytes = (static_cast<std::size_t>(info_.width) * static_cast<std::size_t>(info_.height) * 3 + 64) *
                     (static_cast<std::size_t>(info_.frame_count) + 1);
  limits.wall_s = 60 + 0.5 * info_.frame_count;
  Sha256 hash;
  int count = 0;
  read_frames(video, info_.rate, limits, [&](Frame&& frame, double /*time_s*/) {
    if (count >= info_.frame_count || frame.width != info_.width || frame.height != info_.height)
      throw InputError(video, "", "differs in length or size from episode.json");
    hash.update(frame.rgb.data(), frame.rgb.size());
    use(count++, std::move(frame));
  });
  if (count != info_.frame_count) throw InputError(video, "", "differs in length or size from episode.json");
  if (hex(hash.finish()) != json_member<std::string>(digests, "video", manifest))
    throw InputError(video, "", "does not decode to the frames that the manifest names");
}

Episode read_episode(const std::filesystem::path& folder) {
  const EpisodeFolderReader reader(folder);
  Episode episode;
  episode.info = reader.info();
  std::vector<Frame> frames;
  reader.for_each_frame([&](int index, Frame&& frame) {
    frames.push_back(std::move(frame));
    if (reader.has_truth()) episode.truth.push_back(reader.truth(index));
  });
  episode.clip = make_clip(std::move(frames), episode.info.rate);
  return episode;
}

}  // namespace bitemark
