// Diffusion transformer over spacetime patches. Every frame has its own noise level, and with it its own adaLN-zero
// modulation. Attention is within the frame in every block; in every k-th it also reaches all places of all earlier
// frames (a moving thing is found where it was, and with 16 tokens a frame this is cheaper on a CPU than a separate
// temporal attention with its own projections).
#pragma once

#include <array>
#include <map>
#include <memory>
#include <vector>

#include "model/config.h"
#include "model/kv_ring.h"
#include "model/packed_linear.h"
#include "model/rope.h"
#include "model/torch_compat.h"

namespace bitemark::model {

struct TextInput {
  Tensor tokens;                      ///< [B, L, text_width]
  std::vector<std::int64_t> lengths;  ///< [B], tokens of each caption; what follows them is not seen
  Tensor pooled;                      ///< [B, text_width]
};

struct DitInput {
  Tensor z;              ///< [B, F, C, h, w]
  Tensor past;           ///< [B, F, past_frames * C, h, w]: the frames before as history shows them, latest first
  Tensor level;          ///< [B, F], tau
  Tensor past_level;     ///< [B, F], tau of the frame before; 0 where there is none
  Tensor stride;         ///< [B, F], how far in tau the sampling step goes; 0 = no more than a direction is asked for
  Tensor controls;       ///< [B, F, controls], normalised
  Tensor actions;        ///< [B, F, actions]; undefined = nobody plays
  Tensor shots;          ///< int64 [B, F], number of the shot; undefined = all frames are of the first
  Tensor label;          ///< int64 [B], index into the labels, -1 = none; undefined = none
  Tensor keep_text;      ///< [B], 0 = the caption is withheld
  Tensor keep_controls;  ///< [B], 0 = the controls are withheld
  Tensor keep_actions;   ///< [B], 0 = nobody plays, or the actions are withheld
  TextInput text;
};

/// Which frame sees which. The first `history` frames form a causal sequence; the others are targets, in the same
/// sequence: the j-th sees the history before place j, and itself. With history = F it is one causal sequence. The
/// order of the sequence need not be that of time: given frames may come first although they lie ahead, and a clip may
/// be made from its end.
struct FrameLayout {
  std::vector<std::int64_t> times;  ///< [F], temporal positions
  std::vector<std::int64_t> order;  ///< [F], places in the sequence
  std::int64_t history = 0;
  bool backwards = false;  ///< the frame before in the sequence is the one after in time
};

struct DitOutput {
  Tensor answer;               ///< [B, F, C, h, w], in the parameterisation of the diffusion; 2 C with learned variance
  Tensor middle;               ///< [B, F, S, width], tokens at half depth
  std::vector<FrameKv> frame;  ///< keys and values of the last frame, one entry a spacetime block
};

/// What the network made for one rollout of what does not change from step to step: used again while it is told the
/// same. Neither the weights nor the direction of time may change meanwhile.
struct FrameCache {
  struct Step {
    Tensor c, modulation;  ///< [1, 1, width], [1, 1, 6 width]
  };
  DitInput of;                                 ///< what it was told
  Tensor told;                                 ///< [1, 1, width], see Dit::told
  std::map<std::array<float, 3>, Step> steps;  ///< by level, that of the frame before, stride
  std::vector<SeenKeys> text;                  ///< the caption's keys and values, by the blocks that read them
  RopeTable rope;                              ///< of a frame's places
  Tensor grid;                                 ///< of its patches, [rows * columns, width]
};

class DitBlock;
struct BlockContext;

class Dit : public torch::nn::Module {
 public:
  explicit Dit(const DitConfig& config);
  const DitConfig& config() const { return config_; }
  /// With `ring`, F is 1 and the frame sees the ring's frames and itself; of `layout`, only times and backwards count.
  /// `cache` (may be null) is a rollout's own.
  DitOutput forward(const DitInput& input, const FrameLayout& layout, const KvRing* ring = nullptr,
                    FrameCache* cache = nullptr);
  /// On how many threads a frame is made that sees a ring. Bits do not depend on it. 1 at first.
  void set_frame_threads(int threads) { frame_threads_ = threads; }
  /// Fills `past` and `past_level` for a sequence. latents: [B, F, C, h, w], level: [B, F], times: [F]. Frames that do
  /// not lie side by side in time, or not in the same shot ([B, F], undefined = one), are not each other's past.
  static void set_past(DitInput& input, const Tensor& latents, const Tensor& level, std::int64_t past_frames,
                       const std::vector<std::int64_t>& times, const Tensor& shots = {});

 private:
  /// How noisy each frame is and what is known of it, [B, F, width].
  Tensor level(const DitInput& input, bool backwards);
  /// Controls, caption, actions, shot and label, [B, F, width].
  Tensor told(const DitInput& input);
  Tensor played(const DitInput& input);
  TextInput kept_text(const DitInput& input) const;
  /// Brings `cache` up to `input`; what it says of its step.
  FrameCache::Step remember(const DitInput& input, bool backwards, FrameCache& cache);
  /// Patches of the frame and of those before it, [B, F, S, width].
  Tensor tokens_of(const DitInput& input, const Tensor& grid);
  /// x: [B, F, S, width] after the last block; c: [B, F, width].
  Tensor answer_of(const Tensor& x, const Tensor& c, const DitInput& input);
  /// forward() of one clip by a BlocksPass.
  DitOutput pass_without_gradients(const DitInput& input, const FrameLayout& layout, const KvRing* ring,
                                   FrameCache& cache);

  DitConfig config_;
  PackedLinear patches_{nullptr}, level1_{nullptr}, level2_{nullptr}, control1_{nullptr}, control2_{nullptr};
  PackedLinear pooled_{nullptr}, modulation_{nullptr}, final_modulation_{nullptr}, skip_{nullptr}, head_{nullptr};
  PackedLinear local_skip_{nullptr}, stride_{nullptr}, action1_{nullptr}, action2_{nullptr};
  Tensor null_text_, null_controls_, null_actions_, backwards_, registers_;
  Tensor shots_;   ///< [shots, width]
  Tensor labels_;  ///< [labels + 1, width]; the last stands for none
  std::vector<std::shared_ptr<DitBlock>> blocks_;
  int frame_threads_ = 1;
};

}  // namespace bitemark::model
