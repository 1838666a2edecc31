#include "model/public/clip_weights.h"

#include <fmt/format.h>

#include <array>
#include <cmath>
#include <optional>

#include "base/error.h"
#include "base/files.h"
#include "model/checkpoint.h"
#include "model/commands.h"

namespace bitemark::model {
namespace {

using Pair = std::pair<std::string_view, std::string_view>;

/// Prefixes under which whole CLIP models were published inside others.
constexpr std::string_view kPrefixes[] = {"cond_stage_model.transformer.",
                                          "cond_stage_model.model.",
                                          "conditioner.embedders.0.transformer.",
                                          "conditioner.embedders.0.model.",
                                          "text_encoder.",
                                          "clip.",
                                          "model."};

constexpr std::string_view kNoWeights[] = {"logit_scale", "input_resolution", "context_length", "vocab_size"};

/// Hugging Face -> OpenAI, outside the blocks.
constexpr Pair kWhole[] = {
    {"text_model.embeddings.token_embedding.weight", "token_embedding.weight"},
    {"text_model.embeddings.position_embedding.weight", "positional_embedding"},
    {"text_model.final_layer_norm.weight", "ln_final.weight"},
    {"text_model.final_layer_norm.bias", "ln_final.bias"},
    {"vision_model.embeddings.class_embedding", "visual.class_embedding"},
    {"vision_model.embeddings.patch_embedding.weight", "visual.conv1.weight"},
    {"vision_model.embeddings.position_embedding.weight", "visual.positional_embedding"},
    {"vision_model.pre_layrnorm.weight", "visual.ln_pre.weight"},  // spelt like this in every published file
    {"vision_model.pre_layrnorm.bias", "visual.ln_pre.bias"},
    {"vision_model.post_layernorm.weight", "visual.ln_post.weight"},
    {"vision_model.post_layernorm.bias", "visual.ln_post.bias"}};

/// Inside a block.
constexpr Pair kInBlock[] = {{"layer_norm1", "ln_1"},
                             {"layer_norm2", "ln_2"},
                             {"self_attn.out_proj", "attn.out_proj"},
                             {"mlp.fc1", "mlp.c_fc"},
                             {"mlp.fc2", "mlp.c_proj"}};

bool is_known_start(std::string_view name) {
  for (const std::string_view start :
       {"text_model.", "vision_model.", "visual.", "transformer.resblocks.", "token_embedding.", "positional_embedding",
        "ln_final.", "text_projection", "visual_projection."})
    if (name.starts_with(start)) return true;
  return false;
}

std::string without_prefix(const std::string& name) {
  if (is_known_start(name)) return name;
  for (const auto prefix : kPrefixes)
    if (name.starts_with(prefix) && is_known_start(std::string_view(name).substr(prefix.size())))
      return name.substr(prefix.size());
  return name;
}

bool is_weight(const std::string& name) {
  for (const auto other : kNoWeights)
    if (name == other) return false;
  return !name.ends_with("position_ids");
}

/// "text_model.encoder.layers.3.mlp.fc1.bias" -> {"transformer.resblocks.3.", "mlp.fc1.bias"}.
std::optional<std::pair<std::string, std::string>> block_and_rest(const std::string& name) {
  for (const auto& [theirs, ours] : {Pair{"text_model.encoder.layers.", "transformer.resblocks."},
                                     Pair{"vision_model.encoder.layers.", "visual.transformer.resblocks."}}) {
    if (!name.starts_with(theirs)) continue;
    const std::size_t dot = name.find('.', theirs.size());
    if (dot == std::string::npos) return std::nullopt;
    return std::pair{std::string(ours) + name.substr(theirs.size(), dot + 1 - theirs.size()), name.substr(dot + 1)};
  }
  return std::nullopt;
}

/// Joins a block's q_proj, k_proj and v_proj once all three are known.
class QueryKeyValue {
 public:
  /// `rest`: "self_attn.q_proj.weight". False when it is something else.
  bool take(const std::string& block, const std::string& rest, const StoredWeight& weight) {
    for (std::size_t i = 0; i < 3; ++i) {
      const std::string start = std::string("self_attn.") + "qkv"[i] + "_proj.";
      if (!rest.starts_with(start)) continue;
      parts_[block + "attn.in_proj_" + rest.substr(start.size())][i] = weight;
      return true;
    }
    return false;
  }
  void join_into(StoredWeights& out) const {
    for (const auto& [name, parts] : parts_) {
      std::vector<Tensor> values;
      for (const auto& part : parts) {
        if (!part.value.defined()) break;
        if (!values.empty() && part.value.sizes() != values[0].sizes())
          throw InputError(part.file, part.name,
                           fmt::format("has shape {}, expected {} as {} has", shape_text(part.value.sizes().vec()),
                                       shape_text(values[0].sizes().vec()), parts[0].name));
        values.push_back(part.value);
      }
      if (values.size() < 3) continue;  // set_weights names the joined one as missing
      out[name] = parts[0];
      out[name].value = at::cat(values, 0);
    }
  }

 private:
  std::map<std::string, std::array<StoredWeight, 3>> parts_;
};

/// Empty when there is no other name for it.
std::string renamed(const std::string& name) {
  for (const auto& [theirs, ours] : kWhole)
    if (name == theirs) return std::string(ours);
  const auto block = block_and_rest(name);
  if (!block) return "";
  for (const auto& [theirs, ours] : kInBlock)
    if (block->second.starts_with(theirs))
      return block->first + std::string(ours) + block->second.substr(theirs.size());
  return "";
}

StoredWeight transposed(StoredWeight weight) {
  if (weight.value.dim() == 2) weight.value = weight.value.t();
  return weight;
}

StoredWeight weight_at(const StoredWeights& weights, const std::string& name, std::int64_t dims,
                       const std::string& file) {
  const auto found = weights.find(name);
  if (found == weights.end()) throw InputError(file, name, "is missing");
  if (found->second.value.dim() != dims)
    throw InputError(
        found->second.file, found->second.name,
        fmt::format("has shape {}, expected {} dimensions", shape_text(found->second.value.sizes().vec()), dims));
  return found->second;
}

std::int64_t depth_of(const StoredWeights& weights, const std::string& prefix) {
  std::int64_t depth = 0;
  while (weights.contains(prefix + std::to_string(depth) + ".ln_1.weight")) ++depth;
  return depth;
}

std::int64_t heads_of(std::int64_t width) { return std::max<std::int64_t>(1, width / 64); }

void expect_range(std::int64_t value, std::int64_t low, std::int64_t high, const StoredWeight& weight,
                  const char* what) {
  if (value < low || value > high)
    throw InputError(weight.file, weight.name, fmt::format("gives {} {}, expected {} to {}", what, value, low, high));
}

/// The part of the weights below (or, with an empty prefix, outside) "visual.".
StoredWeights part_of(const StoredWeights& weights, bool visual) {
  constexpr std::string_view kVisual = "visual.";
  StoredWeights part;
  for (const auto& [name, weight] : weights) {
    if (name.starts_with(kVisual) != visual) continue;
    part.emplace(visual ? name.substr(kVisual.size()) : name, weight);
  }
  return part;
}

}  // namespace

StoredWeights as_openai_clip(StoredWeights weights) {
  StoredWeights out;
  QueryKeyValue joined;
  for (const auto& [full, weight] : weights) {
    const std::string name = without_prefix(full);
    if (!is_weight(name)) continue;
    const auto block = block_and_rest(name);
    if (block && joined.take(block->first, block->second, weight)) continue;
    if (name == "text_projection.weight") {
      out["text_projection"] = transposed(weight);  // [E, W] there, [W, E] in OpenAI's
    } else if (name == "visual_projection.weight") {
      out["visual.proj"] = transposed(weight);
    } else {
      const std::string other = renamed(name);
      out[other.empty() ? name : other] = weight;
    }
  }
  joined.join_into(out);
  if (const auto norm = out.find("ln_final.weight"); norm != out.end() && !out.contains("text_projection")) {
    out["text_projection"] = norm->second;
    out["text_projection"].value = at::eye(norm->second.value.numel());
  }
  return out;
}

std::shared_ptr<TextTower> clip_text_tower(const StoredWeights& openai, const std::string& file) {
  const StoredWeight tokens = weight_at(openai, "token_embedding.weight", 2, file);
  const StoredWeight places = weight_at(openai, "positional_embedding", 2, file);
  const StoredWeight projection = weight_at(openai, "text_projection", 2, file);
  TextConfig config;
  config.vocabulary = tokens.value.size(0);
  config.context = places.value.size(0);
  config.width = tokens.value.size(1);
  config.depth = depth_of(openai, "transformer.resblocks.");
  config.heads = heads_of(config.width);
  config.embedding = projection.value.size(1);
  expect_range(config.width, 8, 4096, tokens, "width");
  expect_range(config.vocabulary, 514, 1 << 20, tokens, "vocabulary");
  expect_range(config.context, 4, 512, places, "context");
  expect_range(config.embedding, 2, 4096, projection, "embedding");
  expect_range(config.depth, 1, 64, tokens, "a model of depth");
  if (config.width % config.heads != 0)
    throw InputError(tokens.file, tokens.name, "has a width that 64 does not divide");
  auto tower = std::make_shared<TextTower>(config);
  set_weights(*tower, part_of(openai, false), file);
  tower->eval();
  return tower;
}

std::shared_ptr<VisionTower> clip_vision_tower(const StoredWeights& openai, const std::string& file) {
  const StoredWeight patches = weight_at(openai, "visual.conv1.weight", 4, file);
  const StoredWeight places = weight_at(openai, "visual.positional_embedding", 2, file);
  const StoredWeight projection = weight_at(openai, "visual.proj", 2, file);
  VisionConfig config;
  config.width = patches.value.size(0);
  config.patch = patches.value.size(3);
  const auto grid = std::llround(std::sqrt(static_cast<double>(std::max<std::int64_t>(places.value.size(0) - 1, 0))));
  if (grid < 1 || grid * grid + 1 != places.value.size(0))
    throw InputError(places.file, places.name,
                     fmt::format("has {} rows, expected a square and one more", places.value.size(0)));
  expect_range(config.width, 8, 4096, patches, "width");
  expect_range(config.patch, 1, 64, patches, "patch");
  expect_range(grid, 1, 64, places, "a grid of");
  expect_range(projection.value.size(1), 2, 4096, projection, "embedding");
  config.size = grid * config.patch;
  config.depth = depth_of(openai, "visual.transformer.resblocks.");
  config.heads = heads_of(config.width);
  config.embedding = projection.value.size(1);
  expect_range(config.depth, 1, 64, patches, "a model of depth");
  if (config.width % config.heads != 0)
    throw InputError(patches.file, patches.name, "has a width that 64 does not divide");
  auto tower = std::make_shared<VisionTower>(config);
  set_weights(*tower, part_of(openai, true), file);
  tower->eval();
  return tower;
}

void import_clip(const ImportClipOptions& options) {
  const StoredWeights weights = as_openai_clip(read_weights(options.weights));
  const auto tower = clip_text_tower(weights, options.weights.string());
  const bool pictures = weights.contains("visual.class_embedding");  // text alone, and CLIPs with a ResNet, have none
  const auto vision = pictures ? clip_vision_tower(weights, options.weights.string()) : nullptr;
  const Tokenizer tokenizer = Tokenizer::load_merges(options.merges);
  if (tokenizer.size() != tower->config().vocabulary)
    throw InputError(options.merges.string(), "",
                     fmt::format("gives {} tokens, expected {} as {} has", tokenizer.size(), tower->config().vocabulary,
                                 options.weights.string()));
  if (std::filesystem::exists(options.out / "config.json"))
    throw InputError(options.out.string(), "", "holds a checkpoint already; choose another folder");
  make_folder(options.out);
  save_weights(options.out / "text.safetensors", weights_of(*tower), true);
  tokenizer.save(options.out / "tokenizer.json");
  Json config = {{"text", to_json(tower->config())}};
  if (vision != nullptr) {
    save_weights(options.out / "vision.safetensors", weights_of(*vision), true);
    config["vision"] = to_json(vision->config());
  }
  write_config(options.out, config);  // last: with it the folder is a checkpoint
}

}  // namespace bitemark::model
