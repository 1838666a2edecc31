// Episodes in the layouts of other tools. docs/export.md has every file and its encoding.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "video/episode_folder.h"

namespace bitemark {

struct ExportLayout {
  const char* name;
  const char* summary;
  /// Fills the folder. Memory does not grow with the length of the clip.
  void (*write)(const EpisodeFolderReader& episode, const std::filesystem::path& folder);
  /// Bytes on disk at most.
  double (*size)(const EpisodeInfo& info, bool truth);
};

/// kubric, png, numpy.
const std::vector<ExportLayout>& export_layouts();

/// Whole or absent. An existing `out` is replaced only when it is itself an export. Throws InputError for a layout that
/// there is not, a broken episode, or one that the layout cannot hold; InterruptedError when the disk has no room.
void export_episode(const std::filesystem::path& episode, const std::string& layout, const std::filesystem::path& out);

void write_kubric(const EpisodeFolderReader& episode, const std::filesystem::path& folder);
void write_pictures(const EpisodeFolderReader& episode, const std::filesystem::path& folder);
void write_numpy(const EpisodeFolderReader& episode, const std::filesystem::path& folder);

}  // namespace bitemark
