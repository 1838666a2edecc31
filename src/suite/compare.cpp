#include "suite/compare.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "base/random.h"

namespace bitemark {
namespace {

const CaseResult* find_case(const RunReport& report, const std::string& id) {
  for (const auto& one : report.cases)
    if (one.which.id() == id) return &one;
  return nullptr;
}

/// The take of a report's subject; a run of baselines alone is judged by its last row.
const std::string& subject_of(const RunReport& report) {
  return report.subject.empty() ? report.generators.back() : report.subject;
}

struct Pair {
  const CaseResult* which;
  const TakeResult* a;
  const TakeResult* b;
};

std::vector<Pair> pair_up(const RunReport& a, const RunReport& b) {
  std::vector<Pair> pairs;
  for (const auto& one : a.cases) {
    const CaseResult* other = find_case(b, one.which.id());
    if (other == nullptr) continue;
    const TakeResult* of_a = one.of(subject_of(a));
    const TakeResult* of_b = other->of(subject_of(b));
    if (of_a != nullptr && of_b != nullptr) pairs.push_back({&one, of_a, of_b});
  }
  return pairs;
}

std::vector<Value> differences_of(const std::vector<Pair>& pairs, const std::string& capability) {
  std::vector<Value> differences;
  for (const auto& pair : pairs)
    for (const auto& [metric, value] : pair.a->plausibility) {
      const auto other = pair.b->plausibility.find(metric);
      if (find_metric(metric)->capability == capability && other != pair.b->plausibility.end())
        differences.push_back({pair.which->which.scenario, other->second - value});
    }
  return differences;
}

/// Holm's step-down over the table's p values.
void adjust(std::vector<CapabilityDifference>& rows) {
  std::vector<CapabilityDifference*> order;
  for (auto& row : rows) order.push_back(&row);
  std::sort(order.begin(), order.end(), [](const auto* x, const auto* y) { return x->p < y->p; });
  double largest = 0;
  for (std::size_t i = 0; i < order.size(); ++i) {
    largest = std::max(largest, std::min(1.0, order[i]->p * static_cast<double>(order.size() - i)));
    order[i]->p_adjusted = largest;
  }
}

Verdict verdict_of(const std::vector<CapabilityDifference>& rows, const GateMargins& margins) {
  bool sure = true;
  for (const auto& row : rows) {
    const auto& d = row.difference;
    if (d.high < 0 && d.mean <= -margins.noise) return Verdict::kRegression;
    sure = sure && d.low > -margins.margin;
  }
  return sure ? Verdict::kPass : Verdict::kInconclusive;
}

}  // namespace

Comparison compare(const RunReport& a, const RunReport& b, const GateMargins& margins) {
  if (a.protocol != b.protocol)
    throw InputError(
        fmt::format("the two reports follow different protocols ({} and {}): scenarios, metrics or calibration "
                    "differ, so that their scores cannot be compared",
                    a.protocol, b.protocol));
  const auto pairs = pair_up(a, b);
  if (pairs.empty()) throw InputError("the two reports have no take in common");
  Comparison comparison{subject_of(a), subject_of(b), {}, {}, 1, Verdict::kPass, true, {}};
  for (const auto& one : a.cases)
    if (find_case(b, one.which.id()) == nullptr) comparison.missing.push_back(one.which.id());
  for (const auto& capability : capabilities()) {
    const auto differences = differences_of(pairs, capability);
    if (differences.empty()) continue;
    const Estimate estimate = estimate_mean(differences);
    comparison.capabilities.push_back({capability, estimate, minimum_detectable_effect(estimate),
                                       sign_flip_p(differences, seed_from_text(a.digest + b.digest + capability)), 1});
    for (const auto& one : differences) comparison.identical = comparison.identical && one.value == 0;
  }
  adjust(comparison.capabilities);
  int worse = 0;
  int better = 0;
  for (const auto& pair : pairs) {
    if (pair.a->passed() == pair.b->passed()) continue;
    (pair.b->passed() ? better : worse) += 1;
    comparison.flips.push_back({pair.which->which.id(), pair.b->passed()});
  }
  comparison.identical = comparison.identical && comparison.flips.empty();
  comparison.mcnemar = mcnemar_p(worse, better);
  comparison.verdict = verdict_of(comparison.capabilities, margins);
  return comparison;
}

const char* text_of(Verdict verdict) {
  return verdict == Verdict::kPass ? "PASS" : verdict == Verdict::kRegression ? "REGRESSION" : "INCONCLUSIVE";
}

std::string describe(const Comparison& comparison) {
  std::string text = fmt::format("{}: {} against {}{}\n\n", text_of(comparison.verdict), comparison.b, comparison.a,
                                 comparison.identical ? " (the same scores on every take)" : "");
  text += fmt::format("{:<16} {:>8}  {:>18}  {:>10}  {:>6}  {:>6}  takes/scenarios\n", "capability", "change",
                      "95 % interval", "detectable", "p", "Holm");
  for (const auto& row : comparison.capabilities) {
    const auto& d = row.difference;
    text +=
        fmt::format("{:<16} {:>+8.3f}  [{:>+7.3f}, {:>+7.3f}]  {:>10.3f}  {:>6.3f}  {:>6.3f}  {}/{}\n", row.capability,
                    d.mean, d.low, d.high, row.minimum_detectable, row.p, row.p_adjusted, d.count, d.clusters);
  }
  for (const bool better : {false, true}) {
    text += better ? "\nfailed before, pass now:" : "\npassed before, fail now:";
    bool any = false;
    for (const auto& flip : comparison.flips)
      if (flip.better == better) {
        text += " " + flip.id;
        any = true;
      }
    if (!any) text += " none";
  }
  if (!comparison.missing.empty())
    text += fmt::format("\n{} takes of {} are missing in {}, {} the first", comparison.missing.size(), comparison.a,
                        comparison.b, comparison.missing.front());
  return text + fmt::format("\nexact McNemar p of the flips: {:.3f}\n", comparison.mcnemar);
}

Json to_json(const Comparison& comparison) {
  Json rows = Json::array();
  for (const auto& row : comparison.capabilities)
    rows.push_back({{"capability", row.capability},
                    {"mean", row.difference.mean},
                    {"low", row.difference.low},
                    {"high", row.difference.high},
                    {"minimum_detectable_effect", row.minimum_detectable},
                    {"p", row.p},
                    {"p_holm", row.p_adjusted},
                    {"values", row.difference.count},
                    {"scenarios", row.difference.clusters}});
  Json flips = Json::array();
  for (const auto& flip : comparison.flips) flips.push_back({{"id", flip.id}, {"better", flip.better}});
  return {{"verdict", text_of(comparison.verdict)},
          {"a", comparison.a},
          {"b", comparison.b},
          {"identical", comparison.identical},
          {"capabilities", rows},
          {"flips", flips},
          {"mcnemar_p", comparison.mcnemar},
          {"missing", comparison.missing}};
}

}  // namespace bitemark
