// What a generator is given and what it answers: the generator protocol, docs/generator-protocol.md.
#pragma once

#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "base/safetensors.h"
#include "episode/episode.h"

namespace bitemark {

/// A caption that holds from `frame` on.
struct CaptionChange {
  int frame = 0;
  std::string caption;
};

/// One request. `id` names its folder: letters, digits, '.', '_' and '-'.
struct Conditioning {
  std::string id;
  std::string caption;
  Rate rate;
  int width = 0, height = 0;
  int frame_count = 0;                   ///< context and continuation together
  std::uint64_t seed = 0;                ///< for the generator's noise; the same for every checkpoint
  std::vector<Frame> context;            ///< may be empty (text-to-video)
  Controls controls;                     ///< [frame_count, width()]: known for the future as well
  Actions actions{};                     ///< [frame_count, width()] or empty
  std::vector<int> places{};             ///< of the context frames in the clip, rising; empty = they are the first ones
  std::vector<Frame> watched{};          ///< [frame_count - context], where surprise at this continuation is asked for
  std::vector<CaptionChange> changes{};  ///< by rising frame
  std::vector<int> cuts{};               ///< frames at which another shot begins, rising, above 0
  std::string label{};                   ///< a class that the generator may know; empty = none
};

/// A folder of conditionings: request.json {"protocol": 1, "task": .., "takes": [ids]}, and for each id a folder with
/// conditioning.json and conditioning.safetensors {context u8 [T,H,W,3], controls f32 [frames, channels]} and,
/// where somebody plays, actions f32 [frames, channels]. The task is surprise where every take has watched frames.
void write_request(const std::filesystem::path& folder, const std::vector<Conditioning>& takes);
struct Request {
  std::string task;  ///< rollout | surprise
  std::vector<std::string> takes;
};
Request read_request(const std::filesystem::path& folder);
Conditioning read_conditioning(const std::filesystem::path& folder, const std::string& id);

/// The answer in its simplest form, frame by frame: <folder>/<id>/rollout.safetensors with "frames" u8 [T,H,W,3], what
/// is not given only (frame_count minus the context), in the order of time, at the requested rate. The file is absent
/// until the last frame is written.
class RolloutWriter {
 public:
  RolloutWriter(const std::filesystem::path& folder, const Conditioning& request);
  void write(const Frame& frame);
  void finish();

 private:
  SafetensorsWriter file_;
};
void write_rollout(const std::filesystem::path& folder, const std::string& id, const std::vector<Frame>& frames);
/// How surprising each watched frame is, in the generator's own unit: <folder>/<id>/surprise.safetensors with
/// "surprise" f32 [frame_count - context]. Atomic. Reading throws InputError for another shape and for what is not
/// finite.
void write_surprise(const std::filesystem::path& folder, const std::string& id, const std::vector<float>& surprise);
std::vector<float> read_surprise(const std::filesystem::path& folder, const std::string& id, std::size_t frames);
/// Throws InputError for lying shapes, no frames, or more than `max_frames`.
std::vector<Frame> read_rollout_tensor(const std::filesystem::path& file, int max_frames = 4096);
/// The same frame by frame: no more than one of them is held.
void read_rollout_frames(const std::filesystem::path& file, int max_frames,
                         const std::function<void(Frame&& frame)>& use);

/// The conditioning of an episode: its first frames, caption and controls.
Conditioning condition_on(const Episode& episode, const std::string& id, std::uint64_t seed);

}  // namespace bitemark
