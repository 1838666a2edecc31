// Intervals and tests for few scenarios with several takes each. Takes of one scenario are alike, so the unit is the
// scenario (cluster); the naive standard error gives false alarms five times too often here.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "base/wilson.h"

namespace bitemark {

struct Value {
  std::string cluster;  ///< scenario
  double value = 0;
};

struct Estimate {
  double mean = 0;
  double low = 0, high = 0;  ///< 95 % interval; equal to the mean when n = 1
  double standard_error = 0;
  int count = 0;
  int clusters = 0;  ///< with one cluster the interval speaks of more takes of it, not of other scenarios
};

/// Mean over values. SE = (1/n) sqrt( C/(C-1) sum_c (sum_{i in c} (x_i - mean))^2 ), t with C - 1 degrees of freedom
/// (Miller, arXiv 2411.00640, section 2.2, with the finite-cluster factor). One cluster: SE = s / sqrt(n), n - 1.
Estimate estimate_mean(const std::vector<Value>& values);

/// Smallest true difference that a two-sided test at 5 % would find with 80 % power: (t_{.975} + t_{.8}) SE.
double minimum_detectable_effect(const Estimate& estimate);

/// Two-sided p of "the mean is 0" by flipping the signs of whole clusters: all 2^C patterns up to C = 16, else 10,000
/// drawn ones from the given seed. Cannot be below 2 / 2^C. 1 for an empty list.
double sign_flip_p(const std::vector<Value>& differences, std::uint64_t seed);

/// Exact McNemar: p of b against c discordant pairs under Bin(b + c, 1/2), two-sided. 1 when there are none.
double mcnemar_p(int b, int c);

double median(std::vector<double> values);  ///< of at least one value

/// Area under the ROC curve: the chance that a value of `high` lies above one of `low`, ties half; only pairs of one
/// cluster are compared (scenarios have levels of their own), all with the same weight.
struct Auroc {
  double value = 0.5;
  double low = 0, high = 1;  ///< 95 %, Hanley and McNeil, Radiology 143, 1982
};
Auroc auroc(const std::vector<Value>& low, const std::vector<Value>& high);

}  // namespace bitemark
