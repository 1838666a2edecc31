#include "model/public/class_dit.h"

#include <fmt/format.h>

#include <cmath>

#include "base/error.h"
#include "base/interrupt.h"
#include "base/parallel.h"
#include "base/progress.h"
#include "model/commands.h"
#include "model/noise.h"
#include "model/sampler.h"

namespace bitemark::model {
namespace {

constexpr std::int64_t kLevelWidth = 256;
constexpr double kEpsilon = 1e-6;

Tensor modulated(const Tensor& x, const Tensor& shift, const Tensor& scale) {
  return at::layer_norm(x, {x.size(-1)}, {}, {}, kEpsilon) * (1.0 + scale.unsqueeze(1)) + shift.unsqueeze(1);
}

torch::nn::Sequential modulation_layer(std::int64_t width, std::int64_t count) {
  return torch::nn::Sequential(torch::nn::SiLU(), torch::nn::Linear(width, count * width));
}

/// [cos | sin] of t times exp(-ln(1e4) i / 128).
Tensor timestep_embedding(const Tensor& t) {
  const std::int64_t half = kLevelWidth / 2;
  const Tensor frequencies = at::exp(at::arange(half, at::kFloat) * (-std::log(1e4) / static_cast<double>(half)));
  const Tensor angles = t.to(at::kFloat).unsqueeze(1) * frequencies.to(t.device());
  return at::cat({angles.cos(), angles.sin()}, 1);
}

/// Holds parameters under a name; what is done with them stands where they are used.
class Holder : public torch::nn::Module {
 public:
  template <typename Layer>
  Layer add(const std::string& name, Layer layer) {
    return register_module(name, std::move(layer));
  }
};

}  // namespace

class ClassDitBlock : public torch::nn::Module {
 public:
  ClassDitBlock(std::int64_t width, std::int64_t heads) : heads_(heads) {
    const auto attn = register_module("attn", std::make_shared<Holder>());
    qkv_ = attn->add("qkv", torch::nn::Linear(width, 3 * width));
    proj_ = attn->add("proj", torch::nn::Linear(width, width));
    const auto mlp = register_module("mlp", std::make_shared<Holder>());
    fc1_ = mlp->add("fc1", torch::nn::Linear(width, 4 * width));
    fc2_ = mlp->add("fc2", torch::nn::Linear(4 * width, width));
    modulation_ = register_module("adaLN_modulation", modulation_layer(width, 6));
  }

  /// x: [B, N, D]; c: [B, D].
  Tensor forward(const Tensor& x, const Tensor& c) {
    const auto m = modulation_->forward(c).chunk(6, 1);  // shift, scale, gate for attention; the same for the MLP
    const Tensor y = x + m[2].unsqueeze(1) * attention(modulated(x, m[0], m[1]));
    return y + m[5].unsqueeze(1) * fc2_(at::gelu(fc1_(modulated(y, m[3], m[4])), "tanh"));
  }

 private:
  Tensor attention(const Tensor& x) {
    const auto parts =
        qkv_(x).view({x.size(0), x.size(1), 3, heads_, x.size(2) / heads_}).permute({2, 0, 3, 1, 4}).unbind(0);
    return proj_(attend(parts[0], parts[1], parts[2]).transpose(1, 2).reshape(x.sizes()));
  }

  std::int64_t heads_;
  torch::nn::Linear qkv_{nullptr}, proj_{nullptr}, fc1_{nullptr}, fc2_{nullptr};
  torch::nn::Sequential modulation_;
};

Tensor sincos_positions(std::int64_t width, std::int64_t n) {
  const std::int64_t quarter = width / 4;
  const Tensor frequencies =
      at::exp(at::arange(quarter, at::kDouble) * (-std::log(1e4) / static_cast<double>(quarter)));
  const Tensor place = at::arange(n, at::kDouble).unsqueeze(1) * frequencies;  // [n, quarter]
  const Tensor one = at::cat({place.sin(), place.cos()}, 1);
  const Tensor by_column = one.unsqueeze(0).expand({n, n, 2 * quarter});
  const Tensor by_row = one.unsqueeze(1).expand({n, n, 2 * quarter});
  return at::cat({by_column, by_row}, 2).reshape({n * n, 4 * quarter}).to(at::kFloat);
}

ClassDit::ClassDit(const ClassDitConfig& config) : config_(config) {
  const std::int64_t d = config.width, n = config.input_size / config.patch;
  pos_embed_ = register_parameter("pos_embed", sincos_positions(d, n).unsqueeze(0), false);
  patches_ =
      register_module("x_embedder", std::make_shared<Holder>())
          ->add("proj",
                torch::nn::Conv2d(torch::nn::Conv2dOptions(config.channels, d, config.patch).stride(config.patch)));
  level_ = register_module("t_embedder", std::make_shared<Holder>())
               ->add("mlp", torch::nn::Sequential(torch::nn::Linear(kLevelWidth, d), torch::nn::SiLU(),
                                                  torch::nn::Linear(d, d)));
  classes_ = register_module("y_embedder", std::make_shared<Holder>())
                 ->add("embedding_table", torch::nn::Embedding(config.classes + 1, d));
  const auto blocks = register_module("blocks", std::make_shared<Holder>());
  for (std::int64_t i = 0; i < config.depth; ++i)
    blocks_.push_back(blocks->add(std::to_string(i), std::make_shared<ClassDitBlock>(d, config.heads)));
  const auto last = register_module("final_layer", std::make_shared<Holder>());
  head_ = last->add("linear", torch::nn::Linear(d, config.patch * config.patch * 2 * config.channels));
  modulation_ = last->add("adaLN_modulation", modulation_layer(d, 2));
}

Tensor ClassDit::forward(const Tensor& x, const Tensor& t, const Tensor& y) {
  const std::int64_t p = config_.patch, n = config_.input_size / p, out = 2 * config_.channels;
  Tensor tokens = patches_(x).flatten(2).transpose(1, 2) + pos_embed_;
  const Tensor c = level_->forward(timestep_embedding(t)) + classes_(y);
  for (const auto& block : blocks_) tokens = block->forward(tokens, c);
  const auto m = modulation_->forward(c).chunk(2, 1);
  return head_(modulated(tokens, m[0], m[1]))
      .view({x.size(0), n, n, p, p, out})
      .permute({0, 5, 1, 3, 2, 4})
      .reshape({x.size(0), out, n * p, n * p});
}

Tensor ClassDit::guided(const Tensor& x, const Tensor& t, const Tensor& y, double scale) {
  constexpr std::int64_t kGuidedChannels = 3;
  const Tensor none = at::full_like(y, config_.classes);
  const Tensor both = forward(at::cat({x, x}), at::cat({t, t}), at::cat({y, none}));
  const auto halves = both.chunk(2, 0);
  const Tensor with = halves[0].slice(1, 0, kGuidedChannels), without = halves[1].slice(1, 0, kGuidedChannels);
  return at::cat({without + scale * (with - without), halves[0].slice(1, kGuidedChannels)}, 1);
}

namespace {

std::int64_t published_heads(std::int64_t width, const StoredWeight& weight) {
  for (const auto& [known, heads] : {std::pair<std::int64_t, std::int64_t>{384, 6}, {768, 12}, {1024, 16}, {1152, 16}})
    if (width == known) return heads;
  throw InputError(
      weight.file, weight.name,
      fmt::format("gives width {}, which was not published (384, 768, 1024, 1152): name the heads", width));
}

/// Shape of a weight with `dims` dimensions.
at::IntArrayRef shape_at(const StoredWeights& weights, const std::string& name, std::size_t dims,
                         const std::string& file) {
  const auto found = weights.find(name);
  if (found == weights.end()) throw InputError(file, name, "is missing");
  const at::IntArrayRef shape = found->second.value.sizes();
  if (shape.size() != dims)
    throw InputError(found->second.file, found->second.name,
                     fmt::format("has shape {}, expected {} dimensions", shape_text(shape.vec()), dims));
  return shape;
}

}  // namespace

std::shared_ptr<ClassDit> read_class_dit(const std::filesystem::path& path, std::int64_t heads) {
  const StoredWeights weights = read_weights(path);
  const std::string file = path.string();
  const auto patches = shape_at(weights, "x_embedder.proj.weight", 4, file);  // [D, C, p, p]
  const auto places = shape_at(weights, "pos_embed", 3, file);                // [1, n n, D]
  const auto table = shape_at(weights, "y_embedder.embedding_table.weight", 2, file);
  ClassDitConfig config;
  config.width = patches[0];
  config.channels = patches[1];
  config.patch = patches[3];
  config.classes = table[0] - 1;
  const auto side = std::llround(std::sqrt(static_cast<double>(places[1])));
  config.input_size = side * config.patch;
  config.depth = 0;
  while (weights.contains(fmt::format("blocks.{}.attn.qkv.weight", config.depth))) ++config.depth;
  config.heads = heads > 0 ? heads : published_heads(config.width, weights.at("x_embedder.proj.weight"));
  const bool fits = side >= 1 && side <= 256 && side * side == places[1] && config.patch >= 1 && config.patch <= 16 &&
                    config.channels >= 1 && config.channels <= 64 && config.width >= 8 && config.width <= 4096 &&
                    config.width % 4 == 0 && config.width % config.heads == 0 && config.depth >= 1 &&
                    config.depth <= 64 && config.classes >= 1 && config.classes < (1 << 20);
  if (!fits)
    throw InputError(file, "",
                     fmt::format("holds no DiT: width {}, heads {}, depth {}, patch {}, {} places, {} channels",
                                 config.width, config.heads, config.depth, config.patch, places[1], config.channels));
  auto network = std::make_shared<ClassDit>(config);
  set_weights(*network, weights, file);
  for (auto& parameter : network->parameters()) parameter.set_requires_grad(false);
  network->to(default_device());
  network->eval();
  return network;
}

void draw_classes(const ClassDitOptions& options) {
  at::set_num_threads(options.threads > 0 ? options.threads : default_threads());
  const torch::NoGradGuard no_grad;
  const auto network = read_class_dit(options.weights, options.heads);
  const ClassDitConfig& config = network->config();
  for (const auto label : options.classes)
    if (label < 0 || label >= config.classes)
      throw InputError("--classes", "", fmt::format("names {}, expected 0 to {}", label, config.classes - 1));
  DiffusionConfig settings;
  settings.path = "linear";
  settings.prediction = "eps";
  settings.learned_variance = true;
  const Diffusion diffusion(settings);
  const Tensor labels = at::tensor(at::ArrayRef<std::int64_t>(options.classes)).to(default_device());
  const auto count = static_cast<std::int64_t>(options.classes.size());
  const std::vector<std::int64_t> shape{count, 1, config.channels, config.input_size, config.input_size};
  const auto noise = [&](std::uint32_t step) {
    return normal_noise(shape, {options.seed, 0, step}).to(default_device());
  };
  Progress progress("steps", options.steps);
  const auto denoise = [&](const Tensor& z, double level) {
    stop_if_interrupted();
    const double index = (1.0 - level) * static_cast<double>(settings.noise_steps) - 1.0;
    const Tensor t = at::full({count}, std::max(index, 0.0), z.options());
    progress.advance();
    return network->guided(z.squeeze(1), t, labels, options.guidance).unsqueeze(1);
  };
  const Tensor latents = sample(diffusion, "ancestral", noise(0), options.steps, denoise,
                                [&](std::int64_t step) { return noise(1 + static_cast<std::uint32_t>(step)); });
  save_tensors(options.out, {{"latents", latents.squeeze(1)}});
}

}  // namespace bitemark::model
