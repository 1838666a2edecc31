// Per-pixel ground truth: one sample at each pixel centre.
#pragma once

#include <vector>

#include "episode/episode.h"
#include "sim/stage.h"

namespace bitemark::sim {

/// Depth and body of each pixel of one frame, and how much of each body is seen.
struct LabelImage {
  int width = 0, height = 0;
  std::vector<float> depth;         ///< z [m]; 0 = nothing
  std::vector<std::int16_t> owner;  ///< index of the body in the scene; -1 = nothing
  std::vector<int> visible, full;   ///< by body [px]
  /// Of bodies that deform: the triangle of their mesh that is seen. Empty where there is none.
  std::vector<std::uint32_t> triangle;
};

class Labeller {
 public:
  LabelImage label(const std::vector<DrawItem>& items, std::size_t body_count, const Camera& camera, int width,
                   int height);
  /// The same into memory that exists already.
  void label(const std::vector<DrawItem>& items, std::size_t body_count, const Camera& camera, int width, int height,
             LabelImage& labels);
  /// What the labels of the last image were made of: the samples of a picture with one a pixel.
  VisibilityBuffer& samples() { return buffer_; }

 private:
  void read_samples(const std::vector<int>& owners, std::size_t body_count, LabelImage& labels) const;

  Rasterizer rasterizer_;
  VisibilityBuffer buffer_;
};

/// A frame's world and its labels, for flow between two of them. Null where there is no such frame.
struct LabelledFrame {
  const FrameWorld* world = nullptr;
  const LabelImage* labels = nullptr;
};

/// Depth, ids and, with `flow`, flow both ways, into memory that may exist already.
void make_truth(const SceneSpec& scene, const Motion& motion, const LabelledFrame& before, const LabelledFrame& now,
                const LabelledFrame& after, bool flow, FrameTruth& truth);

}  // namespace bitemark::sim
