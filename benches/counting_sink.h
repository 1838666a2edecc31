// Where benchmarks put episodes: counts the frames and, if asked, digests every channel, so that a faster renderer that
// renders something else shows.
#pragma once

#include <benchmark/benchmark.h>

#include <string>

#include "base/sha256.h"
#include "episode/episode.h"

namespace bitemark {

class CountingSink : public EpisodeSink {
 public:
  explicit CountingSink(bool digests) : digests_(digests) {}
  void begin(const EpisodeInfo&) override {}
  void frame(int, Frame&& frame, FrameTruth&& truth) override {
    ++frames;
    benchmark::DoNotOptimize(frame.rgb.data());
    benchmark::DoNotOptimize(truth.depth.data());
    if (!digests_) return;
    const auto add = [&](const auto& values) { sum_.update(values.data(), values.size() * sizeof(*values.data())); };
    add(frame.rgb);
    add(truth.depth);
    add(truth.ids);
    add(truth.flow_forward);
    add(truth.flow_backward);
    add(truth.flow_flags);
  }
  void end(const EpisodeInfo&) override {}
  /// Of all frames; once.
  std::string digest() { return hex(sum_.finish()).substr(0, 16); }
  int frames = 0;

 private:
  bool digests_;
  Sha256 sum_;
};

}  // namespace bitemark
