#include "suite/distribution.h"

#include <fmt/format.h>

#include <Eigen/Core>

#include "base/error.h"
#include "base/files.h"
#include "base/safetensors.h"
#include "base/sha256.h"
#include "metrics/frechet.h"

namespace bitemark {
namespace {

constexpr int kWindowsADimension = 10;
constexpr const char* kReference = "oracle";

struct ClipRow {
  std::string generator;
  fs::path file;
};

/// All clips that the run has kept, reference first in no special order; sorted, so that the result has one order.
std::vector<ClipRow> clips_of(const RunOptions& options, const RunReport& report) {
  std::vector<ClipRow> rows;
  for (const auto& generator : report.generators)
    for (const auto& one : report.cases) {
      const fs::path file = options.out / "clips" / generator / (one.which.id() + ".safetensors");
      if (fs::exists(file)) rows.push_back({generator, file});
    }
  return rows;
}

std::string key_of(const RunOptions& options, const RunReport& report) {
  Sha256 hash;
  hash.update(program_fingerprint() + sha256_of_file(options.suite.features / "features.safetensors"));
  for (const auto& one : report.cases)
    for (const auto& take : one.takes) hash.update(one.which.id() + take.generator + take.rollout_digest);
  return hex(hash.finish()).substr(0, 16);
}

/// Runs the network over all clips; features [windows, dimensions] and the clip of each window.
struct Features {
  Eigen::MatrixXd values;
  std::vector<int> owner;
};

Features compute_features(const RunOptions& options, const std::vector<ClipRow>& rows) {
  const fs::path work = options.out / "work" / "features";
  std::error_code ignored;
  fs::remove_all(work, ignored);
  make_folder(work);
  Json ids = Json::array();
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const std::string id = fmt::format("{:05}", i);
    fs::create_symlink(fs::absolute(rows[i].file), work / (id + ".safetensors"));
    ids.push_back(id);
  }
  save_json(work / "clips.json", {{"clips", ids}});
  const fs::path out = work / "features.out.safetensors";
  const auto result =
      run_process({find_program("bitemark-model").string(), "features", "--checkpoint",
                   fs::absolute(options.suite.features).string(), "--clips", work.string(), "--out", out.string()},
                  options.generator_limits, {}, work / "features.log");
  if (!result.ok()) throw InputError("bitemark-model features", "", result.describe());
  const SafetensorsFile file(out);
  const auto& values = file.at("features", DType::kF32, {-1, -1});
  const auto& owner = file.at("owner", DType::kI32, {values.shape[0]});
  Features features;
  using RowMajor = Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
  features.values = Eigen::Map<const RowMajor>(values.as<float>(), values.shape[0], values.shape[1]).cast<double>();
  features.owner.assign(owner.as<std::int32_t>(), owner.as<std::int32_t>() + owner.count());
  return features;
}

Eigen::MatrixXd rows_of(const Features& features, const std::vector<ClipRow>& clips, const std::string& generator,
                        const std::vector<std::string>& only) {
  std::vector<Eigen::Index> picked;
  for (std::size_t i = 0; i < features.owner.size(); ++i) {
    const auto& clip = clips[static_cast<std::size_t>(features.owner[i])];
    const bool wanted = std::find(only.begin(), only.end(), clip.file.filename().string()) != only.end();
    if (clip.generator == generator && wanted) picked.push_back(static_cast<Eigen::Index>(i));
  }
  return features.values(picked, Eigen::all);
}

void compare_rows(const Features& features, const std::vector<ClipRow>& clips, RunReport& report) {
  for (const auto& generator : report.generators) {
    std::vector<std::string> shared;  // the same takes on both sides
    for (const auto& clip : clips)
      if (clip.generator == generator) shared.push_back(clip.file.filename().string());
    if (generator == kReference || shared.empty()) continue;
    const auto truth = rows_of(features, clips, kReference, shared);
    const auto rollouts = rows_of(features, clips, generator, shared);
    if (truth.rows() < 2 || rollouts.rows() < 2) continue;
    const auto dimensions = static_cast<int>(truth.cols());
    const auto windows = static_cast<int>(std::min(truth.rows(), rollouts.rows()));
    report.distributions.push_back({generator, frechet_distance(truth, rollouts), unbiased_mmd2(truth, rollouts),
                                    windows, static_cast<int>(shared.size()), dimensions,
                                    windows < kWindowsADimension * dimensions});
  }
}

}  // namespace

void measure_distributions(const RunOptions& options, RunReport& report) {
  if (options.suite.features.empty() || !fs::exists(options.suite.features / "features.safetensors")) return;
  try {
    find_program("bitemark-model");
  } catch (const InputError& error) {
    fmt::print(stderr, "FVD-sim is left out: {}\n", error.what());
    return;
  }
  report.features = "FVD-sim";
  const fs::path cache = options.out / "features.json";
  const std::string key = key_of(options, report);
  if (fs::exists(cache)) {
    const Json json = load_json(cache);
    if (json.value("key", "") == key) {
      for (const auto& one : json.at("distributions"))
        report.distributions.push_back({one.at("generator"), one.at("frechet"), one.at("mmd2"), one.at("windows"),
                                        one.at("clips"), one.at("dimensions"), one.at("small_sample")});
      return;
    }
  }
  const auto clips = clips_of(options, report);
  compare_rows(compute_features(options, clips), clips, report);
  Json rows = Json::array();
  for (const auto& one : report.distributions)
    rows.push_back({{"generator", one.generator},
                    {"frechet", one.frechet},
                    {"mmd2", one.mmd2},
                    {"windows", one.windows},
                    {"clips", one.clips},
                    {"dimensions", one.dimensions},
                    {"small_sample", one.small_sample}});
  save_json(cache, {{"key", key}, {"distributions", rows}});
}

}  // namespace bitemark
