#include "video/episode_folder.h"

#include <cstring>

#include "base/error.h"
#include "base/safetensors.h"
#include "base/sha256.h"

namespace bitemark {
namespace {

template <typename T>
void append(std::vector<T>& all, const std::vector<T>& part) {
  all.insert(all.end(), part.begin(), part.end());
}

template <typename T>
std::string digest_of_array(const std::vector<T>& values) {
  return hex(Sha256().update(values.data(), values.size() * sizeof(T)).finish());
}

template <typename T>
std::vector<T> frame_of(const TensorView& view, std::size_t frame, std::size_t per_frame) {
  const T* start = view.as<T>() + frame * per_frame;
  return {start, start + per_frame};
}

}  // namespace

/// All frames of each channel, [T, H, W(, 2)].
struct EpisodeFolderWriter::Channels {
  std::vector<float> depth, flow_forward, flow_backward;
  std::vector<std::uint16_t> ids;
  std::vector<std::uint8_t> flow_flags;
  Sha256 video;

  void add(const FrameTruth& truth) {
    append(depth, truth.depth);
    append(ids, truth.ids);
    append(flow_forward, truth.flow_forward);
    append(flow_backward, truth.flow_backward);
    append(flow_flags, truth.flow_flags);
  }
  std::vector<TensorToSave> tensors(std::int64_t t, std::int64_t h, std::int64_t w) const {
    std::vector<TensorToSave> all;
    if (!depth.empty()) all.push_back({"depth", DType::kF32, {t, h, w}, depth.data()});
    if (!ids.empty()) all.push_back({"ids", DType::kU16, {t, h, w}, ids.data()});
    if (!flow_forward.empty()) all.push_back({"flow_forward", DType::kF32, {t, h, w, 2}, flow_forward.data()});
    if (!flow_backward.empty()) all.push_back({"flow_backward", DType::kF32, {t, h, w, 2}, flow_backward.data()});
    if (!flow_flags.empty()) all.push_back({"flow_flags", DType::kU8, {t, h, w}, flow_flags.data()});
    return all;
  }
  Json digests() const {
    Json json = Json::object();
    if (!depth.empty()) json["depth"] = digest_of_array(depth);
    if (!ids.empty()) json["ids"] = digest_of_array(ids);
    if (!flow_forward.empty()) json["flow_forward"] = digest_of_array(flow_forward);
    if (!flow_backward.empty()) json["flow_backward"] = digest_of_array(flow_backward);
    if (!flow_flags.empty()) json["flow_flags"] = digest_of_array(flow_flags);
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
  video_ =
      std::make_unique<VideoWriter>(folder_->path() / "video.mkv", Codec::kFfv1, info.width, info.height, info.rate);
  // H.264 4:2:0 needs even sides.
  if (info.width % 2 == 0 && info.height % 2 == 0)
    preview_ = std::make_unique<VideoWriter>(folder_->path() / "preview.mp4", Codec::kH264, info.width, info.height,
                                             info.rate);
}

void EpisodeFolderWriter::frame(int /*index*/, Frame&& frame, FrameTruth&& truth) {
  video_->write(frame);
  if (preview_) preview_->write(frame);
  channels_->video.update(frame.rgb.data(), frame.rgb.size());
  channels_->add(truth);
}

void EpisodeFolderWriter::end(const EpisodeInfo& info) {
  video_->finish();
  if (preview_) preview_->finish();
  const auto tensors = channels_->tensors(info.frame_count, info.height, info.width);
  if (!tensors.empty()) save_safetensors(folder_->path() / "truth.safetensors", tensors);
  const Json episode = to_json(info);
  save_json(folder_->path() / "episode.json", episode);
  std::string lines;
  for (const auto& event : info.events) lines += to_json(event).dump() + "\n";
  write_file(folder_->path() / "events.jsonl", lines);
  Json digests = channels_->digests();
  digests["video"] = hex(channels_->video.finish());
  digests["episode"] = sha256_hex(episode.dump());
  save_json(folder_->path() / "manifest.json", {{"schema", 1}, {"sha256_of_decoded", digests}});
  folder_->commit(true);
}

Episode read_episode(const std::filesystem::path& folder) {
  Episode episode;
  const std::string file = (folder / "episode.json").string();
  episode.info = episode_info_from_json(load_json(file), file);
  const auto& info = episode.info;
  const Clip video = read_clip(folder / "video.mkv", info.rate);
  const std::string manifest_file = (folder / "manifest.json").string();
  const auto digests = json_member<Json>(load_json(manifest_file), "sha256_of_decoded", manifest_file);
  Sha256 hash;
  for (const auto& frame : video.frames) hash.update(frame.rgb.data(), frame.rgb.size());
  if (hex(hash.finish()) != json_member<std::string>(digests, "video", manifest_file))
    throw InputError((folder / "video.mkv").string(), "", "does not decode to the frames that the manifest names");
  episode.clip = make_clip(video.frames, info.rate);
  if (static_cast<int>(video.size()) != info.frame_count || video.width() != info.width ||
      video.height() != info.height)
    throw InputError((folder / "video.mkv").string(), "", "differs in length or size from episode.json");
  if (!fs::exists(folder / "truth.safetensors")) return episode;

  const SafetensorsFile tensors(folder / "truth.safetensors");
  const std::vector<std::int64_t> plane{info.frame_count, info.height, info.width};
  const std::vector<std::int64_t> pair{info.frame_count, info.height, info.width, 2};
  const auto pixels = static_cast<std::size_t>(info.width) * static_cast<std::size_t>(info.height);
  const auto& depth = tensors.at("depth", DType::kF32, plane);
  const auto& ids = tensors.at("ids", DType::kU16, plane);
  const auto& forward = tensors.at("flow_forward", DType::kF32, pair);
  const auto& backward = tensors.at("flow_backward", DType::kF32, pair);
  const auto& flags = tensors.at("flow_flags", DType::kU8, plane);
  for (std::size_t t = 0; t < static_cast<std::size_t>(info.frame_count); ++t)
    episode.truth.push_back({frame_of<float>(depth, t, pixels), frame_of<std::uint16_t>(ids, t, pixels),
                             frame_of<float>(forward, t, pixels * 2), frame_of<float>(backward, t, pixels * 2),
                             frame_of<std::uint8_t>(flags, t, pixels)});
  return episode;
}

}  // namespace bitemark
