// The one way to training data: shards that the simulator wrote, mapped, and windows drawn from them.
#pragma once

#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/random.h"
#include "base/safetensors.h"
#include "episode/clip.h"
#include "model/torch_compat.h"

namespace bitemark::model {

/// Frames [start, start + window) of one take.
struct ClipWindow {
  std::size_t shard = 0;
  std::int64_t row = 0;
  std::int64_t start = 0;
  std::size_t caption = 0;
};

struct ClipBatch {
  Tensor frames;    ///< u8 [B, T, H, W, 3]
  Tensor controls;  ///< f32 [B, T, channels], in their own units
  Tensor actions;   ///< f32 [B, T, actions], 0 where nobody plays
  Tensor played;    ///< f32 [B], 1 where somebody plays
  Tensor shots;     ///< int64 [B, T], counted from the window's first frame
  Tensor states;    ///< f32 [B, T, 4, 7]
  std::vector<std::string> captions;
  Tensor scenario;  ///< int64 [B], index into ClipSource::scenarios()
};

class ClipSource {
 public:
  /// The shards of one or more folders, one after another. `mix`: weight of a scenario, 1 where it is not named, 0
  /// leaves it out. The last `held_out` takes of each scenario are never drawn. Throws InputError for a folder without
  /// index.json, lying shapes, or a scenario that holds nothing else.
  ClipSource(const std::vector<std::filesystem::path>& folders, const std::map<std::string, double>& mix,
             std::int64_t held_out = 0);

  const std::vector<std::string>& scenarios() const { return scenarios_; }
  std::size_t shard_count() const { return shards_.size(); }
  /// Unlike any other shard's.
  std::string shard_name(std::size_t shard) const { return shards_[shard].name; }
  Tensor shard_frames(std::size_t shard) const { return shards_[shard].frames; }
  std::vector<std::string> all_captions() const;
  /// Whether somebody plays in any of them.
  bool has_actions() const;
  /// Frames of the longest take that may be drawn.
  std::int64_t longest() const;
  /// Those that frames have, the first shard's first.
  const std::vector<FrameSize>& sizes() const { return sizes_; }
  /// The only one. Throws InputError, for `asker`, where there are several.
  FrameSize size(const std::string& asker) const;
  FrameSize size_of(const ClipWindow& window) const { return sizes_[shards_[window.shard].size]; }

  /// Takes are equally likely within a scenario, starts within a take. Only takes of at least `window` frames, and
  /// where `only` is one of scenarios(), only of that one. All have the size of the first (a bucket, as in Open-Sora).
  std::vector<ClipWindow> draw(std::int64_t count, std::int64_t window, Pcg32& random,
                               std::optional<std::size_t> only = {}) const;
  /// A scenario that has takes of at least `window` frames, by the weights of the mix.
  std::size_t draw_scenario(std::int64_t window, Pcg32& random) const;
  /// One window of each of the last `count` takes of every scenario that have `window` frames (where takes are held
  /// out: of those), first caption; where in the take depends on its shard's name and its row. Throws InputError when
  /// no take is long enough.
  std::vector<ClipWindow> last_windows(std::int64_t count, std::int64_t window) const;
  ClipBatch load(const std::vector<ClipWindow>& windows, std::int64_t length, bool with_frames = true) const;
  /// Over the takes that may be drawn: mean and standard deviation of each control channel (1 where it never changes),
  /// [channels] each.
  std::pair<Tensor, Tensor> control_statistics() const;
  /// All that is said of a window's take; the first is the plainest.
  const std::vector<std::string>& captions_of(const ClipWindow& window) const {
    return shards_[window.shard].captions[static_cast<std::size_t>(window.row)];
  }

 private:
  struct Shard {
    std::string name;
    std::shared_ptr<SafetensorsFile> file;
    std::size_t scenario = 0, size = 0;  ///< index into scenarios() and sizes()
    std::int64_t drawable = 0;           ///< takes from the first on; those after them are held out
    Tensor frames, controls, states;
    Tensor actions, shots;  ///< undefined where nobody plays, and where there is one shot
    std::vector<std::vector<std::string>> captions;
  };
  void add_folder(const std::filesystem::path& folder, const std::map<std::string, double>& mix,
                  const std::string& prefix);
  void hold_out(std::int64_t takes, const std::string& where);
  Shard open(const std::filesystem::path& path, const std::string& scenario);
  std::size_t size_index(const FrameSize& size);
  /// Of all shards up to each: the scenario's weight times the shard's share of the scenario's takes that fit.
  std::vector<double> cumulative_weights(const std::function<bool(const Shard& shard)>& fits) const;
  std::vector<std::string> scenarios_;
  std::vector<FrameSize> sizes_;
  std::vector<double> weights_;
  std::vector<Shard> shards_;
};

}  // namespace bitemark::model
