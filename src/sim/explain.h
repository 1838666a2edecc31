// A scenario in plain words.
#pragma once

#include <string>

#include "sim/scenario.h"

namespace bitemark {

/// What is staged: time, bodies, random parameters with their ranges by split, camera, actions, questions, captions,
/// what a generator is given, what a take must show. Paragraphs with headings, for a terminal.
std::string explain(const Scenario& scenario);

}  // namespace bitemark
