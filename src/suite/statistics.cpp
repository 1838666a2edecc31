#include "suite/statistics.h"

#include <algorithm>
#include <boost/math/distributions/binomial.hpp>
#include <boost/math/distributions/students_t.hpp>
#include <cmath>
#include <map>

#include "base/error.h"
#include "base/random.h"

namespace bitemark {
namespace {

constexpr int kExactClusters = 16;
constexpr int kDraws = 10000;

double t_quantile(double p, int freedom) {
  return boost::math::quantile(boost::math::students_t(std::max(freedom, 1)), p);
}

std::map<std::string, double> cluster_sums(const std::vector<Value>& values, double offset) {
  std::map<std::string, double> sums;
  for (const auto& value : values) sums[value.cluster] += value.value - offset;
  return sums;
}

int freedom_of(const Estimate& estimate) { return estimate.clusters > 1 ? estimate.clusters - 1 : estimate.count - 1; }

double standard_error(const std::vector<Value>& values, double mean, int clusters) {
  const auto n = static_cast<double>(values.size());
  double squares = 0;
  if (clusters > 1) {
    for (const auto& [name, sum] : cluster_sums(values, mean)) squares += sum * sum;
    return std::sqrt(squares * clusters / (clusters - 1)) / n;
  }
  for (const auto& value : values) squares += (value.value - mean) * (value.value - mean);
  return std::sqrt(squares / (n - 1) / n);
}

}  // namespace

Estimate estimate_mean(const std::vector<Value>& values) {
  Estimate estimate;
  estimate.count = static_cast<int>(values.size());
  if (values.empty()) return estimate;
  for (const auto& value : values) estimate.mean += value.value / estimate.count;
  estimate.clusters = static_cast<int>(cluster_sums(values, 0).size());
  estimate.low = estimate.high = estimate.mean;
  if (estimate.count < 2) return estimate;
  estimate.standard_error = standard_error(values, estimate.mean, estimate.clusters);
  const double half = t_quantile(0.975, freedom_of(estimate)) * estimate.standard_error;
  estimate.low = estimate.mean - half;
  estimate.high = estimate.mean + half;
  return estimate;
}

double minimum_detectable_effect(const Estimate& estimate) {
  const int freedom = freedom_of(estimate);
  if (freedom < 1) return 0;
  return (t_quantile(0.975, freedom) + t_quantile(0.8, freedom)) * estimate.standard_error;
}

double sign_flip_p(const std::vector<Value>& differences, std::uint64_t seed) {
  std::vector<double> sums;
  for (const auto& [name, sum] : cluster_sums(differences, 0)) sums.push_back(sum);
  if (sums.empty()) return 1;
  double observed = 0;
  for (const double sum : sums) observed += sum;
  observed = std::abs(observed) - 1e-12;  // the pattern itself must count
  const auto statistic = [&](auto negative) {
    double total = 0;
    for (std::size_t i = 0; i < sums.size(); ++i) total += negative(i) ? -sums[i] : sums[i];
    return std::abs(total);
  };
  if (sums.size() <= kExactClusters) {
    const std::uint32_t patterns = 1U << sums.size();
    std::uint32_t extreme = 0;
    for (std::uint32_t p = 0; p < patterns; ++p)
      extreme += statistic([&](std::size_t i) { return (p >> i & 1U) != 0; }) >= observed ? 1 : 0;
    return static_cast<double>(extreme) / patterns;
  }
  Pcg32 random = stream_for(seed, "sign-flip");
  int extreme = 0;
  for (int draw = 0; draw < kDraws; ++draw)
    extreme += statistic([&](std::size_t) { return (random.next() & 1U) != 0; }) >= observed ? 1 : 0;
  return (1.0 + extreme) / (kDraws + 1.0);
}

double mcnemar_p(int b, int c) {
  if (b + c == 0) return 1;
  const boost::math::binomial fair(b + c, 0.5);
  return std::min(1.0, 2 * boost::math::cdf(fair, std::min(b, c)));
}

double median(std::vector<double> values) {
  BITEMARK_CHECK(!values.empty(), "the median of nothing");
  std::sort(values.begin(), values.end());
  const std::size_t half = values.size() / 2;
  return values.size() % 2 == 1 ? values[half] : (values[half - 1] + values[half]) / 2;
}

Auroc auroc(const std::vector<Value>& low, const std::vector<Value>& high) {
  BITEMARK_CHECK(!low.empty() && !high.empty(), "AUROC needs both sides");
  double wins = 0;
  double pairs = 0;
  for (const auto& a : low)
    for (const auto& b : high) {
      if (a.cluster != b.cluster) continue;
      wins += b.value > a.value ? 1 : b.value == a.value ? 0.5 : 0;
      pairs += 1;
    }
  BITEMARK_CHECK(pairs > 0, "AUROC needs a cluster with both sides");
  const auto n = static_cast<double>(low.size());
  const auto m = static_cast<double>(high.size());
  Auroc result;
  const double A = result.value = wins / pairs;
  const double q1 = A / (2 - A);
  const double q2 = 2 * A * A / (1 + A);
  const double variance = (A * (1 - A) + (m - 1) * (q1 - A * A) + (n - 1) * (q2 - A * A)) / (n * m);
  const double half = kNormal975 * std::sqrt(std::max(variance, 0.0));
  result.low = std::max(0.0, A - half);
  result.high = std::min(1.0, A + half);
  return result;
}

}  // namespace bitemark
