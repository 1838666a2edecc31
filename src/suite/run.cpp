#include "suite/run.h"

#include <fmt/format.h>

#include <mutex>
#include <span>

#include "base/error.h"
#include "base/files.h"
#include "base/interrupt.h"
#include "base/parallel.h"
#include "base/progress.h"
#include "base/safetensors.h"
#include "base/sha256.h"
#include "suite/agreement.h"
#include "suite/baselines.h"
#include "suite/distribution.h"

namespace bitemark {
namespace {

struct Run {
  const RunOptions& options;
  std::vector<Case> cases;
  std::vector<GeneratorSpec> generators;
  std::string key;  ///< of every case result: program, protocol, generators
  std::map<std::string, std::string> complaints;

  fs::path case_file(const Case& which) const { return options.out / "cases" / (which.id() + ".json"); }
  fs::path answers(const GeneratorSpec& spec) const {
    return spec.kind == GeneratorSpec::Kind::kFolder ? spec.folder
                                                     : options.out / "answers" / (spec.name + "-" + spec.fingerprint);
  }
};

std::vector<GeneratorSpec> all_generators(const std::vector<std::string>& texts) {
  std::vector<GeneratorSpec> specs;
  for (const auto& name : baseline_names()) specs.push_back(parse_generator(name));
  for (const auto& text : texts) {
    GeneratorSpec spec = parse_generator(text);
    for (const auto& other : specs)
      if (other.name == spec.name && !is_baseline(text)) spec.name += fmt::format("-{:.4}", spec.fingerprint);
    if (!is_baseline(text)) specs.push_back(spec);
  }
  return specs;
}

Json identity_of(const Run& run) {
  Json generators = Json::array();
  for (const auto& spec : run.generators) generators.push_back(spec.text);
  return {{"suite", run.options.suite.name}, {"generators", generators}};
}

void claim_folder(const Run& run) {
  const fs::path& out = run.options.out;
  const fs::path file = out / "run.json";
  const Json identity = identity_of(run);
  if (fs::exists(file)) {
    if (load_json(file) != identity)
      throw InputError(out.string(), "", "holds a run of another suite or of other generators; choose another --out");
    return;
  }
  if (fs::exists(out) && !(fs::is_directory(out) && fs::is_empty(out)))
    throw InputError(out.string(), "", "exists and is not a run; choose another --out");
  make_folder(out);
  save_json(file, identity);
}

bool finished(const Run& run, const Case& which, CaseResult& result) {
  const fs::path file = run.case_file(which);
  if (!fs::exists(file)) return false;
  try {
    const Json json = load_json(file);
    if (json_member<std::string>(json, "key", file.string()) != run.key) return false;
    result = case_result_from_json(json_member<Json>(json, "result", file.string()), file.string());
    return true;
  } catch (const InputError&) {
    return false;  // half a file from a crashed machine is a take that is not done
  }
}

/// The context of every take that has no answer yet, made on all cores.
std::vector<Conditioning> conditionings_for(const Run& run, const std::vector<Case>& cases) {
  const Suite& suite = run.options.suite;
  std::vector<Conditioning> takes(cases.size());
  parallel_for(cases.size(), run.options.threads, [&](std::size_t i) {
    stop_if_interrupted();
    const Episode truth = render_truth(run.options.scenarios, cases[i], suite.size, suite.rate);
    takes[i] = condition_on(truth, cases[i].id(), cases[i].seed());
  });
  return takes;
}

void ask_all(Run& run, const std::vector<Case>& cases) {
  for (const auto& spec : run.generators) {
    if (spec.kind != GeneratorSpec::Kind::kCommand) continue;
    std::vector<Case> open;
    for (const auto& which : cases)
      if (!has_answer(run.answers(spec), which.id())) open.push_back(which);
    if (open.empty()) continue;
    fmt::print(stderr, "{}: asking for {} takes\n", spec.name, open.size());
    const fs::path work = run.options.out / "work" / spec.name;
    make_folder(work);
    run.complaints[spec.name] =
        ask_generator(spec, conditionings_for(run, open), work, run.answers(spec), run.options.generator_limits);
    if (!run.complaints[spec.name].empty()) fmt::print(stderr, "{}: {}\n", spec.name, run.complaints[spec.name]);
  }
}

std::vector<std::uint8_t> pack(std::span<const Frame> frames) {
  std::vector<std::uint8_t> bytes;
  for (const auto& frame : frames) bytes.insert(bytes.end(), frame.rgb.begin(), frame.rgb.end());
  return bytes;
}

/// "frames": the continuation, "context": what it continues.
void keep_clip(const Run& run, const Case& which, const std::string& generator, const Episode& truth,
               const Clip& rollout) {
  const auto count = static_cast<std::size_t>(truth.info.context_frames);
  const std::span<const Frame> all(rollout.frames);
  const auto context = pack(all.first(count));
  const auto frames = pack(all.subspan(count));
  const auto shape = [&](std::size_t n) {
    return std::vector<std::int64_t>{static_cast<std::int64_t>(n), rollout.height(), rollout.width(), 3};
  };
  const fs::path folder = run.options.out / "clips" / generator;
  make_folder(folder);
  save_safetensors(folder / (which.id() + ".safetensors"),
                   {{"frames", DType::kU8, shape(all.size() - count), frames.data()},
                    {"context", DType::kU8, shape(count), context.data()}});
}

CaseResult judge_case(const Run& run, const Case& which) {
  stop_if_interrupted();
  const Judged judged{run.generators, [&](const GeneratorSpec& spec) { return run.answers(spec); },
                      [&](const GeneratorSpec& spec) {
                        const auto found = run.complaints.find(spec.name);
                        return found == run.complaints.end() ? std::string() : found->second;
                      }};
  CaseResult result = score_case(run.options.scenarios, run.options.suite, which, judged,
                                 [&](const Case& one, const std::string& generator, const Episode& truth,
                                     const Clip& rollout) { keep_clip(run, one, generator, truth, rollout); });
  save_json(run.case_file(which), {{"key", run.key}, {"result", to_json(result)}});
  return result;
}

std::string key_of(const Run& run) {
  std::string text = program_fingerprint() + protocol_fingerprint(run.options.suite, run.options.scenarios);
  for (const auto& spec : run.generators) text += "|" + spec.name + "=" + spec.fingerprint;
  return sha256_hex(text).substr(0, 16);
}

}  // namespace

std::string program_fingerprint() {
  static const std::string kDigest = sha256_of_file("/proc/self/exe").substr(0, 16);
  return kDigest;
}

RunOutcome run_suite(const RunOptions& options) {
  Run run{options, plan_cases(options.suite, options.selection), all_generators(options.generators), "", {}};
  RunOutcome outcome;
  if (run.cases.empty()) return outcome;
  claim_folder(run);
  run.key = key_of(run);
  make_folder(options.out / "cases");

  std::vector<CaseResult> results(run.cases.size());
  std::vector<std::size_t> open;
  std::vector<Case> open_cases;
  for (std::size_t i = 0; i < run.cases.size(); ++i)
    if (!finished(run, run.cases[i], results[i])) {
      open.push_back(i);
      open_cases.push_back(run.cases[i]);
    }
  outcome.reused = static_cast<int>(run.cases.size() - open.size());
  ask_all(run, open_cases);
  if (!open.empty()) {
    Progress progress("judging", static_cast<std::int64_t>(open.size()));
    parallel_for(open.size(), options.threads, [&](std::size_t k) {
      results[open[k]] = judge_case(run, run.cases[open[k]]);
      progress.advance(1, run.cases[open[k]].id());
    });
  }

  RunReport& report = outcome.report;
  report.suite = options.suite.name;
  report.suite_file = options.suite.file;
  report.protocol = protocol_fingerprint(options.suite, options.scenarios);
  report.environment = environment_fingerprint();
  for (const auto& spec : run.generators) {
    report.generators.push_back(spec.name);
    if (spec.kind != GeneratorSpec::Kind::kBaseline) {
      report.models[spec.name] = spec.text + " " + spec.fingerprint;
      report.subject = spec.name;
    }
  }
  report.size = options.suite.size;
  report.rate = options.suite.rate;
  report.cases = std::move(results);
  measure_distributions(options, report);
  measure_agreement(options, report);
  summarise(report);
  save_json(options.out / "report.json", to_json(report));
  return outcome;
}

}  // namespace bitemark
