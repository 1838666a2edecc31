// TensorBoard's event files, written by hand: TFRecord frames with masked CRC-32C around protocol buffers of the
// messages Event and Summary (tensorflow/core/util/event.proto, framework/summary.proto).
#pragma once

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace bitemark::model {

/// CRC-32C (Castagnoli, reflected polynomial 0x82f63b78).
std::uint32_t crc32c(std::string_view bytes);

class TensorBoard {
 public:
  /// A new file events.out.tfevents.<seconds>.<host>.<process> in `folder`. A run that goes on at `first_step` says so
  /// in its first record (SessionLog START): TensorBoard then forgets what older files hold from that step on.
  TensorBoard(const std::filesystem::path& folder, std::int64_t first_step);

  void scalars(std::int64_t step, const std::vector<std::pair<std::string, double>>& values);
  /// `png`: the bytes of a PNG file.
  void picture(std::int64_t step, const std::string& tag, int width, int height, const std::string& png);
  void flush() { file_.flush(); }

 private:
  void write(std::int64_t step, int field, const std::string& message);
  std::ofstream file_;
};

}  // namespace bitemark::model
