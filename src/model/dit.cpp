#include "model/dit.h"

#include <algorithm>
#include <cstdlib>

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

/// Every frame sees itself and `earlier[f]` frames from the first on.
Visibility frames_seen(const std::vector<std::int64_t>& earlier, std::int64_t first_own, std::int64_t tokens) {
  Visibility visibility;
  visibility.tokens = tokens;
  for (std::size_t f = 0; f < earlier.size(); ++f)
    visibility.blocks.push_back({earlier[f] * tokens, (first_own + static_cast<std::int64_t>(f)) * tokens, tokens});
  return visibility;
}

BlockContext block_context(const DitConfig& config, const DitInput& input, const FrameLayout& layout,
                           const KvRing* ring) {
  const std::int64_t rows = input.z.size(3) / config.patch, columns = input.z.size(4) / config.patch;
  const std::int64_t head = config.width / config.heads, frames = input.z.size(1);
  const auto device = input.z.device();
  BlockContext context;
  context.tokens = rows * columns + config.registers;
  context.ring = ring;
  context.within = frames_seen(std::vector<std::int64_t>(static_cast<std::size_t>(frames), 0), 0, context.tokens);
  if (ring == nullptr) {
    Tensor times = at::tensor(at::ArrayRef<std::int64_t>(layout.times));
    if (config.shots > 1 && input.shots.defined()) times = times + kShotJump * input.shots.to(at::kCPU);
    context.rope = rope_table(times, rows, columns, head, device, config.registers);
    context.across = frames_seen(layout.order, 0, context.tokens);
    return context;
  }
  context.rope = rope_table(std::vector<std::int64_t>{0}, rows, columns, head, device, config.registers);
  context.now = layout.times.front();
  if (!ring->empty() && !ring->is_ready(context.now)) {
    const std::int64_t shot = config.shots > 1 && input.shots.defined() ? input.shots.item<std::int64_t>() : 0;
    context.ring_rope = rope_table(ring->distances(context.now, shot), rows, columns, head, device, config.registers);
  }
  context.across = frames_seen({ring->size()}, ring->size(), context.tokens);
  return context;
}

PackedLinear zero_linear(std::int64_t in, std::int64_t out) {
  PackedLinear linear(in, out);
  const torch::NoGradGuard no_grad;
  linear->weight.zero_();
  linear->bias.zero_();
  return linear;
}

}  // namespace

Dit::Dit(const DitConfig& config) : config_(config) {
  const std::int64_t d = config.width, patch = config.latent_channels * config.patch * config.patch;
  patches_ = register_module("patches", PackedLinear((1 + config.past_frames) * patch, d));
  level1_ = register_module("level1", PackedLinear(2 * kLevelWidth, d));
  level2_ = register_module("level2", PackedLinear(d, d));
  control1_ = register_module("control1", PackedLinear(config.controls, d));
  control2_ = register_module("control2", PackedLinear(d, d));
  pooled_ = register_module("pooled", PackedLinear(config.text_width, d));
  null_text_ = register_parameter("null_text", at::zeros({config.text_width}));
  null_controls_ = register_parameter("null_controls", at::zeros({d}));
  modulation_ = register_module("modulation", zero_linear(d, 6 * d));
  final_modulation_ = register_module("final_modulation", zero_linear(d, 2 * d));
  skip_ = register_module("skip", zero_linear(d, 1 + config.past_frames));
  head_ = register_module("head", zero_linear(d, config.learned_variance ? 2 * patch : patch));
  if (config.local_skip)
    local_skip_ = register_module("local_skip", zero_linear(d, (1 + config.past_frames) * config.patch * config.patch));
  if (config.orders) backwards_ = register_parameter("backwards", at::zeros({d}));
  if (config.shortcut) stride_ = register_module("stride", zero_linear(kLevelWidth, d));
  if (config.actions > 0) {
    action1_ = register_module("action1", PackedLinear(config.actions, d));
    action2_ = register_module("action2", zero_linear(d, d));
    null_actions_ = register_parameter("null_actions", at::zeros({d}));
  }
  if (config.shots > 1) shots_ = register_parameter("shots", at::zeros({config.shots, d}));
  if (!config.labels.empty())
    labels_ = register_parameter("labels", at::zeros({static_cast<std::int64_t>(config.labels.size()) + 1, d}));
  if (config.registers > 0) registers_ = register_parameter("registers", 0.02 * at::randn({config.registers, d}));
  for (std::int64_t i = 0; i < config.depth; ++i)
    blocks_.push_back(register_module("blocks" + std::to_string(i), std::make_shared<DitBlock>(config, i)));
}

void Dit::set_past(DitInput& input, const Tensor& latents, const Tensor& level, std::int64_t past_frames,
                   const std::vector<std::int64_t>& times, const Tensor& shots) {
  const auto frames = static_cast<std::int64_t>(times.size());
  // Where the stretch of frames side by side begins that each frame belongs to.
  std::vector<std::int64_t> begin(times.size(), 0);
  for (std::size_t f = 1; f < times.size(); ++f)
    begin[f] = std::abs(times[f] - times[f - 1]) == 1 ? begin[f - 1] : static_cast<std::int64_t>(f);
  const auto earlier = [&](const Tensor& all, std::int64_t back) {
    std::vector<Tensor> rows;
    for (std::int64_t f = 0; f < frames; ++f) {
      const bool there = f - back >= begin[static_cast<std::size_t>(f)];
      rows.push_back(there ? all.select(1, f - back) : at::zeros_like(all.select(1, f)));
      if (!there || !shots.defined()) continue;
      std::vector<std::int64_t> beside(static_cast<std::size_t>(rows.back().dim()), 1);
      beside.front() = -1;
      const Tensor same = shots.select(1, f - back) == shots.select(1, f);
      rows.back() = rows.back() * same.to(all.device(), all.scalar_type()).view(beside);
    }
    return at::stack(rows, 1);
  };
  std::vector<Tensor> parts;
  for (std::int64_t back = 1; back <= past_frames; ++back) parts.push_back(earlier(latents, back));
  input.past = parts.empty() ? latents.slice(2, 0, 0) : at::cat(parts, 2);
  input.past_level = earlier(level, 1);
}

Tensor Dit::conditioning(const DitInput& input, bool backwards) {
  const Tensor levels =
      at::cat({level_embedding(input.level, kLevelWidth), level_embedding(input.past_level, kLevelWidth)}, -1);
  Tensor level = level2_(at::silu(level1_(levels)));
  if (config_.shortcut)
    level = level +
            stride_(level_embedding(input.stride.defined() ? input.stride : at::zeros_like(input.level), kLevelWidth));
  if (config_.orders && backwards) level = level + backwards_;
  const Tensor told = control2_(at::silu(control1_(input.controls)));
  const Tensor controls = at::where(input.keep_controls.view({-1, 1, 1}) > 0.5, told, null_controls_);
  Tensor all = level + controls + pooled_(input.text.pooled).unsqueeze(1);
  if (config_.actions > 0) all = all + played(input);
  if (config_.shots > 1) {
    const Tensor shots =
        input.shots.defined() ? input.shots : at::zeros(input.level.sizes(), input.level.options().dtype(at::kLong));
    all = all + at::embedding(shots_, shots.clamp(0, config_.shots - 1));
  }
  if (!config_.labels.empty()) {
    const auto none = static_cast<std::int64_t>(config_.labels.size());
    const Tensor label = input.label.defined()
                             ? input.label
                             : at::full({input.level.size(0)}, -1, input.level.options().dtype(at::kLong));
    all = all + at::embedding(labels_, at::where(label < 0, at::full_like(label, none), label)).unsqueeze(1);
  }
  return all;
}

/// What a player does, [B, F, width].
Tensor Dit::played(const DitInput& input) {
  if (!input.actions.defined()) return null_actions_;
  const Tensor told = action2_(at::silu(action1_(input.actions)));
  return at::where(input.keep_actions.view({-1, 1, 1}) > 0.5, told, null_actions_);
}

TextInput Dit::kept_text(const DitInput& input) const {
  const Tensor keep = input.keep_text.view({-1, 1}) > 0.5;
  TextInput text;
  text.tokens = at::where(keep.unsqueeze(-1), input.text.tokens, null_text_);
  text.lengths = input.text.lengths;  // of equal tokens it does not matter how many are seen
  text.pooled = at::where(keep, input.text.pooled, null_text_);
  return text;
}

Tensor Dit::through_blocks(Tensor x, const Tensor& modulation, BlockContext& context, DitOutput& output) {
  for (std::size_t i = 0; i < blocks_.size(); ++i) {
    x = blocks_[i]->forward(x, modulation, context, output.frame);
    if (i + 1 == (blocks_.size() + 1) / 2) output.middle = x;
  }
  return x;
}

Tensor Dit::through_blocks_as_team(const Tensor& x, const Tensor& modulation, const BlockContext& context,
                                   DitOutput& output) {
  const KvRing& ring = *context.ring;
  const bool turns = !ring.empty() && !ring.is_ready(context.now);
  if (turns) ring.make_ready(context.now, context.tokens);
  const Tensor example = at::empty({1, 1, config_.heads, config_.width / config_.heads}, x.options());
  SeenKeys even(x.size(2), example), odd(x.size(2), example);
  std::vector<DitOutput> parts(static_cast<std::size_t>(frame_threads_));
  std::vector<Tensor> ends(parts.size());
  run_as_team(frame_threads_, x.size(2), [&](const FramePart& part) {
    const auto rank = static_cast<std::size_t>(part.rank), threads = static_cast<std::size_t>(part.threads);
    for (std::size_t b = rank; turns && b < ring.blocks(); b += threads) ring.fill(b, context.ring_rope);
    BlockContext own = context_of_part(context, part, {&even, &odd});
    part.meet();
    ends[rank] =
        through_blocks(x.slice(2, part.first, part.first + part.count).contiguous(), modulation, own, parts[rank]);
  });
  // [1, 1, S, width] and [1, S, heads, head] of their parts.
  const auto joined = [&](std::int64_t dimension, const auto& of) {
    std::vector<Tensor> all;
    for (const auto& part : parts)
      if (part.middle.defined()) all.push_back(of(part));
    return at::cat(all, dimension);
  };
  for (std::size_t b = 0; b < parts.front().frame.size(); ++b)
    output.frame.push_back({joined(1, [&](const DitOutput& part) { return part.frame[b].key; }),
                            joined(1, [&](const DitOutput& part) { return part.frame[b].value; })});
  output.middle = joined(2, [](const DitOutput& part) { return part.middle; });
  while (!ends.back().defined()) ends.pop_back();
  return at::cat(ends, 2);
}

DitOutput Dit::forward(const DitInput& given, const FrameLayout& layout, const KvRing* ring) {
  BITEMARK_CHECK(given.z.size(3) % config_.patch == 0 && given.z.size(4) % config_.patch == 0);
  DitInput input = given;
  input.text = kept_text(given);
  BlockContext context = block_context(config_, input, layout, ring);
  context.text_tokens = input.text.tokens;
  context.text.tokens = context.tokens * input.z.size(1);
  for (const auto length : input.text.lengths) context.text.blocks.push_back({length, 0, 0});

  const std::int64_t rows = input.z.size(3) / config_.patch, columns = input.z.size(4) / config_.patch;
  const Tensor c = at::silu(conditioning(input, layout.backwards));
  const Tensor modulation = modulation_(c);
  Tensor x = patches_(patchify(at::cat({input.z, input.past}, 2), config_.patch)) +
             grid_embedding(rows, columns, config_.width, input.z.device());
  if (config_.registers > 0)
    x = at::cat({x, registers_.expand({x.size(0), x.size(1), config_.registers, config_.width})}, 2);
  const auto of_image = [&](const Tensor& tokens) { return tokens.slice(2, 0, rows * columns); };
  DitOutput output;
  const bool as_team = ring != nullptr && frame_threads_ > 1 && x.size(0) == 1 && x.is_cpu() && !x.requires_grad();
  x = as_team ? through_blocks_as_team(x, modulation, context, output) : through_blocks(x, modulation, context, output);
  output.middle = of_image(output.middle);
  const auto shift_scale = final_modulation_(c).chunk(2, -1);
  const Tensor last = of_image(norm_modulate(x, shift_scale[0], shift_scale[1]));
  const auto picture = [&](const Tensor& tokens) { return unpatchify(tokens, config_.patch, rows, columns); };
  const Tensor image = picture(head_(last));
  output.answer = image.slice(2, 0, config_.latent_channels);
  // Scaled copies of the noisy frame and of the frames before: what stands still is carried on exactly.
  Tensor gates = skip_(c).unsqueeze(-1).unsqueeze(-1);  // [B, F, 1 + past_frames, 1 or h, 1 or w]
  if (config_.local_skip) gates = gates + picture(local_skip_(last));
  const auto seen = at::cat({input.z, input.past}, 2).chunk(1 + config_.past_frames, 2);
  for (std::size_t i = 0; i < seen.size(); ++i) {
    const auto frame = static_cast<std::int64_t>(i);
    output.answer = output.answer + gates.slice(2, frame, frame + 1) * seen[i];
  }
  if (config_.learned_variance) output.answer = at::cat({output.answer, image.slice(2, config_.latent_channels)}, 2);
  return output;
}

}  // namespace bitemark::model
