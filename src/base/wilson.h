// Wilson's score interval (JASA 22, 1927).
#pragma once

#include <utility>

namespace bitemark {

inline constexpr double kNormal975 = 1.959963984540054;  ///< 97.5 % quantile of the standard normal

/// Of k successes in n independent trials, 95 %. (0, 1) for n = 0.
std::pair<double, double> wilson_interval(double k, double n);

}  // namespace bitemark
