#include "model/dit.h"

#include <limits>

#include "base/error.h"
#include "model/dit_block.h"

namespace bitemark::model {
namespace {

constexpr std::int64_t kLevelWidth = 128;

/// [B, F, C, h, w] -> [B, F, S, C p p].
Tensor patchify(const Tensor& x, std::int64_t p) {
  const std::int64_t rows = x.size(3) / p, columns = x.size(4) / p;
  return x.reshape({x.size(0), x.size(1), x.size(2), rows, p, columns, p})
      .permute({0, 1, 3, 5, 2, 4, 6})
      .reshape({x.size(0), x.size(1), rows * columns, x.size(2) * p * p});
}

/// Inverse of patchify.
Tensor unpatchify(const Tensor& x, std::int64_t p, std::int64_t rows, std::int64_t columns) {
  const std::int64_t channels = x.size(3) / (p * p);
  return x.reshape({x.size(0), x.size(1), rows, columns, channels, p, p})
      .permute({0, 1, 4, 2, 5, 3, 6})
      .reshape({x.size(0), x.size(1), channels, rows * p, columns * p});
}

/// 0 where the query's frame may see the key's, -inf elsewhere; expanded to tokens.
Tensor visibility(const std::vector<std::int64_t>& query, const std::vector<std::int64_t>& key, bool own,
                  std::int64_t tokens, const torch::Device& device) {
  const Tensor q = at::tensor(at::ArrayRef<std::int64_t>(query)).unsqueeze(1);
  const Tensor k = at::tensor(at::ArrayRef<std::int64_t>(key)).unsqueeze(0);
  const Tensor hidden = own ? k > q : k >= q;
  const Tensor mask = at::zeros(hidden.sizes()).masked_fill(hidden, -std::numeric_limits<float>::infinity());
  return mask.repeat_interleave(tokens, 0).repeat_interleave(tokens, 1).to(device);
}

BlockContext block_context(const DitConfig& config, const DitInput& input, const FrameLayout& layout,
                           const KvRing* ring) {
  const std::int64_t rows = input.z.size(3) / config.patch, columns = input.z.size(4) / config.patch;
  const std::int64_t head = config.width / config.heads;
  const auto device = input.z.device();
  BlockContext context;
  context.tokens = rows * columns;
  context.ring = ring;
  if (ring != nullptr) {
    std::vector<std::int64_t> earlier(static_cast<std::size_t>(ring->size()));
    for (std::size_t i = 0; i < earlier.size(); ++i) earlier[i] = static_cast<std::int64_t>(i);
    context.rope = rope_table({ring->size()}, rows, columns, head, device);
    if (!ring->empty()) context.ring_rope = rope_table(earlier, rows, columns, head, device);
    return context;
  }
  context.layout = layout;
  context.rope = rope_table(layout.times, rows, columns, head, device);
  const auto middle = layout.times.begin() + static_cast<std::ptrdiff_t>(layout.history);
  const std::vector<std::int64_t> history(layout.times.begin(), middle), targets(middle, layout.times.end());
  if (history.empty()) return context;
  context.history_mask = visibility(history, history, true, context.tokens, device);
  if (!targets.empty()) context.target_mask = visibility(targets, history, false, context.tokens, device);
  return context;
}

torch::nn::Linear zero_linear(std::int64_t in, std::int64_t out) {
  torch::nn::Linear linear(in, out);
  const torch::NoGradGuard no_grad;
  linear->weight.zero_();
  linear->bias.zero_();
  return linear;
}

}  // namespace

Dit::Dit(const DitConfig& config) : config_(config) {
  const std::int64_t d = config.width, patch = config.latent_channels * config.patch * config.patch;
  patches_ = register_module("patches", torch::nn::Linear((1 + config.past_frames) * patch, d));
  level1_ = register_module("level1", torch::nn::Linear(2 * kLevelWidth, d));
  level2_ = register_module("level2", torch::nn::Linear(d, d));
  control1_ = register_module("control1", torch::nn::Linear(config.controls, d));
  control2_ = register_module("control2", torch::nn::Linear(d, d));
  pooled_ = register_module("pooled", torch::nn::Linear(config.text_width, d));
  null_text_ = register_parameter("null_text", at::zeros({config.text_width}));
  null_controls_ = register_parameter("null_controls", at::zeros({d}));
  modulation_ = register_module("modulation", zero_linear(d, 6 * d));
  final_modulation_ = register_module("final_modulation", zero_linear(d, 2 * d));
  skip_ = register_module("skip", zero_linear(d, 1 + config.past_frames));
  head_ = register_module("head", zero_linear(d, config.learned_variance ? 2 * patch : patch));
  for (std::int64_t i = 0; i < config.depth; ++i)
    blocks_.push_back(register_module("blocks" + std::to_string(i), std::make_shared<DitBlock>(config, i)));
}

void Dit::set_past(DitInput& input, const Tensor& latents, const Tensor& level, std::int64_t past_frames) {
  std::vector<Tensor> parts;
  const std::int64_t frames = latents.size(1);
  for (std::int64_t back = 1; back <= past_frames; ++back) {
    const std::int64_t missing = std::min(back, frames);
    const Tensor none = at::zeros_like(latents.slice(1, 0, missing));
    parts.push_back(at::cat({none, latents.slice(1, 0, frames - missing)}, 1));
  }
  input.past = parts.empty() ? latents.slice(2, 0, 0) : at::cat(parts, 2);
  input.past_level = at::cat({at::zeros_like(level.slice(1, 0, 1)), level.slice(1, 0, frames - 1)}, 1);
}

Tensor Dit::conditioning(const DitInput& input) {
  const Tensor levels =
      at::cat({level_embedding(input.level, kLevelWidth), level_embedding(input.past_level, kLevelWidth)}, -1);
  const Tensor level = level2_(at::silu(level1_(levels)));
  const Tensor told = control2_(at::silu(control1_(input.controls)));
  const Tensor controls = at::where(input.keep_controls.view({-1, 1, 1}) > 0.5, told, null_controls_);
  return level + controls + pooled_(input.text.pooled).unsqueeze(1);
}

TextInput Dit::kept_text(const DitInput& input) const {
  const Tensor keep = input.keep_text.view({-1, 1}) > 0.5;
  TextInput text;
  text.tokens = at::where(keep.unsqueeze(-1), input.text.tokens, null_text_);
  text.padding = at::where(keep, input.text.padding, at::zeros_like(input.text.padding));
  text.pooled = at::where(keep, input.text.pooled, null_text_);
  return text;
}

DitOutput Dit::forward(const DitInput& given, const FrameLayout& layout, const KvRing* ring) {
  BITEMARK_CHECK(given.z.size(3) % config_.patch == 0 && given.z.size(4) % config_.patch == 0);
  DitInput input = given;
  input.text = kept_text(given);
  BlockContext context = block_context(config_, input, layout, ring);
  context.text_tokens = input.text.tokens;
  context.text_mask = input.text.padding.view({input.text.padding.size(0), 1, 1, -1});

  const std::int64_t rows = input.z.size(3) / config_.patch, columns = input.z.size(4) / config_.patch;
  const Tensor c = at::silu(conditioning(input));
  const Tensor modulation = modulation_(c);
  Tensor x = patches_(patchify(at::cat({input.z, input.past}, 2), config_.patch)) +
             grid_embedding(rows, columns, config_.width, input.z.device());
  DitOutput output;
  for (std::size_t i = 0; i < blocks_.size(); ++i) {
    x = blocks_[i]->forward(x, modulation, context, output.frame);
    if (i + 1 == (blocks_.size() + 1) / 2) output.middle = x;
  }
  const auto shift_scale = final_modulation_(c).chunk(2, -1);
  const Tensor image = unpatchify(head_(modulate(x, shift_scale[0], shift_scale[1])), config_.patch, rows, columns);
  output.answer = image.slice(2, 0, config_.latent_channels);
  // Scaled copies of the noisy frame and of the frames before: what stands still is carried on exactly.
  const Tensor gates = skip_(c);
  const auto seen = at::cat({input.z, input.past}, 2).chunk(1 + config_.past_frames, 2);
  for (std::size_t i = 0; i < seen.size(); ++i) {
    const auto gate = gates.select(-1, static_cast<std::int64_t>(i)).view({c.size(0), c.size(1), 1, 1, 1});
    output.answer = output.answer + gate * seen[i];
  }
  if (config_.learned_variance) output.answer = at::cat({output.answer, image.slice(2, config_.latent_channels)}, 2);
  return output;
}

}  // namespace bitemark::model
