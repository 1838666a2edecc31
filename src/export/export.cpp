#include "export/export.h"

#include <fmt/format.h>

#include "base/error.h"
#include "base/files.h"

namespace bitemark {
namespace {

double pixels(const EpisodeInfo& info) { return static_cast<double>(info.width) * info.height * info.frame_count; }

/// Noise does not compress: what pictures take at most.
double picture_size(const EpisodeInfo& info, bool truth) {
  return pixels(info) * (truth ? 21 : 4) + 1e4 * info.frame_count;
}
double numpy_size(const EpisodeInfo& info, bool truth) { return pixels(info) * (truth ? 26 : 3) + 1e6; }

void check_room(const fs::path& out, double bytes) {
  std::error_code error;
  const auto space = fs::space(fs::absolute(out).parent_path(), error);
  if (!error && static_cast<double>(space.available) < bytes)
    throw InterruptedError(fmt::format("{}: needs up to {:.0f} MB of disk and {:.0f} MB are left", out.string(),
                                       bytes / 1e6, static_cast<double>(space.available) / 1e6));
}

}  // namespace

const std::vector<ExportLayout>& export_layouts() {
  static const std::vector<ExportLayout> kLayouts{
      {"kubric", "rgba, depth, segmentation, flow, metadata.json, events.json as Kubric names them", write_kubric,
       picture_size},
      {"png", "a folder of pictures for each channel", write_pictures, picture_size},
      {"numpy", ".npy arrays and episode.json", write_numpy, numpy_size}};
  return kLayouts;
}

void export_episode(const std::filesystem::path& episode, const std::string& layout, const std::filesystem::path& out) {
  const ExportLayout* chosen = nullptr;
  std::string known;
  for (const ExportLayout& one : export_layouts()) {
    if (layout == one.name) chosen = &one;
    known += (known.empty() ? "" : ", ") + std::string(one.name);
  }
  if (chosen == nullptr) throw InputError(fmt::format("there is no layout \"{}\", expected one of {}", layout, known));
  if (fs::exists(out) && !fs::exists(out / "export.json") && !(fs::is_directory(out) && fs::is_empty(out)))
    throw InputError(out.string(), "", "exists and holds something else than an export");
  const EpisodeFolderReader reader(episode);
  PendingFolder pending(out);
  check_room(out, chosen->size(reader.info(), reader.has_truth()));
  chosen->write(reader, pending.path());
  const EpisodeInfo& info = reader.info();
  save_json(pending.path() / "export.json", {{"layout", layout},
                                             {"scenario", info.scenario},
                                             {"split", info.split},
                                             {"take", info.take},
                                             {"fault", info.fault},
                                             {"channels", reader.has_truth() ? "all" : "colour and states"}});
  pending.commit(true);
}

}  // namespace bitemark
