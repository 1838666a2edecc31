#include "suite/agreement.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "base/error.h"
#include "base/files.h"
#include "base/safetensors.h"
#include "base/sha256.h"
#include "suite/kept_clips.h"

namespace bitemark {
namespace {

constexpr const char* kReference = "oracle";
constexpr double kNoDifference = 1e-6;

/// One clip against all captions of the run.
struct Fit {
  double own = 0;        ///< cosine with its own caption
  double other = 0;      ///< mean cosine with the others
  double preferred = 0;  ///< share of the others that fit less well, ties half
};

Fit fit_of(const ShownClip& clip, const Eigen::MatrixXd& captions) {
  const Eigen::VectorXd cosines = captions * clip.place;
  const auto others = static_cast<double>(cosines.size() - 1);
  Fit fit;
  fit.own = cosines[clip.caption];
  fit.other = (cosines.sum() - fit.own) / others;
  for (Eigen::Index i = 0; i < cosines.size(); ++i)
    if (i != clip.caption) fit.preferred += (cosines[i] < fit.own ? 1 : cosines[i] == fit.own ? 0.5 : 0) / others;
  return fit;
}

/// The checkpoint that judges; empty = none.
fs::path judge_of(const RunOptions& options) {
  if (!options.judge.empty()) return options.judge;
  const fs::path& features = options.features.empty() ? options.suite.features : options.features;
  const bool sees = fs::exists(features / "image.safetensors") || fs::exists(features / "vision.safetensors");
  return !features.empty() && sees ? features : fs::path();
}

std::string digest_of_judge(const fs::path& judge) {
  Sha256 hash;
  for (const char* file :
       {"config.json", "image.safetensors", "text.safetensors", "tokenizer.json", "vision.safetensors"})
    if (fs::exists(judge / file)) hash.update(std::string(file) + sha256_of_file(judge / file));
  return hex(hash.finish()).substr(0, 16);
}

Eigen::MatrixXd matrix_of(const SafetensorsFile& file, const std::string& name) {
  using RowMajor = Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
  const auto& view = file.at(name, DType::kF32, {-1, -1});
  return Eigen::Map<const RowMajor>(view.as<float>(), view.shape[0], view.shape[1]).cast<double>();
}

std::vector<AgreementResult> ask_judge(const RunOptions& options, const RunReport& report, const fs::path& judge) {
  std::set<std::string> distinct;
  for (const auto& one : report.cases) distinct.insert(one.caption);
  const std::vector<std::string> captions(distinct.begin(), distinct.end());
  if (captions.size() < 2) return {};
  const auto kept = kept_clips(options, report);
  const SafetensorsFile file(
      look_at_clips(options, {"embed", "--checkpoint", fs::absolute(judge).string()}, kept, {{"captions", captions}}));
  const Eigen::MatrixXd places = matrix_of(file, "clips");
  std::map<std::pair<std::string, std::string>, Eigen::Index> rows;
  for (std::size_t i = 0; i < kept.size(); ++i)
    rows[{kept[i].generator, kept[i].one->which.id()}] = static_cast<Eigen::Index>(i);
  std::vector<ShownClip> clips;
  for (const auto& one : report.cases)
    for (const auto& take : one.takes) {
      const auto caption = std::lower_bound(captions.begin(), captions.end(), one.caption) - captions.begin();
      clips.push_back({take.generator, one.which.id(), one.which.scenario, caption, {}});
      const auto row = rows.find({take.generator, one.which.id()});
      if (row != rows.end() && take.failure.empty()) clips.back().place = places.row(row->second).transpose();
    }
  return rate_agreement(report.generators, clips, matrix_of(file, "captions"));
}

}  // namespace

std::vector<AgreementResult> rate_agreement(const std::vector<std::string>& generators,
                                            const std::vector<ShownClip>& clips, const Eigen::MatrixXd& captions) {
  std::vector<AgreementResult> results;
  if (captions.rows() < 2) return results;
  std::map<std::string, Fit> truths;
  for (const auto& clip : clips)
    if (clip.generator == kReference) truths[clip.id] = fit_of(clip, captions);
  for (const auto& generator : generators) {
    AgreementResult result;
    result.generator = generator;
    std::vector<Value> values;
    double ceiling = 0, floor = 0;
    for (const auto& clip : clips) {
      if (clip.generator != generator) continue;
      const Fit& truth = truths.at(clip.id);
      const bool lost = clip.place.size() == 0;
      const Fit fit = lost ? Fit{truth.other, truth.other, 0} : fit_of(clip, captions);
      if (!lost) result.takes[clip.id] = fit.own;
      values.push_back({clip.scenario, fit.own});
      result.other += fit.other;
      result.preferred += fit.preferred;
      ceiling += truth.own;
      floor += truth.other;
    }
    if (values.empty()) continue;
    const auto count = static_cast<double>(values.size());
    result.own = estimate_mean(values);
    result.own.low = std::max(result.own.low, -1.0);  // no cosine lies beyond
    result.own.high = std::min(result.own.high, 1.0);
    result.other /= count;
    result.preferred /= count;
    const double range = (ceiling - floor) / count;
    result.score = range > kNoDifference ? (result.own.mean - floor / count) / range : 0;
    results.push_back(result);
  }
  return results;
}

void measure_agreement(const RunOptions& options, RunReport& report) {
  const fs::path judge = judge_of(options);
  if (judge.empty()) return;
  report.judge = judge.filename().empty() ? judge.parent_path().filename() : judge.filename();
  report.judge_digest = digest_of_judge(judge);
  const fs::path cache = options.out / "agreement.json";
  const std::string key = key_of_clips(report, report.judge_digest);
  if (fs::exists(cache)) {
    const Json json = load_json(cache);
    if (json.value("key", "") == key) {
      report.agreements = agreements_from_json(json_member<Json>(json, "agreements", cache.string()), cache.string());
      return;
    }
  }
  try {
    report.agreements = ask_judge(options, report, judge);
  } catch (const InputError& error) {
    if (!options.judge.empty()) throw;
    fmt::print(stderr, "caption agreement is left out: {}\n", error.what());
    return;
  }
  save_json(cache, {{"key", key}, {"agreements", to_json(report.agreements)}});
}

}  // namespace bitemark
