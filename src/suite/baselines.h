// The rows that are always there: the ceiling (oracle, second-take) and the floor (freeze, linear, mirror, shuffle,
// noise). Each continues a true episode; none has seen its future but oracle, second-take, mirror and shuffle, which
// are made of it.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "episode/episode.h"

namespace bitemark {

const std::vector<std::string>& baseline_names();
bool is_baseline(const std::string& name);
bool is_floor(const std::string& name);

/// A clip as long as the truth, context included; nullopt where the baseline has no meaning (nothing to hold, to move
/// on or to shuffle without context frames). `second_take` is a true future of the same context.
std::optional<Clip> baseline_rollout(const std::string& name, const Episode& truth, const Clip& second_take);

}  // namespace bitemark
