// Video files and picture folders, in and out. FFmpeg (through OpenCV) lives in a child process, bitemark-video:
// files from others are hostile, and this program starts without loading 245 shared libraries.
#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <string>

#include "episode/clip.h"

namespace bitemark {

enum class Codec {
  kFfv1,  ///< lossless, .mkv
  kH264,  ///< .mp4, for people
};

/// Frames in, a file at the end: absent until finish().
class VideoWriter {
 public:
  VideoWriter(std::filesystem::path path, Codec codec, int width, int height, Rate rate);
  ~VideoWriter();
  VideoWriter(const VideoWriter&) = delete;
  VideoWriter& operator=(const VideoWriter&) = delete;
  void write(const Frame& frame);
  /// Throws InputError when the encoder failed, InterruptedError on a full disk.
  void finish();

 private:
  struct Encoder;
  std::unique_ptr<Encoder> encoder_;
};

void write_video(const std::filesystem::path& path, Codec codec, const Clip& clip, Rate rate);

/// What a foreign clip may be at most; more is an InputError, before memory is taken.
struct ReadLimits {
  int max_frames = 4096;
  int max_side = 4096;
  std::size_t max_bytes = std::size_t{2} << 30U;  ///< decoded
  double wall_s = 60;
  std::size_t memory_bytes = std::size_t{4} << 30U;
};

/// A video file, a folder of pictures (.png, .jpg, in the order of their names, at `picture_rate`), or a
/// rollout.safetensors. Timestamps are the container's (a folder's: k / rate), shifted to start at 0.
/// Throws InputError: not a video, no frames, sizes that change, beyond the limits.
Clip read_clip(const std::filesystem::path& path, Rate picture_rate, const ReadLimits& limits = {});

/// The same frame by frame, with its time: memory does not grow with the length (`limits.max_bytes` is then the room
/// on disk that the decoded frames may take).
void read_frames(const std::filesystem::path& path, Rate picture_rate, const ReadLimits& limits,
                 const std::function<void(Frame&& frame, double time_s)>& use);

}  // namespace bitemark
