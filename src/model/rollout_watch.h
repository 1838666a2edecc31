// What a transformer in training can do so far, on takes that stay the same: rollouts as a picture, and the denoising
// error on takes that are held out.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "episode/conditioning.h"
#include "image/raw_image.h"
#include "model/checkpoint.h"
#include "model/clip_source.h"
#include "model/held_out.h"
#include "model/recipe.h"

namespace bitemark::model {

/// Rows: the truth and the rollout of each take, one below the other; columns: at most twelve frames evenly spaced. A
/// wider gap ends the given frames. `truth` and `rollout` hold whole clips of one size, `context` frames alike.
RawImage<std::uint8_t> contact_sheet(const std::vector<std::vector<Frame>>& truth,
                                     const std::vector<std::vector<Frame>>& rollout, int context);

class RolloutWatch {
 public:
  /// `checkpoint` is the run's own: what is looked at is what would be shipped. All arguments outlive the watch. Throws
  /// InputError when no take (with `held_out`: none that is held out) is as long as the recipe's longest window.
  RolloutWatch(const ClipSource& source, const Recipe& recipe, const std::filesystem::path& checkpoint, int threads);

  struct Sight {
    std::string png;
    int width = 0, height = 0;
    std::optional<MeanAndError> held_out;  ///< where the recipe holds takes out
  };
  /// At most four scenarios: the last take of each, continued from its first quarter. With `held_out` in the recipe,
  /// none of these takes is trained on.
  Sight look() const;

 private:
  std::vector<ClipWindow> picture_windows() const;
  std::vector<Conditioning> requests(const std::vector<ClipWindow>& windows) const;
  MeanAndError held_out_error(const Checkpoint& checkpoint) const;
  const ClipSource& source_;
  const Recipe& recipe_;
  const std::filesystem::path& checkpoint_;
  int threads_;
  std::int64_t frames_, latents_;  ///< of a take: the recipe's longest window
};

}  // namespace bitemark::model
