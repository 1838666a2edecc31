// Two runs of the same protocol, take by take: what got better, what got worse, and is it more than noise?
#pragma once

#include <string>
#include <vector>

#include "suite/results.h"

namespace bitemark {

struct CapabilityDifference {
  std::string capability;
  Estimate difference;  ///< mean of B - A in plausibility, paired by take and metric, clustered by scenario
  double minimum_detectable = 0;
  double p = 1;           ///< sign flips of whole scenarios
  double p_adjusted = 1;  ///< Holm over the capabilities
};

enum class Verdict { kPass, kRegression, kInconclusive };

/// A take that passed in one run and not in the other.
struct Flip {
  std::string id;
  bool better = false;  ///< failed in A, passes in B
};

struct Comparison {
  std::string a, b;  ///< the subjects' names
  std::vector<CapabilityDifference> capabilities;
  std::vector<Flip> flips;
  double mcnemar = 1;
  Verdict verdict = Verdict::kPass;
  bool identical = false;            ///< every take has the same scores
  std::vector<std::string> missing;  ///< takes of A that B lacks: nothing is known of them
};

/// Margins of the gate, in plausibility.
struct GateMargins {
  double margin = 0.05;  ///< PASS needs the lower end of every interval above -margin
  double noise = 0.01;   ///< REGRESSION needs the upper end below 0 and the mean below -noise
};

/// Throws InputError when protocols differ or no take is in both.
Comparison compare(const RunReport& a, const RunReport& b, const GateMargins& margins = {});

const char* text_of(Verdict verdict);  ///< "PASS", "REGRESSION", "INCONCLUSIVE"
/// The comparison as a table for a terminal, with the flipped takes by name.
std::string describe(const Comparison& comparison);
Json to_json(const Comparison& comparison);

}  // namespace bitemark
