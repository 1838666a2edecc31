// In which order a clip's latents are made, and which of them are given.
#pragma once

#include <cstdint>
#include <vector>

#include "episode/conditioning.h"

namespace bitemark::model {

struct FrameVisit {
  std::int64_t time = 0;
  bool given = false;
  bool ahead = false;  ///< given, and visited before what lies before it
};

struct FrameOrder {
  std::vector<FrameVisit> visits;
  bool backwards = false;
  std::int64_t first_given = 0;  ///< latents at the clip's begin
  std::int64_t last_given = 0;   ///< latents at its end
};

/// How many of the given frames are the clip's first ones. Throws InputError where the others are not its last.
std::int64_t leading_frames(const Conditioning& request);

/// Given first frames: onwards from them. Given last frames: backwards from them. Both: the last ones are looked at
/// first, then onwards from the first ones. `temporal` frames make one latent; `total`: latents of the clip. Throws
/// InputError for other places, and for given last frames where `orders` (the checkpoint learned it) is false or a
/// latent is more than one frame.
FrameOrder frame_order(const Conditioning& request, std::int64_t temporal, std::int64_t total, bool orders);

}  // namespace bitemark::model
