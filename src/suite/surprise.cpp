#include "suite/surprise.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>

#include "base/error.h"
#include "base/files.h"
#include "base/interrupt.h"
#include "base/parallel.h"
#include "base/sha256.h"
#include "sim/quadruplet.h"

namespace bitemark {
namespace {

/// A clip on its way to the generator and back.
struct Exhibit {
  Shown shown;
  std::string name;  ///< the take, and what was done to it
  Conditioning request;
};

/// What the generator calls it: the take, and a number that does not give away what was done to it.
std::string blind_id(const Case& which, const std::string& name) {
  return which.id() + "." + sha256_hex(name).substr(0, 12);
}

Exhibit exhibit_of(const Case& which, const std::string& member, const Episode& truth, const Clip& clip, Shown shown) {
  const std::string name = which.id() + "." + member;
  Conditioning request = condition_on(truth, blind_id(which, name), which.seed());
  request.watched.assign(clip.frames.begin() + static_cast<std::ptrdiff_t>(request.context.size()), clip.frames.end());
  return {std::move(shown), name, std::move(request)};
}

/// The true take and its faulty twins, all with the same noise.
std::vector<Exhibit> twins(const SurpriseOptions& options, const Case& which) {
  const Suite& suite = options.suite;
  const Episode truth = render_truth(options.scenarios, which, suite.size, suite.rate);
  std::vector<Exhibit> exhibits;
  const auto show = [&](const std::string& against, bool possible, const Clip& clip) {
    exhibits.push_back(exhibit_of(which, possible ? "true" : against, truth, clip,
                                  {which.scenario, against, which.take, possible, 0}));
  };
  show("", true, truth.clip);
  for (const auto& fault : options.faults) {
    if (std::find(fault.scenarios.begin(), fault.scenarios.end(), which.scenario) == fault.scenarios.end()) continue;
    if (const auto clip = render_fault(options.scenarios, suite, which, fault.name)) show(fault.name, false, *clip);
  }
  return exhibits;
}

/// Nothing where at no frame everything that differs is hidden.
std::vector<Exhibit> quadruplet(const SurpriseOptions& options, const Case& which, const std::string& kind) {
  RenderOptions render;
  render.width = options.suite.size.width;
  render.height = options.suite.size.height;
  render.rate = options.suite.rate;
  render.truth = render.visibility = true;
  render.threads = 1;
  std::map<std::string, MemorySink> sinks;
  try {
    render_quadruplet(options.scenarios.at(which.scenario), which.split, which.take, render, kind,
                      [&](const std::string& member) -> EpisodeSink& { return sinks[member]; });
  } catch (const InputError&) {
    return {};
  }
  std::vector<Exhibit> exhibits;
  for (const char* member : kQuadruplet) {
    const Episode& episode = sinks.at(member).episode;
    const std::string against = "quadruplet-" + kind;
    const bool possible = episode.info.quadruplet.at("possible").get<bool>();
    exhibits.push_back(exhibit_of(which, against + "." + member, episode, episode.clip,
                                  {which.scenario, against, which.take, possible, 0}));
  }
  return exhibits;
}

std::vector<Exhibit> all_exhibits(const SurpriseOptions& options) {
  std::vector<Case> cases;
  for (const Case& which : plan_cases(options.suite, {{}, {}, options.takes}))
    if (which.mode == "continuation") cases.push_back(which);
  std::vector<std::vector<Exhibit>> by_case(cases.size());
  parallel_for(cases.size(), options.threads, [&](std::size_t i) {
    stop_if_interrupted();
    by_case[i] = twins(options, cases[i]);
    if (options.scenarios.at(cases[i].scenario).family != "permanence") return;
    for (const char* kind : kQuadrupletKinds)
      for (auto& exhibit : quadruplet(options, cases[i], kind)) by_case[i].push_back(std::move(exhibit));
  });
  std::vector<Exhibit> all;
  for (auto& exhibits : by_case)
    for (auto& exhibit : exhibits) all.push_back(std::move(exhibit));
  // Nor does their order.
  std::sort(all.begin(), all.end(), [](const Exhibit& a, const Exhibit& b) { return a.request.id < b.request.id; });
  return all;
}

bool is_quadruplet(const std::string& against) { return against.starts_with("quadruplet-"); }

/// The possible clips that `against` is held against: a take's truth, or the quadruplet's own.
bool belongs(const Shown& clip, const std::string& against) {
  return clip.against == against || (clip.against.empty() && !is_quadruplet(against));
}

struct Takes {
  std::vector<double> possible, impossible;
};
using ByTake = std::map<std::pair<std::string, int>, Takes>;

/// Takes that have both sides.
ByTake sides(const std::vector<Shown>& shown, const std::string& against) {
  ByTake takes;
  for (const auto& clip : shown)
    if (belongs(clip, against)) {
      Takes& take = takes[{clip.scenario, clip.take}];
      (clip.possible ? take.possible : take.impossible).push_back(clip.surprise);
    }
  std::erase_if(takes,
                [](const auto& entry) { return entry.second.possible.empty() || entry.second.impossible.empty(); });
  return takes;
}

double total(const std::vector<double>& values) { return std::accumulate(values.begin(), values.end(), 0.0); }

/// What all rows are made of: values with their scenario.
struct Pool {
  std::vector<Value> relative, possible, impossible, preference;

  void add(const ByTake& takes) {
    std::map<std::string, Takes> by_scenario;
    for (const auto& [which, take] : takes) {
      const double right = total(take.impossible), wrong = total(take.possible);
      relative.push_back({which.first, wrong > right ? 1.0 : wrong == right ? 0.5 : 0.0});
      for (const double value : take.possible) {
        possible.push_back({which.first, value});
        by_scenario[which.first].possible.push_back(value);
      }
      for (const double value : take.impossible) {
        impossible.push_back({which.first, value});
        by_scenario[which.first].impossible.push_back(value);
      }
    }
    for (const auto& [scenario, both] : by_scenario) {
      double wrong = 0;
      for (const double p : both.possible)
        wrong += static_cast<double>(
            std::count_if(both.impossible.begin(), both.impossible.end(), [p](double i) { return p > i; }));
      preference.push_back({scenario, wrong / static_cast<double>(both.possible.size() * both.impossible.size())});
    }
  }

  SurpriseRow row(const std::string& against) const {
    const Auroc area = auroc(possible, impossible);
    const Estimate first = estimate_mean(relative), third = estimate_mean(preference);
    return {against, static_cast<int>(possible.size() + impossible.size()), of_takes(first.mean, first.low, first.high),
            of_takes(1 - area.value, 1 - area.high, 1 - area.low), of_takes(third.mean, third.low, third.high)};
  }

  /// An interval over scenarios is empty where all agree, however few they are: never less than that of so many takes.
  ErrorRate of_takes(double value, double low, double high) const {
    const int n = static_cast<int>(relative.size());
    const auto [least, most] = wilson_interval(static_cast<int>(std::lround(value * n)), n);
    return {value, std::clamp(std::min(low, least), 0.0, value), std::clamp(std::max(high, most), value, 1.0)};
  }
};

void hear(const SurpriseOptions& options, std::vector<Exhibit>& exhibits, SurpriseOutcome& outcome,
          std::vector<Shown>& shown) {
  const fs::path answers = options.out / "answers";
  for (auto& exhibit : exhibits) {
    try {
      const auto by_frame = read_surprise(answers, exhibit.request.id, exhibit.request.watched.size());
      exhibit.shown.surprise =
          std::accumulate(by_frame.begin(), by_frame.end(), 0.0) / static_cast<double>(by_frame.size());
      shown.push_back(exhibit.shown);
    } catch (const InputError& error) {
      outcome.missing.push_back(exhibit.name + ": " + error.what());
    }
  }
}

Json to_json(const ErrorRate& rate) { return {{"value", rate.value}, {"low", rate.low}, {"high", rate.high}}; }

}  // namespace

std::vector<SurpriseRow> rate_surprise(const std::vector<Shown>& shown) {
  std::vector<std::string> kinds;
  for (const auto& clip : shown)
    if (!clip.against.empty() && std::find(kinds.begin(), kinds.end(), clip.against) == kinds.end())
      kinds.push_back(clip.against);
  std::sort(kinds.begin(), kinds.end());
  std::vector<SurpriseRow> rows;
  Pool all;
  for (const auto& kind : kinds) {
    const ByTake takes = sides(shown, kind);
    if (takes.empty()) continue;
    Pool pool;
    pool.add(takes);
    all.add(takes);
    rows.push_back(pool.row(kind));
  }
  if (!rows.empty()) rows.push_back(all.row("all"));
  return rows;
}

SurpriseOutcome measure_surprise(const SurpriseOptions& options) {
  GeneratorSpec spec = parse_generator(options.generator);
  if (spec.kind != GeneratorSpec::Kind::kCommand)
    throw InputError("surprise is asked of checkpoint:DIR or command:'WORDS', found \"" + options.generator + "\"");
  make_folder(options.out);
  const fs::path file = options.out / "run.json";
  const Json identity = {{"suite", options.suite.name}, {"generator", spec.text}, {"fingerprint", spec.fingerprint}};
  if (fs::exists(file) && load_json(file) != identity)
    throw InputError(options.out.string(), "",
                     "holds the surprise of another generator or suite; choose another --out");
  save_json(file, identity);

  std::vector<Exhibit> exhibits = all_exhibits(options);
  std::vector<Conditioning> requests;
  for (const auto& exhibit : exhibits) requests.push_back(exhibit.request);
  const std::string wrong = ask_generator(spec, requests, options.out, options.out / "answers", options.limits);
  SurpriseOutcome outcome;
  std::vector<Shown> shown;
  hear(options, exhibits, outcome, shown);
  if (shown.empty())
    throw InputError(options.generator, "", wrong.empty() ? "answered no clip with its surprise" : wrong);
  outcome.rows = rate_surprise(shown);
  save_json(options.out / "surprise.json", {{"rows", to_json(outcome.rows)}, {"missing", outcome.missing}});
  return outcome;
}

Json to_json(const std::vector<SurpriseRow>& rows) {
  Json json = Json::array();
  for (const auto& row : rows)
    json.push_back({{"against", row.against},
                    {"clips", row.clips},
                    {"relative_error", to_json(row.relative)},
                    {"absolute_error", to_json(row.absolute)},
                    {"preference_error", to_json(row.preference)}});
  return json;
}

}  // namespace bitemark
