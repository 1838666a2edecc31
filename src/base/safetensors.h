// The safetensors file format: u64 little-endian header length, JSON header, raw data. Reader memory-maps and
// checks every length, offset and product before use; files may come from anybody.
// Source: https://github.com/huggingface/safetensors (README, "Format").
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <vector>

namespace bitemark {

enum class DType { kBool, kU8, kI8, kU16, kI16, kF16, kBF16, kU32, kI32, kF32, kU64, kI64, kF64 };

std::size_t size_of(DType type);
const char* name_of(DType type);  ///< as written in the header: "F32"

/// A view into a mapped file; lives as long as the SafetensorsFile.
struct TensorView {
  DType type{};
  std::vector<std::int64_t> shape;  ///< row-major; empty for a scalar
  std::span<const std::byte> data;

  std::int64_t count() const;  ///< product of the shape, checked at load
  /// Throws std::logic_error when T has another size; callers check `type` first.
  template <typename T>
  const T* as() const {
    return reinterpret_cast<const T*>(data.data());
  }
};

class SafetensorsFile {
 public:
  /// Throws InputError naming the file, the tensor, what was found and what was expected.
  explicit SafetensorsFile(const std::filesystem::path& path);

  const std::map<std::string, TensorView>& tensors() const { return tensors_; }
  const std::map<std::string, std::string>& metadata() const { return metadata_; }
  const std::string& path() const { return path_; }
  bool has(const std::string& name) const { return tensors_.contains(name); }
  /// Throws InputError when the tensor is missing.
  const TensorView& at(const std::string& name) const;
  /// As above, and throws InputError when type or shape differ. A negative extent in `shape` matches any.
  const TensorView& at(const std::string& name, DType type, const std::vector<std::int64_t>& shape) const;

 private:
  struct Mapping;
  std::shared_ptr<const Mapping> mapping_;
  std::string path_;
  std::map<std::string, TensorView> tensors_;
  std::map<std::string, std::string> metadata_;
};

/// What is to be written; `data` must live until save_safetensors returns.
struct TensorToSave {
  std::string name;
  DType type{};
  std::vector<std::int64_t> shape;
  const void* data = nullptr;
};

/// Atomic. Data starts at a multiple of 64 bytes. Same input, same bytes.
void save_safetensors(const std::filesystem::path& path, const std::vector<TensorToSave>& tensors,
                      const std::map<std::string, std::string>& metadata = {});

/// Writes tensors piece by piece: memory does not grow with the file. The bytes are those of save_safetensors.
class SafetensorsWriter {
 public:
  /// `data` of the tensors is not looked at. Throws InputError when the place cannot be written.
  SafetensorsWriter(std::filesystem::path path, const std::vector<TensorToSave>& tensors,
                    const std::map<std::string, std::string>& metadata = {});
  ~SafetensorsWriter();  ///< removes what finish() has not completed
  SafetensorsWriter(const SafetensorsWriter&) = delete;
  SafetensorsWriter& operator=(const SafetensorsWriter&) = delete;
  /// Goes on where the last piece of this tensor ended. Throws InterruptedError on a full disk, std::logic_error
  /// beyond the tensor's end.
  void append(std::size_t tensor, const void* data, std::size_t bytes);
  /// The file appears. Throws std::logic_error when a tensor is not whole.
  void finish();

 private:
  struct File;
  std::unique_ptr<File> file_;
};

std::string shape_text(const std::vector<std::int64_t>& shape);  ///< "[2, 3]"

}  // namespace bitemark
