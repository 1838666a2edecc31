// An episode on disk: episode.json, events.jsonl, video.mkv (FFV1), truth.safetensors, preview.mp4, manifest.json.
#pragma once

#include <filesystem>
#include <memory>

#include "base/files.h"
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

/// Reads what the writer wrote, and checks it against its manifest. Throws InputError.
Episode read_episode(const std::filesystem::path& folder);

}  // namespace bitemark
