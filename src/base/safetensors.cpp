#include "base/safetensors.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <limits>

#include "base/error.h"
#include "base/files.h"
#include "base/json.h"

namespace bitemark {
namespace {

constexpr std::uint64_t kMaxHeader = 100'000'000;  // the reference implementation's limit
constexpr std::size_t kAlignment = 64;

struct TypeRow {
  DType type;
  const char* name;
  std::size_t size;
};
constexpr std::array<TypeRow, 13> kTypes{{{DType::kBool, "BOOL", 1},
                                          {DType::kU8, "U8", 1},
                                          {DType::kI8, "I8", 1},
                                          {DType::kU16, "U16", 2},
                                          {DType::kI16, "I16", 2},
                                          {DType::kF16, "F16", 2},
                                          {DType::kBF16, "BF16", 2},
                                          {DType::kU32, "U32", 4},
                                          {DType::kI32, "I32", 4},
                                          {DType::kF32, "F32", 4},
                                          {DType::kU64, "U64", 8},
                                          {DType::kI64, "I64", 8},
                                          {DType::kF64, "F64", 8}}};

const TypeRow& row_of(DType type) { return kTypes[static_cast<std::size_t>(type)]; }

/// Bytes that dtype x shape takes; throws when an extent is negative or the product overflows.
std::uint64_t bytes_of(const std::string& file, const std::string& name, DType type,
                       const std::vector<std::int64_t>& shape) {
  std::uint64_t bytes = size_of(type);
  for (const std::int64_t extent : shape) {
    if (extent < 0) throw InputError(file, name, "has a negative extent in its shape " + shape_text(shape));
    const auto factor = static_cast<std::uint64_t>(extent);
    if (factor != 0 && bytes > std::numeric_limits<std::uint64_t>::max() / factor)
      throw InputError(file, name, "has a shape whose size overflows: " + shape_text(shape));
    bytes *= factor;
  }
  return bytes;
}

TensorView parse_tensor(const std::string& file, const std::string& name, const Json& entry,
                        std::span<const std::byte> data) {
  TensorView view;
  const auto type_name = json_member<std::string>(entry, "dtype", file, "/" + name);
  const auto* row = std::find_if(kTypes.begin(), kTypes.end(), [&](const auto& r) { return type_name == r.name; });
  if (row == kTypes.end()) throw InputError(file, name, "has the unknown dtype \"" + type_name + "\"");
  view.type = row->type;
  const auto& shape = entry.contains("shape") ? entry.at("shape") : Json();
  if (!shape.is_array() || shape.size() > 16) throw InputError(file, name, "has no shape of at most 16 extents");
  for (const auto& extent : shape) {
    if (!extent.is_number_integer()) throw InputError(file, name, "has an extent that is not an integer");
    view.shape.push_back(
        extent.is_number_unsigned() && extent.get<std::uint64_t>() > INT64_MAX ? -1 : extent.get<std::int64_t>());
  }
  const auto& offsets = entry.contains("data_offsets") ? entry.at("data_offsets") : Json();
  if (!offsets.is_array() || offsets.size() != 2 || !offsets[0].is_number_unsigned() ||
      !offsets[1].is_number_unsigned())
    throw InputError(file, name, "has no data_offsets of two non-negative integers");
  const auto begin = offsets[0].get<std::uint64_t>();
  const auto end = offsets[1].get<std::uint64_t>();
  if (begin > end || end > data.size())
    throw InputError(file, name,
                     fmt::format("has data_offsets [{}, {}] outside the {} bytes of data", begin, end, data.size()));
  const std::uint64_t expected = bytes_of(file, name, view.type, view.shape);
  if (end - begin != expected)
    throw InputError(
        file, name,
        fmt::format("has {} bytes, expected {} for {} {}", end - begin, expected, type_name, shape_text(view.shape)));
  view.data = data.subspan(begin, end - begin);
  return view;
}

void check_no_overlap(const std::string& file, const std::map<std::string, TensorView>& tensors) {
  std::vector<std::tuple<const std::byte*, const std::byte*, const std::string*>> spans;
  for (const auto& [name, view] : tensors)
    if (!view.data.empty()) spans.emplace_back(view.data.data(), view.data.data() + view.data.size(), &name);
  std::sort(spans.begin(), spans.end());
  for (std::size_t i = 1; i < spans.size(); ++i)
    if (std::get<0>(spans[i]) < std::get<1>(spans[i - 1]))
      throw InputError(file, *std::get<2>(spans[i]), "overlaps the data of " + *std::get<2>(spans[i - 1]));
}

}  // namespace

std::size_t size_of(DType type) { return row_of(type).size; }
const char* name_of(DType type) { return row_of(type).name; }

std::string shape_text(const std::vector<std::int64_t>& shape) {
  return fmt::format("[{}]", fmt::join(shape.begin(), shape.end(), ", "));
}

std::int64_t TensorView::count() const {
  std::int64_t product = 1;
  for (const std::int64_t extent : shape) product *= extent;
  return product;
}

struct SafetensorsFile::Mapping {
  void* address = nullptr;
  std::size_t size = 0;
  ~Mapping() {
    if (address != nullptr) ::munmap(address, size);
  }
};

SafetensorsFile::SafetensorsFile(const std::filesystem::path& path) : path_(path.string()) {
  const int descriptor = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  struct stat status {};
  if (descriptor < 0 || ::fstat(descriptor, &status) != 0 || !S_ISREG(status.st_mode)) {
    if (descriptor >= 0) ::close(descriptor);
    throw InputError(path_, "", "cannot be read as a file");
  }
  auto mapping = std::make_shared<Mapping>();
  mapping->size = static_cast<std::size_t>(status.st_size);
  if (mapping->size >= 8) {
    void* address = ::mmap(nullptr, mapping->size, PROT_READ, MAP_PRIVATE, descriptor, 0);
    if (address != MAP_FAILED) mapping->address = address;
  }
  ::close(descriptor);
  if (mapping->size < 8) throw InputError(path_, "", fmt::format("has {} bytes, expected at least 8", mapping->size));
  if (mapping->address == nullptr) throw InputError(path_, "", "cannot be mapped into memory");

  const auto* bytes = static_cast<const unsigned char*>(mapping->address);
  std::uint64_t header_size = 0;
  for (int i = 7; i >= 0; --i) header_size = header_size << 8U | bytes[i];
  if (header_size > kMaxHeader || header_size > mapping->size - 8)
    throw InputError(path_, "header",
                     fmt::format("claims {} bytes, expected at most {}", header_size,
                                 std::min<std::uint64_t>(kMaxHeader, mapping->size - 8)));
  const std::string header(static_cast<const char*>(mapping->address) + 8, header_size);
  const Json json = parse_json(header, path_ + " (header)");
  if (!json.is_object()) throw InputError(path_, "header", "is not a JSON object");
  const std::span<const std::byte> data(static_cast<const std::byte*>(mapping->address) + 8 + header_size,
                                        mapping->size - 8 - header_size);
  for (const auto& [name, entry] : json.items()) {
    if (name == "__metadata__") {
      for (const auto& [key, value] : entry.items()) {
        if (!value.is_string()) throw InputError(path_, "__metadata__/" + key, "is not a string");
        metadata_[key] = value.get<std::string>();
      }
    } else {
      tensors_.emplace(name, parse_tensor(path_, name, entry, data));
    }
  }
  check_no_overlap(path_, tensors_);
  mapping_ = std::move(mapping);
}

const TensorView& SafetensorsFile::at(const std::string& name) const {
  const auto found = tensors_.find(name);
  if (found == tensors_.end()) throw InputError(path_, name, "is missing");
  return found->second;
}

const TensorView& SafetensorsFile::at(const std::string& name, DType type,
                                      const std::vector<std::int64_t>& shape) const {
  const TensorView& view = at(name);
  const bool same_shape =
      view.shape.size() == shape.size() && std::equal(shape.begin(), shape.end(), view.shape.begin(),
                                                      [](auto want, auto have) { return want < 0 || want == have; });
  if (view.type != type || !same_shape)
    throw InputError(path_, name,
                     fmt::format("is {} {}, expected {} {}", name_of(view.type), shape_text(view.shape), name_of(type),
                                 shape_text(shape)));
  return view;
}

namespace {

/// Length, JSON and padding; `offsets` gets where each tensor begins behind it, and the end.
std::string header_of(const std::string& file, const std::vector<TensorToSave>& tensors,
                      const std::map<std::string, std::string>& metadata, std::vector<std::uint64_t>& offsets) {
  Json header = Json::object();
  if (!metadata.empty()) header["__metadata__"] = metadata;
  offsets.assign(1, 0);
  for (const auto& tensor : tensors) {
    const std::uint64_t begin = offsets.back(), end = begin + bytes_of(file, tensor.name, tensor.type, tensor.shape);
    header[tensor.name] = {{"dtype", name_of(tensor.type)}, {"shape", tensor.shape}, {"data_offsets", {begin, end}}};
    offsets.push_back(end);
  }
  std::string text = header.dump();
  while ((8 + text.size()) % kAlignment != 0) text += ' ';
  std::string content(8, '\0');
  for (std::size_t i = 0; i < 8; ++i) content[i] = static_cast<char>(text.size() >> (8 * i) & 255U);
  return content + text;
}

}  // namespace

void save_safetensors(const std::filesystem::path& path, const std::vector<TensorToSave>& tensors,
                      const std::map<std::string, std::string>& metadata) {
  std::vector<std::uint64_t> offsets;
  std::string content = header_of(path.string(), tensors, metadata, offsets);
  content.reserve(content.size() + offsets.back());
  for (std::size_t i = 0; i < tensors.size(); ++i)
    content.append(static_cast<const char*>(tensors[i].data), offsets[i + 1] - offsets[i]);
  write_file(path, content);
}

struct SafetensorsWriter::File {
  PendingFile file;
  std::uint64_t data_begin = 0;
  std::vector<std::uint64_t> ends, at;  ///< by tensor, from the end of the header: where it ends, where it goes on
};

SafetensorsWriter::SafetensorsWriter(std::filesystem::path path, const std::vector<TensorToSave>& tensors,
                                     const std::map<std::string, std::string>& metadata) {
  std::vector<std::uint64_t> offsets;
  const std::string header = header_of(path.string(), tensors, metadata, offsets);
  file_ = std::make_unique<File>(File{PendingFile(path), header.size(), {}, {}});
  file_->at.assign(offsets.begin(), offsets.end() - 1);
  file_->ends.assign(offsets.begin() + 1, offsets.end());
  file_->file.write_at(0, header);
}

SafetensorsWriter::~SafetensorsWriter() = default;

void SafetensorsWriter::append(std::size_t tensor, const void* data, std::size_t bytes) {
  std::uint64_t& at = file_->at.at(tensor);
  BITEMARK_CHECK(bytes <= file_->ends[tensor] - at, "a tensor gets more than its shape holds");
  file_->file.write_at(file_->data_begin + at, {static_cast<const char*>(data), bytes});
  at += bytes;
}

void SafetensorsWriter::finish() {
  BITEMARK_CHECK(file_->at == file_->ends, "a tensor is not whole");
  file_->file.commit();
}

}  // namespace bitemark
