#include "suite/plan.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/error.h"
#include "base/files.h"
#include "base/json.h"
#include "base/random.h"
#include "base/sha256.h"

namespace bitemark {
namespace {

// Raised whenever a metric, the tracker or the renderer changes what a score means.
constexpr int kMetricsVersion = 2;

void check_choice(const std::string& file, const std::string& pointer, const std::string& value,
                  const std::vector<std::string>& choices) {
  if (std::find(choices.begin(), choices.end(), value) == choices.end())
    throw InputError(file, pointer, fmt::format("is \"{}\", expected one of {}", value, fmt::join(choices, ", ")));
}

void check_range(const std::string& file, const std::string& pointer, int value, int low, int high) {
  if (value < low || value > high)
    throw InputError(file, pointer, fmt::format("is {}, expected {} to {}", value, low, high));
}

SuiteEntry entry_from(const Json& json, const std::string& file, const std::string& where) {
  SuiteEntry entry;
  entry.scenario = json_member<std::string>(json, "scenario", file, where);
  entry.mode = json_member_or<std::string>(json, "mode", "continuation", file, where);
  entry.split = json_member_or<std::string>(json, "split", "test", file, where);
  entry.takes = json_member<int>(json, "takes", file, where);
  entry.first = json_member_or(json, "first", 0, file, where);
  expect_members(json, {"scenario", "mode", "split", "takes", "first"}, file, where);
  check_choice(file, where + "/mode", entry.mode, {"continuation", "text-to-video"});
  check_choice(file, where + "/split", entry.split, {"train", "test", "ood"});
  check_range(file, where + "/takes", entry.takes, 1, 100000);
  check_range(file, where + "/first", entry.first, 0, 1 << 24);
  return entry;
}

fs::path calibration_path(const Suite& suite) {
  return fs::path(suite.file).parent_path() / (fs::path(suite.file).stem().string() + ".calibration.json");
}

void load_calibration(Suite& suite) {
  const fs::path path = calibration_path(suite);
  if (!fs::exists(path)) return;
  const std::string file = path.string();
  const Json json = load_json(path);
  const auto measurements = json_member<Json>(json, "measurements", file);
  for (const auto& [key, entry] : measurements.items())
    suite.calibration.measurements[key] = {json_member<double>(entry, "ceiling", file, "/measurements/" + key),
                                           json_member<double>(entry, "floor", file, "/measurements/" + key)};
  const auto alarms = json_member<Json>(json, "false_alarms", file);
  for (const auto& [key, entry] : alarms.items())
    suite.calibration.false_alarms[key] = {json_member<int>(entry, "alarms", file, "/false_alarms/" + key),
                                           json_member<int>(entry, "second_takes", file, "/false_alarms/" + key)};
  suite.calibration_version = sha256_hex(json.dump()).substr(0, 16);
}

}  // namespace

std::string Case::id() const {
  return fmt::format("{}{}-{}-{}", scenario, mode == "text-to-video" ? "-t2v" : "", split, take);
}

std::uint64_t Case::seed() const { return seed_from_text("rollout|" + id()); }

Suite load_suite(const std::filesystem::path& path, bool with_calibration) {
  Suite suite;
  suite.file = path.string();
  const Json json = load_json(path);
  const std::string& file = suite.file;
  suite.name = json_member<std::string>(json, "name", file);
  suite.size = size_member(json, file);
  suite.rate = parse_rate(json_member<std::string>(json, "fps", file));
  suite.second_takes = json_member<int>(json, "second_takes", file);
  check_range(file, "/second_takes", suite.second_takes, 1, 64);
  suite.features = json_member_or<std::string>(json, "features", "", file);
  expect_members(json, {"name", "size", "fps", "second_takes", "features", "entries"}, file);
  const auto entries = json_member<Json>(json, "entries", file);
  if (!entries.is_array() || entries.empty()) throw InputError(file, "/entries", "is not a list of at least one entry");
  for (std::size_t i = 0; i < entries.size(); ++i)
    suite.entries.push_back(entry_from(entries[i], file, fmt::format("/entries/{}", i)));
  if (with_calibration) load_calibration(suite);
  return suite;
}

FrameSize size_member(const Json& json, const std::string& file) {
  FrameSize size;
  if (json.contains("size") && json.at("size").is_string()) {
    try {
      size = parse_size(json.at("size").get<std::string>());
    } catch (const InputError& error) {
      throw InputError(file, "/size", error.what());
    }
  } else {
    size.width = size.height = json_member<int>(json, "size", file);
  }
  for (const int side : {size.width, size.height}) check_range(file, "/size", side, 32, 1024);
  return size;
}

Json to_json(const FrameSize& size) { return size.width == size.height ? Json(size.width) : Json(to_text(size)); }

std::filesystem::path find_suite(const std::string& name, const std::filesystem::path& scenarios) {
  if (fs::exists(name)) return name;
  const fs::path path = scenarios / "suites" / (name + ".json");
  if (!fs::exists(path))
    throw InputError("there is no suite \"" + name + "\", expected a file or a name in " + path.parent_path().string());
  return path;
}

void save_calibration(const Suite& suite, const Constants& constants) {
  Json measurements = Json::object(), alarms = Json::object();
  for (const auto& [key, one] : constants.measurements)
    measurements[key] = {{"ceiling", one.ceiling}, {"floor", one.floor}};
  for (const auto& [key, one] : constants.false_alarms)
    alarms[key] = {{"alarms", one.alarms}, {"second_takes", one.second_takes}};
  save_json(calibration_path(suite), {{"schema", 2}, {"measurements", measurements}, {"false_alarms", alarms}});
}

std::vector<Case> plan_cases(const Suite& suite, const Selection& selection) {
  const auto wanted = [](const std::vector<std::string>& list, const std::string& value) {
    return list.empty() || std::find(list.begin(), list.end(), value) != list.end();
  };
  std::vector<Case> cases;
  for (const auto& entry : suite.entries) {
    if (!wanted(selection.scenarios, entry.scenario)) continue;
    const int takes = std::min(entry.takes, selection.limit.value_or(entry.takes));
    for (int k = 0; k < takes; ++k) {
      Case one{entry.scenario, entry.mode, entry.split, entry.first + k};
      if (wanted(selection.ids, one.id())) cases.push_back(one);
    }
  }
  return cases;
}

std::string protocol_fingerprint(const Suite& suite, const std::map<std::string, Scenario>& scenarios) {
  Sha256 hash;
  hash.update(
      fmt::format("metrics {}|size {}|fps {}|second {}|calibration {}|", kMetricsVersion,
                  suite.size.width == suite.size.height ? std::to_string(suite.size.width) : to_text(suite.size),
                  to_text(suite.rate), suite.second_takes, suite.calibration_version));
  for (const auto& entry : suite.entries)
    hash.update(fmt::format("{} {} {} {} {}|", entry.scenario, entry.mode, entry.split, entry.first, entry.takes));
  for (const auto& [name, scenario] : scenarios) hash.update(name + scenario.document.dump());
  return hex(hash.finish()).substr(0, 16);
}

}  // namespace bitemark
