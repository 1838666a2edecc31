// Two possible clips and two impossible ones, in the manner of IntPhys (Riochet et al. 2018): A and B are alike but
// for one body, and there is a moment at which that body is hidden in both, so that the pictures are equal. The
// impossible clips begin as one and go on as the other. Frame statistics of the two halves are those of possible clips:
// only memory tells what is wrong.
#pragma once

#include <array>
#include <functional>
#include <string>

#include "sim/simulate.h"

namespace bitemark {

/// In this order. "ab" begins as A and goes on as B.
inline constexpr std::array<const char*, 4> kQuadruplet{"possible-a", "possible-b", "impossible-ab", "impossible-ba"};

/// "presence": in B the body is not there, and in all four it does not dim what is near, which would be seen past a
/// wall; its shadow it casts. "color": in B it has another colour.
inline constexpr std::array<const char*, 2> kQuadrupletKinds{"presence", "color"};

/// Renders the members one after another, each into the sink that `sink_of` gives for its name. Each says under
/// `quadruplet` which one it is, whether it is possible, what differs and at which frame the impossible ones are
/// spliced. Pieces that members share are equal to the bit. Captions are left out: they would tell. Throws InputError
/// when at no frame everything that differs is hidden, and for faults, variants and unknown kinds.
void render_quadruplet(const Scenario& scenario, const std::string& split, int take, const RenderOptions& options,
                       const std::string& kind, const std::function<EpisodeSink&(const std::string&)>& sink_of);

}  // namespace bitemark
