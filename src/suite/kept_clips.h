// The clips that a run keeps, and networks that look at all of them: `bitemark-model`, as a child.
#pragma once

#include "suite/run.h"

namespace bitemark {

struct KeptClip {
  std::string generator;
  const CaseResult* one = nullptr;
  std::filesystem::path file;  ///< "frames" u8 [T, H, W, 3]: the continuation
};

/// In the order of generators and cases.
std::vector<KeptClip> kept_clips(const RunOptions& options, const RunReport& report);

/// Under this key what a network has said of a run's clips may be used again.
std::string key_of_clips(const RunReport& report, const std::string& network);

/// `bitemark-model WORDS --clips FOLDER --out FILE` over all clips; `more` goes into the folder's clips.json. Returns
/// FILE. Throws InputError when it fails.
std::filesystem::path look_at_clips(const RunOptions& options, const std::vector<std::string>& words,
                                    const std::vector<KeptClip>& clips, Json more = Json::object());

}  // namespace bitemark
