// Whoever continues a clip: our own checkpoint, anybody's command, or a folder of videos made elsewhere. All speak the
// generator protocol (docs/generator-protocol.md); ours has no private door.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "base/subprocess.h"
#include "episode/conditioning.h"

namespace bitemark {

struct GeneratorSpec {
  enum class Kind { kBaseline, kFault, kCommand, kFolder };
  Kind kind = Kind::kBaseline;
  std::string text;                  ///< as the user wrote it: "checkpoint:checkpoints/nano"
  std::string name;                  ///< of the row and of its folders: "nano"
  std::vector<std::string> command;  ///< kCommand: words before REQUEST and OUT
  std::filesystem::path folder;      ///< kFolder; for a checkpoint, its folder
  std::string fingerprint;           ///< of weights, folder or command
};

/// "oracle" ..., "fault:NAME" (the true episode with one law broken: a model with a known defect), "checkpoint:DIR",
/// "command:WORDS", "folder:DIR". Throws InputError: unknown, missing files.
GeneratorSpec parse_generator(const std::string& text);

/// Writes the requests of the takes that `answers` does not hold yet and runs the command once over them. A command
/// that crashes, hangs or leaves takes out is no error here: what is missing is counted take by take. Returns what went
/// wrong, empty when nothing did. Keeps the command's output in <work>/generator.log. Throws InterruptedError when our
/// own program was stopped half-way.
std::string ask_generator(const GeneratorSpec& spec, const std::vector<Conditioning>& takes,
                          const std::filesystem::path& work, const std::filesystem::path& answers,
                          const ProcessLimits& limits);

/// The answer to one take: <folder>/<id>/rollout.{safetensors,mkv,mp4,webm}, <folder>/<id>/frames/, or, in a folder of
/// videos, <folder>/<id>.{mkv,mp4,webm}; the continuation only. Throws InputError when there is none or it is broken.
Clip read_answer(const std::filesystem::path& folder, const std::string& id, Rate rate);
/// That file or folder; empty when there is none.
std::filesystem::path find_answer(const std::filesystem::path& folder, const std::string& id);
bool has_answer(const std::filesystem::path& folder, const std::string& id);
bool has_surprise(const std::filesystem::path& folder, const std::string& id);

}  // namespace bitemark
