// Files that appear whole or not at all.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>

namespace bitemark {

namespace fs = std::filesystem;

/// Whole content. Throws InputError when the file cannot be read or is larger than `max_bytes`.
std::string read_file(const fs::path& path, std::size_t max_bytes = std::size_t{1} << 30U);

/// Temporary file in the same folder, fsync, rename, fsync of the folder. Throws InterruptedError on a full disk,
/// InputError when the place cannot be written.
void write_file(const fs::path& path, std::string_view content);

/// A file that is filled under a temporary name, in any order, and renamed by commit(); removed if commit() was
/// never reached. Throws as write_file does.
class PendingFile {
 public:
  explicit PendingFile(fs::path target);
  ~PendingFile();
  PendingFile(PendingFile&& other) noexcept;
  PendingFile& operator=(PendingFile&&) = delete;
  void write_at(std::uint64_t offset, std::string_view content);
  void commit();  ///< fsync, rename, fsync of the folder

 private:
  fs::path target_, temporary_;
  int descriptor_ = -1;
};

/// create_directories with a sentence for an answer. Throws InputError.
void make_folder(const fs::path& path);

/// A folder that is filled under a temporary name and renamed by commit(); removed if commit() was never reached.
class PendingFolder {
 public:
  /// `target` must not exist when commit() is called, or `replace` must be true.
  explicit PendingFolder(fs::path target);
  ~PendingFolder();
  PendingFolder(const PendingFolder&) = delete;
  PendingFolder& operator=(const PendingFolder&) = delete;
  const fs::path& path() const { return temporary_; }
  void commit(bool replace = false);

 private:
  fs::path target_;
  fs::path temporary_;
  bool committed_ = false;
};

}  // namespace bitemark
