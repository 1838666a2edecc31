// One picture that shows an episode.
#pragma once

#include "episode/episode.h"

namespace bitemark {

/// Every `stride`-th frame from left to right: first row RGB, second row its labels (ids, coloured), where the
/// episode has truth; third row forward flow (hue = direction, brightness = length).
Frame contact_sheet(const Episode& episode, int stride);

}  // namespace bitemark
