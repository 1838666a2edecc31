// bitemark-video: the child process that holds FFmpeg and the picture decoders.
//   bitemark-video decode PATH MAX_FRAMES MAX_SIDE RATE   raw frames on stdout (see video_file.cpp)
//   bitemark-video encode PATH CODEC WIDTH HEIGHT NUM DEN raw RGB frames on stdin
#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <opencv2/imgcodecs.hpp>
#include <opencv2/imgproc.hpp>
#include <opencv2/videoio.hpp>
#include <string>
#include <vector>

namespace {

namespace fs = std::filesystem;

constexpr int kFailed = 1;

int fail(const std::string& reason) {
  std::fprintf(stderr, "%s\n", reason.c_str());
  return kFailed;
}

bool write_all(const void* data, std::size_t size) { return std::fwrite(data, 1, size, stdout) == size; }

/// Writes the header before the first frame; false when the frame differs in size or cannot be written.
bool put_frame(const cv::Mat& bgr, double time_s, cv::Size& size) {
  if (size.empty()) {
    size = bgr.size();
    const std::int32_t header[2] = {size.width, size.height};
    if (!write_all(header, sizeof(header))) return false;
  }
  if (bgr.size() != size) return false;
  cv::Mat rgb;
  cv::cvtColor(bgr, rgb, cv::COLOR_BGR2RGB);
  return write_all(&time_s, sizeof(time_s)) && write_all(rgb.data, rgb.total() * rgb.elemSize());
}

int decode_folder(const fs::path& folder, int max_frames, int max_side, double rate) {
  std::vector<fs::path> pictures;
  for (const auto& entry : fs::directory_iterator(folder)) {
    const auto extension = entry.path().extension();
    if (extension == ".png" || extension == ".jpg" || extension == ".jpeg") pictures.push_back(entry.path());
  }
  if (pictures.empty()) return fail("the folder holds no .png or .jpg picture");
  if (static_cast<int>(pictures.size()) > max_frames)
    return fail("has " + std::to_string(pictures.size()) + " frames, expected at most " + std::to_string(max_frames));
  std::sort(pictures.begin(), pictures.end());
  cv::Size size;
  for (std::size_t i = 0; i < pictures.size(); ++i) {
    const cv::Mat picture = cv::imread(pictures[i].string(), cv::IMREAD_COLOR);
    if (picture.empty()) return fail(pictures[i].filename().string() + " is not a picture");
    if (picture.cols > max_side || picture.rows > max_side) return fail("a picture is larger than the limit");
    if (!put_frame(picture, static_cast<double>(i) / rate, size))
      return fail(pictures[i].filename().string() + " has another size than the first picture");
  }
  return 0;
}

int decode_video(const std::string& path, int max_frames, int max_side) {
  cv::VideoCapture capture(path, cv::CAP_FFMPEG);
  if (!capture.isOpened()) return fail("is not a video");
  const double width = capture.get(cv::CAP_PROP_FRAME_WIDTH);
  const double height = capture.get(cv::CAP_PROP_FRAME_HEIGHT);
  if (width > max_side || height > max_side)
    return fail("is " + std::to_string(static_cast<int>(width)) + " x " + std::to_string(static_cast<int>(height)) +
                " pixels, expected at most " + std::to_string(max_side) + " a side");
  const double fps = capture.get(cv::CAP_PROP_FPS);
  const double step = fps > 0 ? 1 / fps : 1;
  cv::Size size;
  cv::Mat frame;
  double time = 0;
  for (int count = 0; capture.read(frame); ++count) {
    // OpenCV 4.6 has no timestamp for the frames that a decoder with B-frames gives out last: it says 0.
    const double told = capture.get(cv::CAP_PROP_POS_MSEC) / 1000.0;
    time = count == 0 || told > time ? told : time + step;
    if (count >= max_frames) return fail("has more than " + std::to_string(max_frames) + " frames");
    if (!put_frame(frame, time, size))
      return fail("frame " + std::to_string(count) + " has another size than the first");
  }
  return size.empty() ? fail("has no frames that can be decoded") : 0;
}

int decode(const std::string& path, int max_frames, int max_side, double rate) {
  return fs::is_directory(path) ? decode_folder(path, max_frames, max_side, rate)
                                : decode_video(path, max_frames, max_side);
}

int encode(const std::string& path, const std::string& codec, cv::Size size, double fps) {
  const int fourcc =
      codec == "ffv1" ? cv::VideoWriter::fourcc('F', 'F', 'V', '1') : cv::VideoWriter::fourcc('a', 'v', 'c', '1');
  cv::VideoWriter writer(path, cv::CAP_FFMPEG, fourcc, fps, size);
  if (!writer.isOpened()) return fail("the encoder cannot be opened");
  cv::Mat rgb(size, CV_8UC3);
  cv::Mat bgr;
  while (std::fread(rgb.data, 1, rgb.total() * 3, stdin) == rgb.total() * 3) {
    cv::cvtColor(rgb, bgr, cv::COLOR_RGB2BGR);
    writer.write(bgr);
  }
  writer.release();
  return fs::exists(path) && fs::file_size(path) > 0 ? 0 : fail("nothing was written");
}

}  // namespace

int main(int argc, char** argv) {
  ::setenv("OPENCV_FFMPEG_LOGLEVEL", "-8", 1);
  cv::setNumThreads(1);
  const std::vector<std::string> words(argv + 1, argv + argc);
  try {
    if (words.size() == 5 && words[0] == "decode")
      return decode(words[1], std::stoi(words[2]), std::stoi(words[3]), std::stod(words[4]));
    if (words.size() == 7 && words[0] == "encode")
      return encode(words[1], words[2], {std::stoi(words[3]), std::stoi(words[4])},
                    std::stod(words[5]) / std::stod(words[6]));
    return fail("usage: bitemark-video decode PATH MAX_FRAMES MAX_SIDE RATE | encode PATH CODEC WIDTH HEIGHT NUM DEN");
  } catch (const std::exception& error) {
    return fail(error.what());
  }
}
