#include "track/image.h"

#include <cstring>
#include <opencv2/imgproc.hpp>

namespace bitemark {

cv::Mat as_mat(const Frame& frame) {
  return {frame.height, frame.width, CV_8UC3, const_cast<std::uint8_t*>(frame.rgb.data())};
}

Frame to_frame(const cv::Mat& rgb) {
  Frame frame(rgb.cols, rgb.rows);
  for (int y = 0; y < rgb.rows; ++y) std::memcpy(frame.at(0, y), rgb.ptr(y), static_cast<std::size_t>(rgb.cols) * 3);
  return frame;
}

cv::Mat to_lab(const Frame& frame) {
  cv::Mat scaled;
  as_mat(frame).convertTo(scaled, CV_32FC3, 1.0 / 255);
  cv::Mat lab;
  cv::cvtColor(scaled, lab, cv::COLOR_RGB2Lab);
  return lab;
}

cv::Mat to_gray(const Frame& frame) {
  cv::Mat gray;
  cv::cvtColor(as_mat(frame), gray, cv::COLOR_RGB2GRAY);
  return gray;
}

}  // namespace bitemark
