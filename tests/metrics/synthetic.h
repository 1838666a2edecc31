// Small true episodes drawn by hand: coloured discs on a grey, textured ground. They test the metrics without the
// simulator, so that a fault of one does not hide a fault of the other.
#pragma once

#include <algorithm>
#include <cmath>
#include <functional>
#include <string>
#include <vector>

#include "episode/episode.h"

namespace bitemark {

struct Disc {
  std::string name;
  std::array<std::uint8_t, 3> color;
  double radius = 6;
  std::function<std::pair<double, double>(int frame)> place;  ///< (u, v) of the centre [px]
  std::function<bool(int frame)> visible = [](int) { return true; };
};

constexpr int kSide = 64;

inline std::uint8_t ground(int x, int y) {
  return static_cast<std::uint8_t>(110 + (x * 7 + y * 13) % 31 + (x / 8 + y / 8) % 2 * 20);
}

/// Later discs lie in front. Depth is 2 everywhere: nothing here is about geometry.
inline Episode draw(const std::vector<Disc>& discs, int frames, int context, std::vector<std::string> metrics) {
  Episode episode;
  auto& info = episode.info;
  info.scenario = "synthetic";
  info.split = "test";
  info.mode = "continuation";
  info.rate = {12, 1};
  info.width = info.height = kSide;
  info.frame_count = frames;
  info.context_frames = context;
  info.metrics = std::move(metrics);
  for (std::size_t d = 0; d < discs.size(); ++d) {
    Body body;
    body.id = static_cast<std::uint16_t>(d + 1);
    body.name = discs[d].name;
    body.color = discs[d].color;
    body.tracked = true;
    info.bodies.push_back(body);
  }
  std::vector<Frame> pictures;
  for (int t = 0; t < frames; ++t) {
    Frame frame(kSide, kSide);
    FrameTruth truth;
    const std::size_t pixels = kSide * kSide;
    truth.depth.assign(pixels, 2);
    truth.ids.assign(pixels, 0);
    truth.flow_forward.assign(2 * pixels, 0);
    truth.flow_backward.assign(2 * pixels, 0);
    truth.flow_flags.assign(pixels, 0);
    for (int y = 0; y < kSide; ++y)
      for (int x = 0; x < kSide; ++x)
        for (int c = 0; c < 3; ++c) frame.at(x, y)[c] = ground(x, y);
    std::vector<BodyState> row;
    for (std::size_t d = 0; d < discs.size(); ++d) {
      const auto [u, v] = discs[d].place(t);
      for (int y = 0; y < kSide && discs[d].visible(t); ++y)
        for (int x = 0; x < kSide; ++x)
          if (std::hypot(x + 0.5 - u, y + 0.5 - v) <= discs[d].radius) {
            std::copy(discs[d].color.begin(), discs[d].color.end(), frame.at(x, y));
            truth.ids[static_cast<std::size_t>(y * kSide + x)] = static_cast<std::uint16_t>(d + 1);
          }
      BodyState state;
      state.id = static_cast<std::uint16_t>(d + 1);
      state.u = u;
      state.v = v;
      state.depth_m = 2;
      const auto [u0, v0] = discs[d].place(std::max(t - 1, 0));
      state.velocity = {(u - u0) * 0.12, 0, (v0 - v) * 0.12};
      state.full_px = static_cast<int>(3.14159 * discs[d].radius * discs[d].radius);
      row.push_back(state);
    }
    for (auto& state : row)
      state.visible_px = static_cast<int>(std::count(truth.ids.begin(), truth.ids.end(), state.id));
    info.states.push_back(row);
    Camera camera;
    camera.fx = camera.fy = kSide;
    camera.cx = camera.cy = kSide / 2.0;
    info.cameras.push_back(camera);
    pictures.push_back(frame);
    episode.truth.push_back(truth);
  }
  info.controls.values.assign(static_cast<std::size_t>(frames) * Controls::width(), 0);
  episode.clip = make_clip(pictures, info.rate);
  return episode;
}

inline const std::array<std::uint8_t, 3> kRed{210, 40, 35};
inline const std::array<std::uint8_t, 3> kBlue{35, 70, 210};
inline const std::array<std::uint8_t, 3> kGreen{40, 170, 60};

inline auto moving(double u, double v, double du, double dv = 0) {
  return [=](int t) { return std::pair{u + du * t, v + dv * t}; };
}

}  // namespace bitemark
