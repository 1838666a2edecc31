// Frames as OpenCV matrices. Include only in .cpp files.
#pragma once

#include <opencv2/core.hpp>

#include "episode/clip.h"

namespace bitemark {

/// A view on the frame's pixels, CV_8UC3 in RGB order; the frame must outlive it and is not to be written through it.
cv::Mat as_mat(const Frame& frame);
Frame to_frame(const cv::Mat& rgb);  ///< copies CV_8UC3
/// CIELAB, CV_32FC3: L in [0, 100], a and b in about [-127, 127].
cv::Mat to_lab(const Frame& frame);
cv::Mat to_gray(const Frame& frame);  ///< CV_8UC1

}  // namespace bitemark
