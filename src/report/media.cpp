#include <algorithm>
#include <cstring>

#include "base/error.h"
#include "base/files.h"
#include "base/safetensors.h"
#include "report/report.h"
#include "suite/repro.h"
#include "video/png.h"

namespace bitemark {
namespace {

/// Frames of one tensor [T, H, W, 3] into a row of the strip, starting at column `at`; the columns used.
int put_row(const TensorView& view, int row, int at, Frame& strip) {
  const auto frames = static_cast<int>(view.shape[0]);
  const auto height = static_cast<int>(view.shape[1]);
  const auto width = static_cast<int>(view.shape[2]);
  const auto* bytes = view.as<std::uint8_t>();
  for (int t = 0; t < frames; ++t)
    for (int y = 0; y < height; ++y) {
      if ((at + t + 1) * width > strip.width || (row + 1) * height > strip.height) return t;
      std::memcpy(strip.at((at + t) * width, row * height + y), bytes, static_cast<std::size_t>(width) * 3);
      bytes += static_cast<std::size_t>(width) * 3;
    }
  return frames;
}

/// Truth above, rollout below, all frames in a row; the context stands in both.
Frame strip_of(const fs::path& truth_file, const fs::path& rollout_file) {
  const SafetensorsFile truth(truth_file);
  const SafetensorsFile rollout(rollout_file);
  const auto& frames = truth.at("frames", DType::kU8, {-1, -1, -1, 3});
  const auto& context = truth.at("context", DType::kU8, {-1, frames.shape[1], frames.shape[2], 3});
  const auto& answer = rollout.at("frames", DType::kU8, {-1, -1, -1, 3});
  if (answer.shape[1] != frames.shape[1] || answer.shape[2] != frames.shape[2])
    throw InputError(rollout_file.string(), "frames", "has another size than the truth's strip");
  const auto count = static_cast<int>(context.shape[0] + std::max(frames.shape[0], answer.shape[0]));
  Frame strip(count * static_cast<int>(frames.shape[2]), 2 * static_cast<int>(frames.shape[1]));
  for (int row = 0; row < 2; ++row) {
    const int at = put_row(context, row, 0, strip);
    put_row(row == 0 ? frames : answer, row, at, strip);
  }
  return strip;
}

ReproCase repro_of(const RunOptions& options, const RunReport& report, const CaseView& view) {
  ReproCase one;
  one.which = view.result->which;
  const auto& model = report.models.at(report.subject);  // "<text> <fingerprint>"
  const auto blank = model.rfind(' ');
  one.generator = model.substr(0, blank);
  one.fingerprint = model.substr(blank + 1);
  one.size = report.size;
  one.rate = report.rate;
  one.second_takes = options.suite.second_takes;
  const TakeResult* oracle = view.result->of("oracle");
  one.truth_digest = oracle == nullptr ? "" : oracle->rollout_digest;
  one.rollout_digest = view.take->rollout_digest;
  one.first_wrong_frame = view.first == nullptr ? -1 : view.first->frame;
  one.violation = view.first == nullptr ? "" : view.first->text;
  one.environment = report.environment;
  return one;
}

}  // namespace

void write_media(const RunOptions& options, const RunReport& report, std::size_t budget, std::vector<CaseView>& cases) {
  make_folder(options.out / "repro");
  std::size_t spent = 0;
  for (auto& view : cases) {
    const std::string id = view.result->which.id();
    view.repro = "repro/" + id + ".case.json";
    save_repro_case(options.out / view.repro, repro_of(options, report, view));
    const fs::path truth = options.out / "clips" / "oracle" / (id + ".safetensors");
    const fs::path rollout = options.out / "clips" / report.subject / (id + ".safetensors");
    if (spent >= budget || !fs::exists(truth) || !fs::exists(rollout)) continue;
    try {
      const std::string png = encode_png(strip_of(truth, rollout));
      if (spent + png.size() > budget) continue;
      spent += png.size();
      view.strip = "data/" + id + ".png";
      write_file(options.out / view.strip, png);
    } catch (const InputError&) {
      continue;  // a rollout at another size has scores but no strip
    }
  }
}

}  // namespace bitemark
