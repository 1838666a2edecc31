// What a person would see: coloured things by frame, from pixels alone. Scenarios give each tracked body a saturated
// colour of its own before calm surroundings, so hue tells who and chroma tells where. Hue and chroma of CIELAB hold
// under shading, under H.264 and at another size; a rollout may be dimmer or paler than the truth and is still found.
#pragma once

#include <cstdint>
#include <vector>

#include "episode/episode.h"

namespace bitemark {

/// How one body looks, learned from the pixels of the true episode that its labels mark.
struct Appearance {
  std::uint16_t id = 0;
  double hue = 0;               ///< circular mean [rad]
  double hue_tolerance = 0;     ///< half the distance to the nearest other body's hue, at most 35 degrees [rad]
  double chroma = 0;            ///< median
  double chroma_threshold = 0;  ///< between the surroundings' (99th percentile at this hue) and its own
  double area_px = 0;           ///< median of the visible pixels over frames in which it is whole
  bool separable = false;       ///< false: the surroundings have its colour; nothing can be said of it
};

/// Needs `truth.truth` (labels).
std::vector<Appearance> learn_appearances(const Episode& truth);

/// A connected region of one body's colour.
struct Blob {
  double u = 0, v = 0;  ///< centroid [px], pixel centres at +0.5
  double area_px = 0;
  double hue = 0;                     ///< circular mean [rad]
  double chroma = 0;                  ///< mean
  double major_px = 0, minor_px = 0;  ///< standard deviations along its axes; of a disc both are half its radius
};

/// [frame][body in the order of the appearances]: blobs of at least 15 % of the body's whole area (and 4 px),
/// largest first; empty = not seen.
using Tracks = std::vector<std::vector<std::vector<Blob>>>;

Tracks track(const std::vector<Frame>& frames, const std::vector<Appearance>& bodies);

/// Pixels of this frame that have the body's colour, row-major [height, width], 0 or 1.
std::vector<std::uint8_t> color_mask(const Frame& frame, const std::vector<Appearance>& bodies, std::size_t index);

/// How colourful the surroundings of the tracked bodies get in a true episode, by hue.
struct Surroundings {
  static constexpr int kHues = 24;
  std::vector<double> chroma;  ///< [kHues] what is more colourful than this has a colour that is not there otherwise
  double largest_px = 0;       ///< the largest thing of such a colour in the truth: blurred edges, a body's own hat
};
/// Needs `truth.truth` (labels).
Surroundings learn_surroundings(const Episode& truth, const std::vector<Appearance>& bodies);
/// Connected regions of a strong colour that neither a tracked body nor the surroundings have, largest first.
std::vector<Blob> find_strangers(const Frame& frame, const std::vector<Appearance>& bodies,
                                 const Surroundings& surroundings);

double hue_distance(double a, double b);  ///< [0, pi]

}  // namespace bitemark
