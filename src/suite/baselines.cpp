#include "suite/baselines.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <map>
#include <numeric>

#include "base/random.h"
#include "track/tracker.h"

namespace bitemark {
namespace {

using Rollout = std::optional<Clip>;

Clip with_continuation(const Episode& truth, const std::function<Frame(int)>& frame_at) {
  Clip clip = truth.clip;
  for (int t = truth.info.context_frames; t < truth.info.frame_count; ++t)
    clip.frames[static_cast<std::size_t>(t)] = frame_at(t);
  return clip;
}

Pcg32 stream_of(const Episode& truth, const char* name) {
  return stream_for(static_cast<std::uint64_t>(truth.info.take),
                    std::string(name) + "|" + truth.info.scenario + "|" + truth.info.split + "|" + truth.info.mode);
}

Rollout freeze(const Episode& truth, const Clip&) {
  if (truth.info.context_frames == 0) return std::nullopt;
  const auto last = static_cast<std::size_t>(truth.info.context_frames - 1);
  return with_continuation(truth, [&](int) { return truth.clip.frames[last]; });
}

Frame flipped(const Frame& frame) {
  Frame out(frame.width, frame.height);
  for (int y = 0; y < frame.height; ++y)
    for (int x = 0; x < frame.width; ++x) std::copy_n(frame.at(frame.width - 1 - x, y), 3, out.at(x, y));
  return out;
}

Rollout mirror(const Episode& truth, const Clip&) {
  return with_continuation(truth, [&](int t) { return flipped(truth.clip.frames[static_cast<std::size_t>(t)]); });
}

Rollout shuffle(const Episode& truth, const Clip&) {
  if (truth.info.context_frames == 0) return std::nullopt;
  std::vector<int> order(static_cast<std::size_t>(truth.info.frame_count - truth.info.context_frames));
  std::iota(order.begin(), order.end(), truth.info.context_frames);
  Pcg32 random = stream_of(truth, "shuffle");
  for (std::size_t i = order.size(); i > 1; --i)  // Fisher-Yates
    std::swap(order[i - 1], order[random.below(static_cast<std::uint32_t>(i))]);
  return with_continuation(truth, [&](int t) {
    return truth.clip.frames[static_cast<std::size_t>(order[static_cast<std::size_t>(t - truth.info.context_frames)])];
  });
}

Rollout noise(const Episode& truth, const Clip&) {
  Pcg32 random = stream_of(truth, "noise");
  return with_continuation(truth, [&](int) {
    Frame frame(truth.info.width, truth.info.height);
    for (auto& value : frame.rgb) value = static_cast<std::uint8_t>(random.below(256));
    return frame;
  });
}

/// What the context tells: a picture without the tracked bodies, and how each of them moves on.
struct Layers {
  Frame background;
  struct Layer {
    std::vector<std::uint8_t> mask;  ///< [height, width]
    double du = 0, dv = 0;           ///< [px a frame]
  };
  std::vector<Layer> layers;
};

using Masks = std::vector<std::vector<std::uint8_t>>;  // by body

Masks masks_of(const Frame& frame, const std::vector<Appearance>& bodies) {
  Masks masks;
  for (std::size_t b = 0; b < bodies.size(); ++b) masks.push_back(color_mask(frame, bodies, b));
  return masks;
}

/// Grown by one pixel, so that soft edges go along.
std::vector<std::uint8_t> grown(const std::vector<std::uint8_t>& mask, int width, int height) {
  std::vector<std::uint8_t> out = mask;
  for (int y = 0; y < height; ++y)
    for (int x = 0; x < width; ++x)
      for (int dy = -1; dy <= 1; ++dy)
        for (int dx = -1; dx <= 1; ++dx) {
          const int sx = std::clamp(x + dx, 0, width - 1);
          const int sy = std::clamp(y + dy, 0, height - 1);
          if (mask[static_cast<std::size_t>(sy * width + sx)] != 0) out[static_cast<std::size_t>(y * width + x)] = 1;
        }
  return out;
}

/// Fills what a body covers in the last frame: by an earlier frame where it was open, else from the nearest open
/// pixel in the same row.
Frame uncover(const std::vector<Frame>& context, const std::vector<std::vector<std::uint8_t>>& covered) {
  Frame background = context.back();
  const int width = background.width;
  for (int y = 0; y < background.height; ++y)
    for (int x = 0; x < width; ++x) {
      const auto at = static_cast<std::size_t>(y * width + x);
      if (covered.back()[at] == 0) continue;
      bool found = false;
      for (std::size_t t = context.size() - 1; t-- > 0 && !found;)
        if (covered[t][at] == 0) {
          std::copy_n(context[t].at(x, y), 3, background.at(x, y));
          found = true;
        }
      for (int d = 1; d < width && !found; ++d)
        for (const int sx : {x - d, x + d})
          if (!found && sx >= 0 && sx < width && covered.back()[static_cast<std::size_t>(y * width + sx)] == 0) {
            std::copy_n(context.back().at(sx, y), 3, background.at(x, y));
            found = true;
          }
    }
  return background;
}

Layers layers_of(const Episode& truth) {
  const auto count = static_cast<std::size_t>(truth.info.context_frames);
  const std::vector<Frame> context(truth.clip.frames.begin(),
                                   truth.clip.frames.begin() + static_cast<std::ptrdiff_t>(count));
  const auto bodies = learn_appearances(truth);
  const auto tracks = track(context, bodies);
  const int width = truth.info.width;
  const int height = truth.info.height;
  std::vector<std::vector<std::uint8_t>> covered;
  Masks last;
  for (const auto& frame : context) {
    last = masks_of(frame, bodies);
    std::vector<std::uint8_t> any(static_cast<std::size_t>(width * height), 0);
    for (auto& mask : last) {
      mask = grown(mask, width, height);
      for (std::size_t p = 0; p < any.size(); ++p) any[p] |= mask[p];
    }
    covered.push_back(grown(any, width, height));
  }
  Layers layers;
  layers.background = uncover(context, covered);
  for (std::size_t b = 0; b < bodies.size(); ++b) {
    Layers::Layer layer;
    layer.mask = last[b];
    if (count >= 2 && !tracks[count - 1][b].empty() && !tracks[count - 2][b].empty()) {
      layer.du = tracks[count - 1][b].front().u - tracks[count - 2][b].front().u;
      layer.dv = tracks[count - 1][b].front().v - tracks[count - 2][b].front().v;
    }
    layers.layers.push_back(layer);
  }
  return layers;
}

void paste(const Frame& from, const Layers::Layer& layer, int steps, Frame& onto) {
  const int dx = static_cast<int>(std::lround(layer.du * steps));
  const int dy = static_cast<int>(std::lround(layer.dv * steps));
  for (int y = 0; y < from.height; ++y)
    for (int x = 0; x < from.width; ++x) {
      const int tx = x + dx;
      const int ty = y + dy;
      if (layer.mask[static_cast<std::size_t>(y * from.width + x)] == 0 || tx < 0 || ty < 0 || tx >= from.width ||
          ty >= from.height)
        continue;
      std::copy_n(from.at(x, y), 3, onto.at(tx, ty));
    }
}

Rollout linear(const Episode& truth, const Clip&) {
  if (truth.info.context_frames < 2) return std::nullopt;
  const Layers layers = layers_of(truth);
  const int last = truth.info.context_frames - 1;
  return with_continuation(truth, [&](int t) {
    Frame frame = layers.background;
    for (const auto& layer : layers.layers)
      paste(truth.clip.frames[static_cast<std::size_t>(last)], layer, t - last, frame);
    return frame;
  });
}

Rollout oracle(const Episode& truth, const Clip&) { return truth.clip; }

Rollout second_take(const Episode& truth, const Clip& other) {
  return with_continuation(truth, [&](int t) { return other.frames[static_cast<std::size_t>(t)]; });
}

struct Row {
  const char* name;
  bool floor;
  Rollout (*make)(const Episode&, const Clip&);
};

const std::vector<Row>& rows() {
  static const std::vector<Row> kRows{{"oracle", false, oracle}, {"second-take", false, second_take},
                                      {"freeze", true, freeze},  {"linear", true, linear},
                                      {"mirror", true, mirror},  {"shuffle", true, shuffle},
                                      {"noise", true, noise}};
  return kRows;
}

const Row* find_row(const std::string& name) {
  const auto found = std::find_if(rows().begin(), rows().end(), [&](const Row& row) { return name == row.name; });
  return found == rows().end() ? nullptr : &*found;
}

}  // namespace

const std::vector<std::string>& baseline_names() {
  static const std::vector<std::string> kNames = [] {
    std::vector<std::string> names;
    for (const auto& row : rows()) names.emplace_back(row.name);
    return names;
  }();
  return kNames;
}

bool is_baseline(const std::string& name) { return find_row(name) != nullptr; }

bool is_floor(const std::string& name) {
  const Row* row = find_row(name);
  return row != nullptr && row->floor;
}

std::optional<Clip> baseline_rollout(const std::string& name, const Episode& truth, const Clip& second_take) {
  return find_row(name)->make(truth, second_take);
}

}  // namespace bitemark
