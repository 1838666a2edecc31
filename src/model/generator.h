// A checkpoint as a generator of videos: frame by frame, with bounded memory.
#pragma once

#include <functional>
#include <memory>
#include <vector>

#include "episode/conditioning.h"
#include "model/checkpoint.h"
#include "model/diffusion.h"
#include "model/frame_order.h"
#include "model/history_stream.h"

namespace bitemark::model {

using FrameSink = std::function<void(Frame&& frame)>;

class Generator {
 public:
  /// `frame_threads`: on how many threads the frames of one clip are made.
  Generator(const Checkpoint& checkpoint, const RolloutConfig& rollout, int frame_threads = 1);
  /// Hands over the frames that are not given, in the order of time, each as soon as it is there: memory does not grow
  /// with the length. A clip that is made from its end comes when it is whole. Bits depend on the request and the seed,
  /// not on other takes; frames before a change of caption or controls are those of the request without it.
  /// Thread-safe. Frames of a size that the checkpoint was not trained on are made at the trained size of the nearest
  /// shape, and scaled on the way in and out. Throws InputError for an order of frames that it was not trained on.
  void stream(const Conditioning& request, const FrameSink& sink) const;
  /// The same, collected.
  std::vector<Frame> run(const Conditioning& request) const;
  /// The error of denoising each watched frame after the true ones before it: mean square over the latent, in standard
  /// deviations, mean over kSurpriseLevels. The noise depends on the seed, the frame and the level alone, so clips that
  /// are to be compared have it in common.
  std::vector<float> surprise(const Conditioning& request) const;

 private:
  class Rollout;
  friend class Play;
  /// [1, T, C, h, w], of frames brought to `size`; undefined without frames.
  Tensor encode(const std::vector<Frame>& frames, const FrameSize& size) const;
  /// The trained size whose ratio of sides is nearest, and of those the one whose area is.
  FrameSize size_for(const Conditioning& request) const;

  std::shared_ptr<Vae> vae_;
  std::shared_ptr<Dit> dit_;
  std::shared_ptr<TextTower> text_;
  Tokenizer tokenizer_;
  Diffusion diffusion_;
  RolloutConfig rollout_;
  Tensor control_mean_, control_std_;
  std::vector<FrameSize> sizes_;
};

/// A clip that somebody plays: each frame is asked for with what is done up to it.
class Play {
 public:
  /// `start`: the frames that are given, with their actions, and a caption. Throws InputError for a checkpoint that was
  /// trained without actions, or whose latents are more than one frame. `generator` outlives it.
  Play(const Generator& generator, Conditioning start);
  ~Play();
  Play(const Play&) = delete;
  Play& operator=(const Play&) = delete;
  /// actions: by Actions::names().
  Frame next(const std::vector<float>& actions);

 private:
  Conditioning so_far_;
  Frame made_;
  std::unique_ptr<Generator::Rollout> rollout_;
};

}  // namespace bitemark::model
