#include "suite/generator.h"

#include <fmt/format.h>

#include <algorithm>
#include <functional>

#include "base/error.h"
#include "base/files.h"
#include "base/sha256.h"
#include "suite/baselines.h"
#include "video/video_file.h"

namespace bitemark {
namespace {

/// Names and contents of the wanted files below, in the order of their names.
std::string digest_of_files(const fs::path& folder, const std::function<bool(const fs::path&)>& wanted) {
  std::vector<fs::path> files;
  for (const auto& entry : fs::recursive_directory_iterator(folder))
    if (entry.is_regular_file() && wanted(entry.path())) files.push_back(entry.path());
  std::sort(files.begin(), files.end());
  Sha256 hash;
  for (const auto& file : files) hash.update(fs::relative(file, folder).string() + "|" + sha256_of_file(file) + "|");
  return hex(hash.finish()).substr(0, 16);
}

std::string last_name(fs::path path) {
  if (path.filename().empty()) path = path.parent_path();
  return path.filename().string();
}

fs::path existing_folder(const std::string& text) {
  if (!fs::is_directory(text)) throw InputError(text, "", "is not a folder");
  return text;
}

/// The fingerprint covers what the model computes with, not its card.
GeneratorSpec checkpoint(const std::string& text, const std::string& rest) {
  const fs::path folder = existing_folder(rest);
  if (!fs::exists(folder / "config.json")) throw InputError(rest, "", "is not a checkpoint: it holds no config.json");
  return {GeneratorSpec::Kind::kCommand,
          text,
          last_name(folder),
          {find_program("bitemark-model").string(), "rollout", "--checkpoint", fs::absolute(folder).string()},
          folder,
          digest_of_files(folder, [](const fs::path& file) {
            return file.extension() == ".safetensors" || file.extension() == ".json";
          })};
}

GeneratorSpec command(const std::string& text, const std::string& rest) {
  const auto words = split_command(rest);
  if (words.empty()) throw InputError("\"" + text + "\" names no program");
  return {GeneratorSpec::Kind::kCommand, text, "command", words, {}, sha256_hex(rest).substr(0, 16)};
}

GeneratorSpec folder(const std::string& text, const std::string& rest) {
  const fs::path path = existing_folder(rest);
  return {GeneratorSpec::Kind::kFolder, text, last_name(path), {}, path, digest_of_files(path, [](const fs::path&) {
            return true;
          })};
}

}  // namespace

fs::path find_answer(const fs::path& folder, const std::string& id) {
  for (const char* name : {"rollout.safetensors", "rollout.mkv", "rollout.mp4", "rollout.webm", "frames"})
    if (fs::exists(folder / id / name)) return folder / id / name;
  for (const char* extension : {".mkv", ".mp4", ".webm"})
    if (fs::exists(folder / (id + extension))) return folder / (id + extension);
  return {};
}

GeneratorSpec parse_generator(const std::string& text) {
  if (is_baseline(text)) return {GeneratorSpec::Kind::kBaseline, text, text, {}, {}, "baseline"};
  const auto colon = text.find(':');
  const std::string kind = text.substr(0, colon);
  const std::string rest = colon == std::string::npos ? "" : text.substr(colon + 1);
  if (kind == "fault" && !rest.empty()) return {GeneratorSpec::Kind::kFault, text, "fault-" + rest, {rest}, {}, text};
  if (kind == "checkpoint") return checkpoint(text, rest);
  if (kind == "command") return command(text, rest);
  if (kind == "folder") return folder(text, rest);
  throw InputError(fmt::format(
      "there is no generator \"{}\", expected checkpoint:DIR, command:'WORDS', folder:DIR, fault:NAME or one of {}",
      text, fmt::join(baseline_names(), ", ")));
}

bool has_answer(const std::filesystem::path& folder, const std::string& id) { return !find_answer(folder, id).empty(); }

bool has_surprise(const std::filesystem::path& folder, const std::string& id) {
  return fs::exists(folder / id / "surprise.safetensors");
}

std::string ask_generator(const GeneratorSpec& spec, const std::vector<Conditioning>& takes,
                          const std::filesystem::path& work, const std::filesystem::path& answers,
                          const ProcessLimits& limits) {
  std::vector<Conditioning> missing;
  for (const auto& take : takes)
    if (take.watched.empty() ? !has_answer(answers, take.id) : !has_surprise(answers, take.id)) missing.push_back(take);
  if (missing.empty()) return "";
  const fs::path request = work / "request";
  std::error_code ignored;
  fs::remove_all(request, ignored);
  make_folder(request);
  make_folder(answers);
  write_request(request, missing);
  std::vector<std::string> words = spec.command;
  words.push_back(fs::absolute(request).string());
  words.push_back(fs::absolute(answers).string());
  const auto result = run_process(words, limits, work / "generator.out", work / "generator.log");
  if (result.ok()) return "";
  // Our own program says so when it was stopped half-way, by a full disk for one. With others a 2 is bad usage.
  const bool ours = !spec.folder.empty();
  if (ours && result.exit_code == static_cast<int>(ExitCode::kInterrupted))
    throw InterruptedError("the generator " + result.describe());
  return fmt::format("the generator {}", result.describe());
}

Clip read_answer(const std::filesystem::path& folder, const std::string& id, Rate rate) {
  const fs::path path = find_answer(folder, id);
  if (path.empty()) throw InputError((folder / id).string(), "", "holds no answer");
  return read_clip(path, rate);
}

}  // namespace bitemark
