#include "suite/distribution.h"

#include <fmt/format.h>

#include <Eigen/Core>
#include <functional>
#include <numeric>

#include "base/error.h"
#include "base/files.h"
#include "base/safetensors.h"
#include "base/sha256.h"
#include "metrics/frechet.h"
#include "suite/kept_clips.h"

namespace bitemark {
namespace {

constexpr int kWindowsADimension = 10;
constexpr const char* kReference = "oracle";
constexpr int kGroups = 10;
constexpr double kStudent = 2.262;  // 97.5 % of Student's t with kGroups - 1 degrees of freedom

/// The feature network: ours lies in a checkpoint folder, a published one is a TorchScript file.
struct Network {
  std::string space;               ///< the name that its distance may bear
  fs::path file;                   ///< what the fingerprint covers
  std::vector<std::string> words;  ///< for bitemark-model features
};

Network network_of(const fs::path& features) {
  const std::string path = fs::absolute(features).string();
  if (!fs::is_directory(features)) return {"FVD", features, {"--torchscript", path}};
  return {"FVD-sim", features / "features.safetensors", {"--checkpoint", path}};
}

/// Runs the network over all clips; features [windows, dimensions] and the clip of each window.
struct Features {
  Eigen::MatrixXd values;
  std::vector<int> owner;
};

Features compute_features(const RunOptions& options, const Network& network, const std::vector<KeptClip>& rows) {
  std::vector<std::string> words{"features"};
  words.insert(words.end(), network.words.begin(), network.words.end());
  const SafetensorsFile file(look_at_clips(options, words, rows));
  const auto& values = file.at("features", DType::kF32, {-1, -1});
  const auto& owner = file.at("owner", DType::kI32, {values.shape[0]});
  Features features;
  using RowMajor = Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
  features.values = Eigen::Map<const RowMajor>(values.as<float>(), values.shape[0], values.shape[1]).cast<double>();
  features.owner.assign(owner.as<std::int32_t>(), owner.as<std::int32_t>() + owner.count());
  return features;
}

/// One clip of the truth and the same take of a generator, as the windows' features of both.
struct PairedClip {
  Eigen::MatrixXd truth, rollout;
};

std::map<std::string, std::vector<Eigen::Index>> windows_by_take(const Features& features,
                                                                 const std::vector<KeptClip>& clips,
                                                                 const std::string& generator) {
  std::map<std::string, std::vector<Eigen::Index>> windows;
  for (std::size_t i = 0; i < features.owner.size(); ++i) {
    const auto& clip = clips[static_cast<std::size_t>(features.owner[i])];
    if (clip.generator == generator) windows[clip.file.filename().string()].push_back(static_cast<Eigen::Index>(i));
  }
  return windows;
}

std::vector<PairedClip> paired_clips(const Features& features, const std::vector<KeptClip>& clips,
                                     const std::string& generator) {
  const auto truth = windows_by_take(features, clips, kReference);
  std::vector<PairedClip> pairs;
  for (const auto& [take, windows] : windows_by_take(features, clips, generator))
    if (const auto found = truth.find(take); found != truth.end())
      pairs.push_back({features.values(found->second, Eigen::all), features.values(windows, Eigen::all)});
  return pairs;
}

Eigen::MatrixXd stacked(const std::vector<PairedClip>& pairs, Eigen::MatrixXd PairedClip::*side,
                        const std::function<bool(std::size_t)>& wanted) {
  Eigen::Index rows = 0, at = 0;
  for (std::size_t i = 0; i < pairs.size(); ++i) rows += wanted(i) ? (pairs[i].*side).rows() : 0;
  Eigen::MatrixXd all(rows, (pairs.front().*side).cols());
  for (std::size_t i = 0; i < pairs.size(); ++i) {
    if (!wanted(i)) continue;
    all.middleRows(at, (pairs[i].*side).rows()) = pairs[i].*side;
    at += (pairs[i].*side).rows();
  }
  return all;
}

/// Standard error by the delete-a-group jackknife (Kott 2001): clips leave in ten groups, with all their windows and
/// on both sides, so that windows of one rollout count once.
double standard_error(const std::vector<PairedClip>& pairs) {
  std::vector<double> values;
  for (int group = 0; group < kGroups; ++group) {
    const auto wanted = [&](std::size_t i) { return static_cast<int>(i) % kGroups != group; };
    values.push_back(
        frechet_distance(stacked(pairs, &PairedClip::truth, wanted), stacked(pairs, &PairedClip::rollout, wanted)));
  }
  const double mean = std::accumulate(values.begin(), values.end(), 0.0) / kGroups;
  double squares = 0;
  for (const double value : values) squares += (value - mean) * (value - mean);
  return std::sqrt(squares * (kGroups - 1) / kGroups);
}

DistributionResult compare_clips(const std::string& generator, const std::vector<PairedClip>& pairs) {
  const auto every = [](std::size_t) { return true; };
  const auto truth = stacked(pairs, &PairedClip::truth, every);
  const auto rollouts = stacked(pairs, &PairedClip::rollout, every);
  DistributionResult result;
  result.generator = generator;
  result.frechet = frechet_distance(truth, rollouts);
  result.half_width = kStudent * standard_error(pairs);
  result.mmd2 = unbiased_mmd2(truth, rollouts);
  result.windows = static_cast<int>(std::min(truth.rows(), rollouts.rows()));
  result.clips = static_cast<int>(pairs.size());
  result.dimensions = static_cast<int>(truth.cols());
  result.small_sample = result.windows < kWindowsADimension * result.dimensions;
  return result;
}

void compare_rows(const Features& features, const std::vector<KeptClip>& clips, RunReport& report) {
  for (const auto& generator : report.generators) {
    if (generator == kReference) continue;
    const auto pairs = paired_clips(features, clips, generator);
    if (pairs.size() >= 2 * kGroups) report.distributions.push_back(compare_clips(generator, pairs));
  }
}

}  // namespace

void measure_distributions(const RunOptions& options, RunReport& report) {
  const fs::path& features = options.features.empty() ? options.suite.features : options.features;
  if (features.empty()) return;
  const Network network = network_of(features);
  try {
    if (!fs::exists(network.file)) throw InputError(network.file.string(), "", "does not exist");
    find_program("bitemark-model");
  } catch (const InputError& error) {
    if (!options.features.empty()) throw;
    fmt::print(stderr, "{} is left out: {}\n", network.space, error.what());
    return;
  }
  report.features = network.space;
  report.features_digest = sha256_of_file(network.file).substr(0, 16);
  const fs::path cache = options.out / "features.json";
  const std::string key = key_of_clips(report, report.features_digest);
  if (fs::exists(cache)) {
    const Json json = load_json(cache);
    if (json.value("key", "") == key) {
      report.distributions =
          distributions_from_json(json_member<Json>(json, "distributions", cache.string()), cache.string());
      return;
    }
  }
  const auto clips = kept_clips(options, report);
  try {
    compare_rows(compute_features(options, network, clips), clips, report);
  } catch (const InputError& error) {
    if (!options.features.empty()) throw;
    fmt::print(stderr, "{} is left out: {}\n", network.space, error.what());  // no clip as long as a window, say
    return;
  }
  save_json(cache, {{"key", key}, {"distributions", to_json(report.distributions)}});
}

}  // namespace bitemark
