// One take, from scenario to scores: the truth and its second takes are rendered, every generator's rollout is judged.
#pragma once

#include <functional>
#include <map>
#include <optional>

#include "suite/generator.h"
#include "suite/results.h"

namespace bitemark {

using Scenarios = std::map<std::string, Scenario>;

/// The true episode of a case at this size and rate, with labels.
Episode render_truth(const Scenarios& scenarios, const Case& which, const FrameSize& size, Rate rate);

/// The truth and its other futures, at one size and rate.
struct Truth {
  Episode episode;
  std::vector<Clip> second_takes;  ///< that tell the ceiling
  Clip other;                      ///< one more: the baseline "second-take"
};
Truth render_truth_and_twins(const Scenarios& scenarios, const Suite& suite, const Case& which, const FrameSize& size,
                             Rate rate);

/// A foreign continuation under the true context: at the rollout's own size and rate, cut to the truth's length.
/// Throws InputError when it is too short.
Clip with_context(const Episode& truth, const Clip& continuation);

/// The case with a fault; nullopt where the fault does not apply to the scenario.
std::optional<Clip> render_fault(const Scenarios& scenarios, const Suite& suite, const Case& which,
                                 const std::string& fault);

/// The rate of a clip from its timestamps; `expected` when it is within 1 % or there is one frame only.
Rate rate_of(const Clip& clip, Rate expected);

/// Judges a rollout (context included).
TakeResult judge(const Suite& suite, const Case& which, const Truth& truth, const std::string& generator,
                 const Clip& rollout);

/// Called with each rollout that could be judged (continuation only), for the feature network and the report.
using RolloutHook = std::function<void(const Case&, const std::string& generator, const Episode& truth, const Clip&)>;

/// All generators of a case. `answers(generator)` is the folder of a foreign generator's answers;
/// `complaint(generator)` what went wrong with it as a whole.
struct Judged {
  std::vector<GeneratorSpec> generators;
  std::function<std::filesystem::path(const GeneratorSpec&)> answers;
  std::function<std::string(const GeneratorSpec&)> complaint;
};
CaseResult score_case(const Scenarios& scenarios, const Suite& suite, const Case& which, const Judged& judged,
                      const RolloutHook& hook = {});

}  // namespace bitemark
