#include "suite/score_case.h"

#include <fmt/format.h>

#include <cmath>

#include "base/error.h"
#include "sim/simulate.h"
#include "suite/baselines.h"

namespace bitemark {
namespace {

constexpr int kMaxForeignSide = 1024;

RenderOptions options_of(const Case& which, const FrameSize& size, Rate rate) {
  RenderOptions options;
  options.width = size.width;
  options.height = size.height;
  options.rate = rate;
  options.mode = which.mode;
  return options;
}

const Scenario& scenario_of(const Scenarios& scenarios, const Case& which) {
  const auto found = scenarios.find(which.scenario);
  if (found == scenarios.end()) throw InputError("there is no scenario \"" + which.scenario + "\"");
  return found->second;
}

TakeResult failed(const Episode& truth, const std::string& generator, const std::string& reason) {
  TakeResult take;
  take.generator = generator;
  take.failure = reason;
  take.metrics = all_failed(truth.info, reason);
  return take;
}

/// The truth as a foreign clip wants it: the suite's own when size and rate agree, else rendered again.
const Truth& truth_for(const Scenarios& scenarios, const Suite& suite, const Case& which, const Clip& clip,
                       const Truth& standard, std::optional<Truth>& again) {
  const Rate rate = rate_of(clip, suite.rate);
  const FrameSize size{clip.width(), clip.height()};
  if (size == suite.size && rate == suite.rate) return standard;
  if (clip.width() > kMaxForeignSide || clip.height() > kMaxForeignSide || clip.width() < 32 || clip.height() < 32)
    throw InputError(fmt::format("the rollout is {} x {} pixels, expected 32 to {} a side", clip.width(), clip.height(),
                                 kMaxForeignSide));
  again = render_truth_and_twins(scenarios, suite, which, size, rate);
  return *again;
}

/// Violations that second takes of this situation raise too often say nothing there.
void silence_false_alarms(const Suite& suite, const Case& which, std::vector<MetricResult>& metrics) {
  for (auto& metric : metrics)
    std::erase_if(metric.violations, [&](const Violation& violation) {
      const auto found = suite.calibration.false_alarms.find(which.situation() + "/" + violation.type);
      return found != suite.calibration.false_alarms.end() && found->second.too_many();
    });
}

TakeResult score_foreign(const Scenarios& scenarios, const Suite& suite, const Case& which, const Judged& judged,
                         const GeneratorSpec& spec, const Truth& standard, const RolloutHook& hook) {
  try {
    const auto folder = judged.answers(spec);
    if (!has_answer(folder, which.id())) {
      const std::string complaint = judged.complaint(spec);
      throw InputError(complaint.empty() ? "the generator gave no answer to this take" : complaint);
    }
    const Clip continuation = read_answer(folder, which.id(), suite.rate);
    std::optional<Truth> again;
    const Truth& truth = truth_for(scenarios, suite, which, continuation, standard, again);
    const Clip rollout = with_context(truth.episode, continuation);
    if (hook) hook(which, spec.name, truth.episode, rollout);
    return judge(suite, which, truth, spec.name, rollout);
  } catch (const InputError& error) {
    return failed(standard.episode, spec.name, error.what());
  }
}

}  // namespace

Episode render_truth(const Scenarios& scenarios, const Case& which, const FrameSize& size, Rate rate) {
  return render_episode(scenario_of(scenarios, which), which.split, which.take, options_of(which, size, rate));
}

Truth render_truth_and_twins(const Scenarios& scenarios, const Suite& suite, const Case& which, const FrameSize& size,
                             Rate rate) {
  Truth truth;
  truth.episode = render_truth(scenarios, which, size, rate);
  for (int k = 1; k <= suite.second_takes + 1; ++k) {
    RenderOptions options = options_of(which, size, rate);
    options.truth = false;
    options.visibility = false;
    options.second_take = k;
    Clip clip = render_episode(scenario_of(scenarios, which), which.split, which.take, options).clip;
    // The context is given: what a twin shows there is what everybody was shown.
    for (int t = 0; t < truth.episode.info.context_frames; ++t)
      clip.frames[static_cast<std::size_t>(t)] = truth.episode.clip.frames[static_cast<std::size_t>(t)];
    if (k <= suite.second_takes)
      truth.second_takes.push_back(std::move(clip));
    else
      truth.other = std::move(clip);
  }
  return truth;
}

Clip with_context(const Episode& truth, const Clip& continuation) {
  const auto context = static_cast<std::size_t>(truth.info.context_frames);
  const std::size_t needed = truth.clip.size() - context;
  if (continuation.size() < needed)
    throw InputError(fmt::format("the rollout has {} frames, expected {}", continuation.size(), needed));
  Clip rollout = truth.clip;
  for (std::size_t t = 0; t < needed; ++t) rollout.frames[context + t] = continuation.frames[t];
  return rollout;
}

Rate rate_of(const Clip& clip, Rate expected) {
  if (clip.size() < 2) return expected;
  const double span = clip.times.back() - clip.times.front();
  if (span <= 0) return expected;
  const double hz = static_cast<double>(clip.size() - 1) / span;
  if (std::abs(hz / expected.hz() - 1) < 0.01) return expected;
  const double whole = std::round(hz);
  if (whole < 1 || whole > 240)
    throw InputError(fmt::format("the rollout has {:.3f} frames a second, expected 1 to 240", hz));
  if (std::abs(hz / whole - 1) < 0.0005) return {static_cast<int>(whole), 1};
  return {static_cast<int>(std::lround(hz * 1001 / 1000)) * 1000, 1001};  // 24000/1001 and its kin
}

TakeResult judge(const Suite& suite, const Case& which, const Truth& truth, const std::string& generator,
                 const Clip& rollout) {
  TakeResult take;
  take.generator = generator;
  take.rollout_digest = digest_of(rollout);
  const Observation observation = observe(truth.episode, rollout, truth.second_takes);
  take.metrics = measure_all(observation);
  silence_false_alarms(suite, which, take.metrics);
  take.plausibility = plausibility_of(suite, which, take.metrics);
  return take;
}

std::optional<Clip> render_fault(const Scenarios& scenarios, const Suite& suite, const Case& which,
                                 const std::string& fault) {
  RenderOptions options = options_of(which, suite.size, suite.rate);
  options.truth = false;
  options.visibility = false;
  options.fault = fault;
  try {
    return render_episode(scenario_of(scenarios, which), which.split, which.take, options).clip;
  } catch (const InputError&) {
    return std::nullopt;
  }
}

CaseResult score_case(const Scenarios& scenarios, const Suite& suite, const Case& which, const Judged& judged,
                      const RolloutHook& hook) {
  const Truth truth = render_truth_and_twins(scenarios, suite, which, suite.size, suite.rate);
  const auto& info = truth.episode.info;
  CaseResult result{which, info.caption, info.context_frames, info.frame_count, {}};
  for (const auto& spec : judged.generators) {
    if (spec.kind == GeneratorSpec::Kind::kCommand || spec.kind == GeneratorSpec::Kind::kFolder) {
      result.takes.push_back(score_foreign(scenarios, suite, which, judged, spec, truth, hook));
      result.takes.back().plausibility = plausibility_of(suite, which, result.takes.back().metrics);
      continue;
    }
    const auto rollout = spec.kind == GeneratorSpec::Kind::kFault
                             ? render_fault(scenarios, suite, which, spec.command.front())
                             : baseline_rollout(spec.name, truth.episode, truth.other);
    if (!rollout) continue;
    if (hook) hook(which, spec.name, truth.episode, *rollout);
    result.takes.push_back(judge(suite, which, truth, spec.name, *rollout));
  }
  return result;
}

}  // namespace bitemark
