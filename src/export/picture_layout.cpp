#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "export/export.h"
#include "image/raw_image.h"

namespace bitemark {
namespace {

constexpr double kDepthUnit_m = 0.001;  // of a step of the 16-bit depth
constexpr int kForward =
    FrameTruth::kForwardOccluded | FrameTruth::kForwardLeft | FrameTruth::kForwardCut | FrameTruth::kForwardGone;
constexpr int kBackward =
    FrameTruth::kBackwardOccluded | FrameTruth::kBackwardLeft | FrameTruth::kBackwardCut | FrameTruth::kBackwardNew;

/// Millimetres; 0 = nothing, 65535 = that far or farther.
RawImage<std::uint16_t> depth_image(int width, int height, const std::vector<float>& depth) {
  RawImage<std::uint16_t> image{width, height, 1, {}};
  for (const float z : depth)
    image.values.push_back(static_cast<std::uint16_t>(std::clamp(std::lround(z / kDepthUnit_m), 0L, 65535L)));
  return image;
}

/// KITTI's encoding: (dx * 64 + 2^15, dy * 64 + 2^15, valid). Flow beyond +-511 px is marked invalid.
RawImage<std::uint16_t> flow_image(int width, int height, const std::vector<float>& flow,
                                   const std::vector<std::uint8_t>& flags, int invalid) {
  RawImage<std::uint16_t> image{width, height, 3, {}};
  for (std::size_t i = 0; i < flags.size(); ++i) {
    const float dx = flow[2 * i], dy = flow[2 * i + 1];
    const bool valid = (flags[i] & invalid) == 0 && std::abs(dx) < 511 && std::abs(dy) < 511;
    for (const float d : {dx, dy})
      image.values.push_back(valid ? static_cast<std::uint16_t>(std::lround(d * 64) + 32768) : 0);
    image.values.push_back(valid ? 1 : 0);
  }
  return image;
}

}  // namespace

void write_pictures(const EpisodeFolderReader& episode, const fs::path& folder) {
  const int width = episode.info().width, height = episode.info().height;
  const auto place = [&](const char* channel, int index) { return folder / channel / fmt::format("{:05}.png", index); };
  make_folder(folder / "rgb");
  for (const char* channel : {"depth", "ids", "flow_forward", "flow_backward", "flow_flags"}) {
    if (episode.has_truth()) make_folder(folder / channel);
  }
  episode.for_each_frame([&](int index, Frame&& frame) {
    write_file(place("rgb", index), encode_png(RawImage<std::uint8_t>{width, height, 3, std::move(frame.rgb)}));
    if (!episode.has_truth()) return;
    const FrameTruth t = episode.truth(index);
    write_file(place("depth", index), encode_png(depth_image(width, height, t.depth)));
    write_file(place("ids", index), encode_png(RawImage<std::uint16_t>{width, height, 1, t.ids}));
    write_file(place("flow_forward", index),
               encode_png(flow_image(width, height, t.flow_forward, t.flow_flags, kForward)));
    write_file(place("flow_backward", index),
               encode_png(flow_image(width, height, t.flow_backward, t.flow_flags, kBackward)));
    write_file(place("flow_flags", index), encode_png(RawImage<std::uint8_t>{width, height, 1, t.flow_flags}));
  });
  save_json(folder / "episode.json", episode.json());
}

}  // namespace bitemark
