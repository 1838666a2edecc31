#include "suite/repro.h"

#include <algorithm>

#include "base/error.h"
#include "base/files.h"
#include "suite/baselines.h"
#include "suite/run.h"
#include "suite/side_by_side.h"
#include "video/png.h"
#include "video/video_file.h"

namespace bitemark {
namespace {

constexpr int kStripColumns = 12;

int magnification(const FrameSize& size) { return std::max(1, 192 / size.width); }

Clip rollout_of(const GeneratorSpec& spec, const Suite& suite, const Scenarios& scenarios, const Case& which,
                const Truth& truth, const fs::path& out, const ProcessLimits& limits) {
  if (spec.kind == GeneratorSpec::Kind::kBaseline || spec.kind == GeneratorSpec::Kind::kFault) {
    const auto clip = spec.kind == GeneratorSpec::Kind::kFault
                          ? render_fault(scenarios, suite, which, spec.command.front())
                          : baseline_rollout(spec.name, truth.episode, truth.other);
    if (!clip) throw InputError("the generator " + spec.text + " does not apply to " + which.id());
    return *clip;
  }
  if (spec.kind == GeneratorSpec::Kind::kFolder)
    return with_context(truth.episode, read_answer(spec.folder, which.id(), suite.rate));
  const fs::path answers = out / "answers";
  std::error_code ignored;
  fs::remove_all(answers, ignored);
  const auto complaint =
      ask_generator(spec, {condition_on(truth.episode, which.id(), which.seed())}, out / "work", answers, limits);
  if (!complaint.empty()) throw InputError(spec.text, "", complaint);
  return with_context(truth.episode, read_answer(answers, which.id(), suite.rate));
}

}  // namespace

ReproCase load_repro_case(const std::filesystem::path& path) {
  const std::string file = path.string();
  const Json json = load_json(path);
  if (const int schema = json_member<int>(json, "schema", file); schema != 1)
    throw InputError(file, "/schema", "is " + std::to_string(schema) + ", expected 1");
  ReproCase one;
  one.which = {json_member<std::string>(json, "scenario", file), json_member<std::string>(json, "mode", file),
               json_member<std::string>(json, "split", file), json_member<int>(json, "take", file)};
  one.generator = json_member<std::string>(json, "generator", file);
  one.fingerprint = json_member<std::string>(json, "generator_fingerprint", file);
  one.size = size_member(json, file);
  one.rate = parse_rate(json_member<std::string>(json, "fps", file));
  one.second_takes = std::clamp(json_member<int>(json, "second_takes", file), 1, 64);
  one.truth_digest = json_member<std::string>(json, "truth_digest", file);
  one.rollout_digest = json_member<std::string>(json, "rollout_digest", file);
  one.first_wrong_frame = json_member<int>(json, "first_wrong_frame", file);
  one.violation = json_member<std::string>(json, "violation", file);
  one.environment = json_member<std::map<std::string, std::string>>(json, "environment", file);
  return one;
}

void save_repro_case(const std::filesystem::path& file, const ReproCase& one) {
  save_json(file, {{"schema", 1},
                   {"scenario", one.which.scenario},
                   {"mode", one.which.mode},
                   {"split", one.which.split},
                   {"take", one.which.take},
                   {"generator", one.generator},
                   {"generator_fingerprint", one.fingerprint},
                   {"size", to_json(one.size)},
                   {"fps", to_text(one.rate)},
                   {"second_takes", one.second_takes},
                   {"truth_digest", one.truth_digest},
                   {"rollout_digest", one.rollout_digest},
                   {"first_wrong_frame", one.first_wrong_frame},
                   {"violation", one.violation},
                   {"environment", one.environment}});
}

ReproOutcome reproduce(const ReproCase& one, const Scenarios& scenarios, const std::filesystem::path& out,
                       const ProcessLimits& limits) {
  Suite suite;
  suite.size = one.size;
  suite.rate = one.rate;
  suite.second_takes = one.second_takes;
  const GeneratorSpec spec = parse_generator(one.generator);
  const Truth truth = render_truth_and_twins(scenarios, suite, one.which, one.size, one.rate);
  make_folder(out);
  const Clip rollout = rollout_of(spec, suite, scenarios, one.which, truth, out, limits);

  ReproOutcome outcome;
  outcome.take = judge(suite, one.which, truth, spec.name, rollout);
  outcome.first = first_violation(outcome.take.metrics);
  outcome.truth_digest = digest_of(truth.episode.clip);
  outcome.rollout_digest = outcome.take.rollout_digest;
  outcome.truth_exact = outcome.truth_digest == one.truth_digest;
  outcome.rollout_exact = outcome.rollout_digest == one.rollout_digest;

  const int first = outcome.first == nullptr ? -1 : outcome.first->frame;
  const int factor = magnification(one.size);
  write_video(out / "side-by-side.mp4", Codec::kH264, side_by_side(truth.episode.clip, rollout, first, factor),
              one.rate);
  write_png(out / "strip.png", film_strip(truth.episode.clip, rollout, first, kStripColumns, std::max(1, factor / 2)));
  ReproCase now = one;
  now.fingerprint = spec.fingerprint;
  now.truth_digest = outcome.truth_digest;
  now.rollout_digest = outcome.rollout_digest;
  now.first_wrong_frame = first;
  now.violation = outcome.first == nullptr ? "" : outcome.first->text;
  now.environment = environment_fingerprint();
  save_repro_case(out / "case.json", now);
  return outcome;
}

}  // namespace bitemark
