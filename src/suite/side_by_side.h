// Pictures for people: truth and rollout in step.
#pragma once

#include <vector>

#include "episode/clip.h"

namespace bitemark {

/// Nearest-neighbour enlargement: a pixel stays a square.
Frame enlarged(const Frame& frame, int factor);

/// Truth left, rollout right, 4 px between; from `first_wrong` on the rollout has a red frame. -1: none.
Clip side_by_side(const Clip& truth, const Clip& rollout, int first_wrong, int factor);

/// Truth in the upper row, rollout in the lower: `columns` frames spread over the clip, the first wrong one among
/// them, with a red frame from there on.
Frame film_strip(const Clip& truth, const Clip& rollout, int first_wrong, int columns, int factor);

}  // namespace bitemark
