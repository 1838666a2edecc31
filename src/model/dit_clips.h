// The clips that a transformer is trained on, in the order in which their frames are made.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/random.h"
#include "model/dit.h"

namespace bitemark::model {

struct Sequence {
  std::vector<std::int64_t> times;  ///< of the frames, in the order in which they are made
  bool backwards = false;
};

Sequence in_time(std::int64_t window);
/// `backwards`: chance of a clip made from its end; `between`: of one whose last frames (1 to 4) are given and come
/// first. Draws only where one of them is above 0.
Sequence draw_sequence(double backwards, double between, std::int64_t window, Pcg32& random);
/// [B, F, ...] in the order of time -> in the order of `times`.
Tensor in_order(const Tensor& by_time, const std::vector<std::int64_t>& times);

/// Latents [B, F, C, h, w] of unit variance as a long rollout leaves them behind, in a `share` of the clips: from some
/// frame on contrast has grown or faded and stains have settled that stay, the same in all those frames. `stains`:
/// standard normal, [B, 1, C, h, w].
Tensor worn(const Tensor& x, const Tensor& stains, double share, Pcg32& random);

/// The clips of one part of a step, in the order of the sequence.
struct Clips {
  Sequence sequence;
  bool plain = false;  ///< one causal sequence, each frame at its own level
  Tensor x;            ///< [B, F, C, h, w]
  Tensor motion;       ///< [B, F, 1, h, w], weight of an error
  Tensor states;       ///< [B, F, bodies, state]
  Tensor controls;     ///< [B, F, channels], normalised
  Tensor actions;      ///< [B, F, actions]; undefined where the network knows none
  Tensor played;       ///< [B], 1 where somebody plays
  Tensor shots;        ///< int64 [B, F]; undefined where the network knows no cuts
  Tensor label;        ///< int64 [B]; undefined where the network knows no labels
  std::vector<std::string> captions;
};

/// What the targets are made of.
struct Noised {
  Tensor eps;     ///< like x
  Tensor level;   ///< [B, F]
  Tensor stride;  ///< [B, F]; undefined = no step is asked for
};

/// All frames but the last as history, then all as targets; of plain clips, one sequence.
FrameLayout layout_of(const Clips& clips);
/// Where the targets begin; 0 for a plain sequence.
std::int64_t first_target(const FrameLayout& layout);

}  // namespace bitemark::model
