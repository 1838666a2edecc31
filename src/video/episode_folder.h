// An episode on disk: episode.json, events.jsonl, video.mkv (FFV1), truth.safetensors, preview.mp4, manifest.json.
#pragma once

#include <filesystem>
#include <functional>
#include <memory>

#include "base/files.h"
#include "base/safetensors.h"
#include "episode/episode.h"
#include "video/video_file.h"

namespace bitemark {

/// Whole or absent: everything goes to a temporary folder that end() renames. An existing target is replaced only
/// when it is itself an episode folder.
class EpisodeFolderWriter : public EpisodeSink {
 public:
  explicit EpisodeFolderWriter(std::filesystem::path folder);
  ~EpisodeFolderWriter() override;
  void begin(const EpisodeInfo& info) override;
  void frame(int index, Frame&& frame, FrameTruth&& truth) override;
  void end(const EpisodeInfo& info) override;

 private:
  struct Channels;
  std::filesystem::path target_;
  std::unique_ptr<PendingFolder> folder_;
  std::unique_ptr<VideoWriter> video_;
  std::unique_ptr<VideoWriter> preview_;
  std::unique_ptr<Channels> channels_;
};

/// An episode folder, read piece by piece: memory does not grow with the length.
class EpisodeFolderReader {
 public:
  /// Reads episode.json and maps truth.safetensors. Throws InputError where they do not fit together.
  explicit EpisodeFolderReader(std::filesystem::path folder);

  const EpisodeInfo& info() const { return info_; }
  const Json& json() const { return json_; }  ///< episode.json as it is
  bool has_truth() const { return truth_ != nullptr; }
  FrameTruth truth(int frame) const;
  /// Calls `use` with each frame in order. Throws InputError when frames or arrays are not what manifest.json names;
  /// then what was done with them is worth nothing.
  void for_each_frame(const std::function<void(int index, Frame&& frame)>& use) const;

 private:
  void check_truth(const Json& digests, const std::string& manifest) const;

  std::filesystem::path folder_;
  EpisodeInfo info_;
  Json json_;
  std::unique_ptr<SafetensorsFile> truth_;
};

/// Reads what the writer wrote, and checks it against its manifest. Throws InputError.
Episode read_episode(const std::filesystem::path& folder);

}  // namespace bitemark
