#include "suite/kept_clips.h"

#include <fmt/format.h>

#include "base/error.h"
#include "base/files.h"
#include "base/sha256.h"

namespace bitemark {

std::vector<KeptClip> kept_clips(const RunOptions& options, const RunReport& report) {
  std::vector<KeptClip> clips;
  for (const auto& generator : report.generators)
    for (const auto& one : report.cases) {
      const fs::path file = options.out / "clips" / generator / (one.which.id() + ".safetensors");
      if (fs::exists(file)) clips.push_back({generator, &one, file});
    }
  return clips;
}

std::string key_of_clips(const RunReport& report, const std::string& network) {
  Sha256 hash;
  hash.update(program_fingerprint() + network);
  for (const auto& one : report.cases)
    for (const auto& take : one.takes) hash.update(one.which.id() + take.generator + take.rollout_digest);
  return hex(hash.finish()).substr(0, 16);
}

fs::path look_at_clips(const RunOptions& options, const std::vector<std::string>& words,
                       const std::vector<KeptClip>& clips, Json more) {
  const std::string& name = words.front();
  const fs::path work = options.out / "work" / name;
  std::error_code ignored;
  fs::remove_all(work, ignored);
  make_folder(work);
  Json ids = Json::array();
  for (std::size_t i = 0; i < clips.size(); ++i) {
    const std::string id = fmt::format("{:05}", i);
    fs::create_symlink(fs::absolute(clips[i].file), work / (id + ".safetensors"));
    ids.push_back(id);
  }
  more["clips"] = ids;
  save_json(work / "clips.json", more);
  const fs::path out = work / (name + ".out.safetensors");
  std::vector<std::string> all{find_program("bitemark-model").string()};
  all.insert(all.end(), words.begin(), words.end());
  all.insert(all.end(), {"--clips", work.string(), "--out", out.string()});
  const auto result = run_process(all, options.generator_limits, {}, work / (name + ".log"));
  if (!result.ok()) throw InputError("bitemark-model " + name, "", result.describe());
  return out;
}

}  // namespace bitemark
