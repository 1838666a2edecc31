#include "model/dit.h"

#include <algorithm>
#include <cstdlib>

#include "base/error.h"
#include "model/cpu_floats.h"
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

/// Of the frames of a ring as the frame at `time` sees them.
RopeTable ring_rope(const DitConfig& config, const DitInput& input, std::int64_t time, const KvRing& ring) {
  const std::int64_t shot = config.shots > 1 && input.shots.defined() ? input.shots.item<std::int64_t>() : 0;
  return rope_table(ring.distances(time, shot), input.z.size(3) / config.patch, input.z.size(4) / config.patch,
                    config.width / config.heads, input.z.device(), config.registers);
}

/// Of the frames of a window.
RopeTable window_rope(const DitConfig& config, const DitInput& input, const std::vector<std::int64_t>& at_times) {
  Tensor times = at::tensor(at::ArrayRef<std::int64_t>(at_times));
  if (config.shots > 1 && input.shots.defined()) times = times + kShotJump * input.shots.to(at::kCPU);
  return rope_table(times, input.z.size(3) / config.patch, input.z.size(4) / config.patch, config.width / config.heads,
                    input.z.device(), config.registers);
}

/// Of one frame that sees a ring: it stands at 0.
RopeTable frame_rope(const DitConfig& config, const DitInput& input) {
  return rope_table(std::vector<std::int64_t>{0}, input.z.size(3) / config.patch, input.z.size(4) / config.patch,
                    config.width / config.heads, input.z.device(), config.registers);
}

BlockContext block_context(const DitConfig& config, const DitInput& input, const FrameLayout& layout,
                           const KvRing* ring) {
  const auto frames = static_cast<std::size_t>(input.z.size(1));
  BlockContext context;
  context.tokens = input.z.size(3) / config.patch * (input.z.size(4) / config.patch) + config.registers;
  context.ring = ring;
  context.within = frames_seen(std::vector<std::int64_t>(frames, 0), 0, context.tokens);
  context.text_tokens = input.text.tokens;
  context.text.tokens = context.tokens * input.z.size(1);
  for (const auto length : input.text.lengths) context.text.blocks.push_back({length, 0, 0});
  if (ring == nullptr) {
    context.rope = window_rope(config, input, layout.times);
    context.across = frames_seen(layout.order, 0, context.tokens);
    return context;
  }
  context.rope = frame_rope(config, input);
  context.now = layout.times.front();
  if (!ring->empty() && !ring->is_ready(context.now)) context.ring_rope = ring_rope(config, input, context.now, *ring);
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

Tensor Dit::level(const DitInput& input, bool backwards) {
  const Tensor levels =
      at::cat({level_embedding(input.level, kLevelWidth), level_embedding(input.past_level, kLevelWidth)}, -1);
  Tensor level = level2_(at::silu(level1_(levels)));
  if (config_.shortcut)
    level = level +
            stride_(level_embedding(input.stride.defined() ? input.stride : at::zeros_like(input.level), kLevelWidth));
  if (config_.orders && backwards) level = level + backwards_;
  return level;
}

Tensor Dit::told(const DitInput& input) {
  const Tensor controls = at::where(input.keep_controls.view({-1, 1, 1}) > 0.5,
                                    control2_(at::silu(control1_(input.controls))), null_controls_);
  Tensor all = controls + pooled_(input.text.pooled).unsqueeze(1);
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

FrameCache::Step Dit::remember(const DitInput& input, bool backwards, FrameCache& cache) {
  DitInput& of = cache.of;
  const auto same = [](const Tensor& a, const Tensor& b) {
    return a.is_same(b) || (a.defined() && b.defined() && a.sizes() == b.sizes() && at::equal(a, b));
  };
  const bool same_text = same(input.text.tokens, of.text.tokens) && same(input.keep_text, of.keep_text);
  const bool same_told = same_text && same(input.text.pooled, of.text.pooled) && same(input.controls, of.controls) &&
                         same(input.actions, of.actions) && same(input.shots, of.shots) &&
                         same(input.label, of.label) && same(input.keep_controls, of.keep_controls) &&
                         same(input.keep_actions, of.keep_actions);
  const std::int64_t rows = input.z.size(3) / config_.patch, columns = input.z.size(4) / config_.patch;
  if (!cache.grid.defined() || input.z.size(3) != of.z.size(3) || input.z.size(4) != of.z.size(4)) {
    cache.grid = grid_embedding(rows, columns, config_.width, input.z.device());
    cache.rope = frame_rope(config_, input);
  }
  if (!same_told) {
    DitInput kept = input;
    kept.text = kept_text(input);
    cache.told = told(kept);
    cache.steps.clear();
    if (!same_text) cache.text.clear();
    for (auto& block : blocks_)
      if (!same_text && block->reads_text()) cache.text.push_back(block->text_keys(kept.text.tokens));
  }
  of = input;
  const auto make = [&] {
    const Tensor c = at::silu(level(input, backwards) + cache.told);
    return FrameCache::Step{c, modulation_(c)};
  };
  if (input.z.size(1) > 1) return make();
  const float stride = input.stride.defined() ? input.stride.item<float>() : 0.0F;
  const std::array<float, 3> key{input.level.item<float>(), input.past_level.item<float>(), stride};
  const auto found = cache.steps.find(key);
  if (found != cache.steps.end()) return found->second;
  constexpr std::size_t kSteps = 32;  // more than a rollout has
  if (cache.steps.size() >= kSteps) cache.steps.clear();
  return cache.steps[key] = make();
}

Tensor Dit::tokens_of(const DitInput& input, const Tensor& grid) {
  Tensor x = patches_(patchify(at::cat({input.z, input.past}, 2), config_.patch)) + grid;
  if (config_.registers == 0) return x;
  return at::cat({x, registers_.expand({x.size(0), x.size(1), config_.registers, config_.width})}, 2);
}

Tensor Dit::answer_of(const Tensor& x, const Tensor& c, const DitInput& input) {
  const std::int64_t rows = input.z.size(3) / config_.patch, columns = input.z.size(4) / config_.patch;
  const auto picture = [&](const Tensor& tokens) { return unpatchify(tokens, config_.patch, rows, columns); };
  const auto shift_scale = final_modulation_(c).chunk(2, -1);
  const Tensor last = norm_modulate(x, shift_scale[0], shift_scale[1]).slice(2, 0, rows * columns);
  const Tensor image = picture(head_(last)), plain = image.slice(2, 0, config_.latent_channels);
  // Scaled copies of the noisy frame and of the frames before: what stands still is carried on exactly.
  Tensor gates = skip_(c).unsqueeze(-1).unsqueeze(-1);  // [B, F, 1 + past_frames, 1 or h, 1 or w]
  if (config_.local_skip) gates = gates + picture(local_skip_(last));
  const Tensor seen = at::cat({input.z, input.past}, 2).unflatten(2, {1 + config_.past_frames, -1});
  const Tensor answer = plain + (gates.unsqueeze(3) * seen).sum(2);
  return config_.learned_variance ? at::cat({answer, image.slice(2, config_.latent_channels)}, 2) : answer;
}

DitOutput Dit::pass_without_gradients(const DitInput& input, const FrameLayout& layout, const KvRing* ring,
                                      FrameCache& cache) {
  const auto [c, modulation] = remember(input, layout.backwards, cache);
  const Tensor tokens = tokens_of(input, cache.grid);
  BlocksPass pass;
  pass.frames = tokens.size(1);
  pass.tokens = tokens.size(2);
  pass.width = config_.width;
  pass.heads = config_.heads;
  for (auto& block : blocks_) pass.blocks.push_back(block->packed());
  pass.x = tokens.view({pass.frames * pass.tokens, pass.width}).contiguous();
  pass.modulation = modulation.view({pass.frames, -1}).contiguous();
  pass.text = &cache.text;
  pass.text_length = input.text.lengths.front();
  if (ring == nullptr) {
    pass.rope = window_rope(config_, input, layout.times);
    pass.across = frames_seen(layout.order, 0, pass.tokens).blocks;
  } else {
    pass.rope = cache.rope;
    pass.across = {{(ring->size() + 1) * pass.tokens, 0, 0}};
    if (!ring->empty()) pass.ring = ring;
    if (const std::int64_t now = layout.times.front(); !ring->empty() && !ring->is_ready(now)) {
      ring->make_ready(now, pass.tokens);
      pass.ring_rope = ring_rope(config_, input, now, *ring);
    }
  }
  run(pass, ring == nullptr ? at::get_num_threads() : frame_threads_);
  DitOutput output;
  output.frame = std::move(pass.kept);
  const auto of_clip = [&](const Tensor& x) { return x.view_as(tokens); };
  output.middle = of_clip(pass.middle).slice(2, 0, cache.grid.size(0));
  output.answer = answer_of(of_clip(pass.x), c, input);
  return output;
}

DitOutput Dit::forward(const DitInput& given, const FrameLayout& layout, const KvRing* ring, FrameCache* cache) {
  BITEMARK_CHECK(given.z.size(3) % config_.patch == 0 && given.z.size(4) % config_.patch == 0);
  if (given.z.size(0) == 1 && is_ours(given.z) && is_ours(null_text_) && !c10::GradMode::is_enabled()) {
    FrameCache own;
    return pass_without_gradients(given, layout, ring, cache == nullptr ? own : *cache);
  }
  DitInput input = given;
  input.text = kept_text(given);
  BlockContext context = block_context(config_, input, layout, ring);
  const std::int64_t rows = input.z.size(3) / config_.patch, columns = input.z.size(4) / config_.patch;
  const Tensor c = at::silu(level(input, layout.backwards) + told(input));
  DitOutput output;
  Tensor x = tokens_of(input, grid_embedding(rows, columns, config_.width, input.z.device()));
  const Tensor modulation = modulation_(c);
  for (std::size_t i = 0; i < blocks_.size(); ++i) {
    x = blocks_[i]->forward(x, modulation, context, output.frame);
    if (i + 1 == (blocks_.size() + 1) / 2) output.middle = x.slice(2, 0, rows * columns);
  }
  output.answer = answer_of(x, c, input);
  return output;
}

}  // namespace bitemark::model
