#include "base/wilson.h"

#include <cmath>

namespace bitemark {

std::pair<double, double> wilson_interval(double k, double n) {
  if (n <= 0) return {0, 1};
  const double p = k / n;
  const double z2 = kNormal975 * kNormal975 / n;
  const double centre = p + z2 / 2;
  const double half = kNormal975 * std::sqrt(p * (1 - p) / n + z2 / (4 * n));
  return {(centre - half) / (1 + z2), (centre + half) / (1 + z2)};
}

}  // namespace bitemark
