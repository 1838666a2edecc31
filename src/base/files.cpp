#include "base/files.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <fstream>
#include <utility>

#include "base/error.h"

namespace bitemark {
namespace {

[[noreturn]] void throw_write_error(const fs::path& path, int error) {
  const std::string reason = std::strerror(error);
  if (error == ENOSPC || error == EDQUOT)
    throw InterruptedError(
        fmt::format("{}: the disk is full ({}); make room and run the same command again", path.string(), reason));
  throw InputError(path.string(), "", "cannot be written: " + reason);
}

void sync_folder(const fs::path& folder) {
  const int descriptor = ::open(folder.empty() ? "." : folder.c_str(), O_RDONLY | O_DIRECTORY);
  if (descriptor < 0) return;
  ::fsync(descriptor);
  ::close(descriptor);
}

}  // namespace

std::string read_file(const fs::path& path, std::size_t max_bytes) {
  std::error_code error;
  if (fs::is_directory(path, error)) throw InputError(path.string(), "", "is a folder, expected a file");
  std::ifstream stream(path, std::ios::binary | std::ios::ate);
  if (!stream) throw InputError(path.string(), "", "cannot be read");
  const auto size = static_cast<std::size_t>(stream.tellg());
  if (size > max_bytes)
    throw InputError(path.string(), "", fmt::format("has {} bytes, expected at most {}", size, max_bytes));
  std::string content(size, '\0');
  stream.seekg(0);
  stream.read(content.data(), static_cast<std::streamsize>(size));
  content.resize(static_cast<std::size_t>(stream.gcount()));
  return content;
}

void write_file(const fs::path& path, std::string_view content) {
  PendingFile file(path);
  file.write_at(0, content);
  file.commit();
}

PendingFile::PendingFile(fs::path target)
    : target_(std::move(target)), temporary_(target_.string() + fmt::format(".tmp{}", ::getpid())) {
  descriptor_ = ::open(temporary_.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
  if (descriptor_ < 0) throw_write_error(target_, errno);
}

PendingFile::PendingFile(PendingFile&& other) noexcept
    : target_(std::move(other.target_)),
      temporary_(std::move(other.temporary_)),
      descriptor_(std::exchange(other.descriptor_, -1)) {}

PendingFile::~PendingFile() {
  if (descriptor_ < 0) return;
  ::close(descriptor_);
  ::unlink(temporary_.c_str());
}

void PendingFile::write_at(std::uint64_t offset, std::string_view content) {
  for (std::size_t done = 0; done < content.size();) {
    const ssize_t written =
        ::pwrite(descriptor_, content.data() + done, content.size() - done, static_cast<off_t>(offset + done));
    if (written < 0 && errno != EINTR) throw_write_error(target_, errno);
    if (written > 0) done += static_cast<std::size_t>(written);
  }
}

void PendingFile::commit() {
  int error = ::fsync(descriptor_) != 0 ? errno : 0;
  if (::close(std::exchange(descriptor_, -1)) != 0 && error == 0) error = errno;
  if (error == 0 && ::rename(temporary_.c_str(), target_.c_str()) != 0) error = errno;
  if (error != 0) {
    ::unlink(temporary_.c_str());
    throw_write_error(target_, error);
  }
  sync_folder(target_.parent_path());
}

void make_folder(const fs::path& path) {
  std::error_code error;
  fs::create_directories(path, error);
  if (error || !fs::is_directory(path)) throw_write_error(path, error ? error.value() : ENOTDIR);
}

PendingFolder::PendingFolder(fs::path target) : target_(std::move(target)) {
  if (target_.filename().empty()) target_ = target_.parent_path();
  temporary_ = target_.parent_path() / fmt::format(".{}.tmp{}", target_.filename().string(), ::getpid());
  std::error_code ignored;
  fs::remove_all(temporary_, ignored);
  make_folder(temporary_);
}

PendingFolder::~PendingFolder() {
  std::error_code ignored;
  if (!committed_) fs::remove_all(temporary_, ignored);
}

void PendingFolder::commit(bool replace) {
  std::error_code error;
  if (replace) fs::remove_all(target_, error);
  fs::rename(temporary_, target_, error);
  if (error) throw_write_error(target_, error.value());
  sync_folder(target_.parent_path());
  committed_ = true;
}

}  // namespace bitemark
