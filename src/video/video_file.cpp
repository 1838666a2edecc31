#include "video/video_file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstring>
#include <fstream>

#include "base/error.h"
#include "base/files.h"
#include "base/subprocess.h"
#include "episode/conditioning.h"

namespace bitemark {
namespace {

using UseFrame = std::function<void(Frame&& frame, double time_s)>;

/// The decoder's answer: int32 width, height; then for each frame a double (seconds) and the pixels.
void parse_decoded(const fs::path& raw, const std::string& source, const ReadLimits& limits, const UseFrame& use) {
  std::ifstream stream(raw, std::ios::binary);
  std::int32_t size[2] = {0, 0};
  stream.read(reinterpret_cast<char*>(size), sizeof(size));
  if (!stream || size[0] < 1 || size[1] < 1 || size[0] > limits.max_side || size[1] > limits.max_side)
    throw InputError(source, "", "has no frames that can be decoded");
  double time = 0, start = 0;
  int count = 0;
  while (stream.read(reinterpret_cast<char*>(&time), sizeof(time))) {
    Frame frame(size[0], size[1]);
    if (!stream.read(reinterpret_cast<char*>(frame.rgb.data()), static_cast<std::streamsize>(frame.rgb.size()))) break;
    if (count++ == 0) start = time;
    use(std::move(frame), time - start);
  }
  if (count == 0) throw InputError(source, "", "has no frames that can be decoded");
}

/// A file that is gone when this is.
struct ScratchFile {
  ScratchFile() {
    std::string pattern = (fs::temp_directory_path() / "bitemark-decode-XXXXXX").string();
    const int descriptor = ::mkstemp(pattern.data());
    if (descriptor < 0) throw InputError(pattern, "", "cannot be written");
    ::close(descriptor);
    path = pattern;
  }
  ~ScratchFile() { ::unlink(path.c_str()); }
  ScratchFile(const ScratchFile&) = delete;
  ScratchFile& operator=(const ScratchFile&) = delete;
  fs::path path;
};

void decode_in_child(const fs::path& path, Rate rate, const ReadLimits& limits, const UseFrame& use) {
  const ScratchFile raw;
  const auto result =
      run_process({find_program("bitemark-video").string(), "decode", path.string(), std::to_string(limits.max_frames),
                   std::to_string(limits.max_side), fmt::format("{}", rate.hz())},
                  {limits.wall_s, limits.memory_bytes, limits.max_bytes}, raw.path);
  if (!result.ok()) throw InputError(path.string(), "", "cannot be decoded: " + result.describe());
  parse_decoded(raw.path, path.string(), limits, use);
}

}  // namespace

struct VideoWriter::Encoder {
  fs::path target;
  fs::path temporary;
  pid_t child = -1;
  int pipe = -1;
  int errors = -1;
  int width = 0;
  int height = 0;

  int close_and_wait() {
    if (pipe >= 0) ::close(pipe);
    pipe = -1;
    int status = 0;
    if (child > 0) ::waitpid(child, &status, 0);
    child = -1;
    return status;
  }
};

VideoWriter::VideoWriter(std::filesystem::path path, Codec codec, int width, int height, Rate rate)
    : encoder_(std::make_unique<Encoder>()) {
  encoder_->target = path;
  const std::string extension = codec == Codec::kFfv1 ? ".mkv" : ".mp4";
  encoder_->temporary = path.parent_path() / fmt::format(".{}.tmp{}{}", path.stem().string(), ::getpid(), extension);
  encoder_->width = width;
  encoder_->height = height;
  const std::string program = find_program("bitemark-video").string();
  const std::vector<std::string> words{program,
                                       "encode",
                                       encoder_->temporary.string(),
                                       codec == Codec::kFfv1 ? "ffv1" : "h264",
                                       std::to_string(width),
                                       std::to_string(height),
                                       std::to_string(rate.num),
                                       std::to_string(rate.den)};
  std::vector<char*> argv;
  for (const auto& word : words) argv.push_back(const_cast<char*>(word.c_str()));
  argv.push_back(nullptr);
  int ends[2];
  BITEMARK_CHECK(::pipe2(ends, O_CLOEXEC) == 0, std::strerror(errno));
  encoder_->child = ::fork();
  if (encoder_->child == 0) {
    ::dup2(ends[0], STDIN_FILENO);
    ::execv(program.c_str(), argv.data());
    ::_exit(127);
  }
  ::close(ends[0]);
  encoder_->pipe = ends[1];
  BITEMARK_CHECK(encoder_->child > 0, std::strerror(errno));
  std::signal(SIGPIPE, SIG_IGN);  // an encoder that died is reported by finish()
}

VideoWriter::~VideoWriter() {
  if (!encoder_) return;
  if (encoder_->child > 0) ::kill(encoder_->child, SIGKILL);
  encoder_->close_and_wait();
  std::error_code ignored;
  fs::remove(encoder_->temporary, ignored);
}

void VideoWriter::write(const Frame& frame) {
  BITEMARK_CHECK(frame.width == encoder_->width && frame.height == encoder_->height, "frames have one size");
  const auto* bytes = frame.rgb.data();
  std::size_t left = frame.rgb.size();
  while (left > 0) {
    const ssize_t written = ::write(encoder_->pipe, bytes, left);
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return;  // the encoder is gone: finish() says why
    bytes += written;
    left -= static_cast<std::size_t>(written);
  }
}

void VideoWriter::finish() {
  const int status = encoder_->close_and_wait();
  std::error_code error;
  const auto space = fs::space(encoder_->target.parent_path().empty() ? "." : encoder_->target.parent_path(), error);
  if (status != 0 && !error && space.available < (1U << 20U))
    throw InterruptedError(encoder_->target.string() + ": the disk is full; make room and run the same command again");
  if (status != 0) throw InputError(encoder_->target.string(), "", "the video could not be encoded");
  fs::rename(encoder_->temporary, encoder_->target, error);
  if (error) throw InputError(encoder_->target.string(), "", "cannot be written: " + error.message());
}

void write_video(const std::filesystem::path& path, Codec codec, const Clip& clip, Rate rate) {
  VideoWriter writer(path, codec, clip.width(), clip.height(), rate);
  for (const auto& frame : clip.frames) writer.write(frame);
  writer.finish();
}

Clip read_clip(const std::filesystem::path& path, Rate picture_rate, const ReadLimits& limits) {
  if (path.extension() == ".safetensors" && fs::exists(path))
    return make_clip(read_rollout_tensor(path, limits.max_frames), picture_rate);
  Clip clip;
  read_frames(path, picture_rate, limits, [&](Frame&& frame, double time_s) {
    clip.frames.push_back(std::move(frame));
    clip.times.push_back(time_s);
  });
  return clip;
}

void read_frames(const std::filesystem::path& path, Rate picture_rate, const ReadLimits& limits, const UseFrame& use) {
  std::error_code error;
  if (!fs::exists(path, error)) throw InputError(path.string(), "", "does not exist");
  if (path.extension() != ".safetensors") return decode_in_child(path, picture_rate, limits, use);
  int index = 0;
  read_rollout_frames(path, limits.max_frames,
                      [&](Frame&& frame) { use(std::move(frame), picture_rate.time_of(index++)); });
}

}  // namespace bitemark
