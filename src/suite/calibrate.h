// Where 0 and 1 of plausibility lie, and which violations cry wolf: measured on takes that the suite does not use.
#pragma once

#include "suite/score_case.h"

namespace bitemark {

/// For each scenario, mode and headline measurement: ceiling = median of the second takes, floor = the best of the
/// floor rows' medians. Left out where the two are not at least 10 % of the ceiling's size apart, or where the ceiling
/// is not above the floor: that metric cannot tell true from false there. Violations are counted on all second takes of
/// each take, where none is true. `takes` an entry, numbered from 10,000. The suite must
/// be loaded without its calibration: earlier constants would silence what is counted here.
Constants calibrate(const Suite& suite, const Scenarios& scenarios, int takes, int threads);

}  // namespace bitemark
