#include "model/config.h"

#include <fmt/format.h>

#include "base/error.h"

namespace bitemark::model {
namespace {

// One list of members a type serves both directions: `visit` is called with each name, field and range.
struct Reader {
  const Json& json;
  const std::string& file;
  const std::string& where;

  template <typename T>
  void operator()(const char* name, T& field) const {
    if (json.contains(name)) field = json_member<T>(json, name, file, where);
  }
  void operator()(const char* name, std::int64_t& field, std::int64_t low, std::int64_t high) const {
    (*this)(name, field);
    if (field < low || field > high)
      throw InputError(file, where + "/" + name, fmt::format("is {}, expected {} to {}", field, low, high));
  }
  void operator()(const char* name, double& field, double low, double high) const {
    (*this)(name, field);
    if (!(field >= low && field <= high))
      throw InputError(file, where + "/" + name, fmt::format("is {}, expected {} to {}", field, low, high));
  }
  void operator()(const char* name, std::vector<std::int64_t>& field, std::size_t count) const {
    (*this)(name, field);
    bool good = field.size() == count;
    for (const auto value : field) good = good && value >= 1 && value <= 4096;
    if (!good) throw InputError(file, where + "/" + name, fmt::format("must be {} widths of 1 to 4096", count));
  }
  void operator()(const char* name, std::string& field, const std::vector<std::string>& choices) const {
    (*this)(name, field);
    for (const auto& choice : choices)
      if (field == choice) return;
    throw InputError(file, where + "/" + name,
                     fmt::format("is '{}', expected one of: {}", field, fmt::join(choices, ", ")));
  }
};

struct Writer {
  Json& json;

  template <typename T, typename... Range>
  void operator()(const char* name, const T& field, const Range&...) const {
    json[name] = field;
  }
};

template <typename Visit>
void members(auto& c, const Visit& visit) requires requires {
  c.encoder_memory;
}
{
  visit("latent_channels", c.latent_channels, 1, 64);
  visit("temporal", c.temporal, 1, 4);
  visit("encoder_channels", c.encoder_channels, 3);
  visit("decoder_channels", c.decoder_channels, 3);
  visit("encoder_memory", c.encoder_memory);
  visit("decoder_memory", c.decoder_memory);
  visit("latent_noise", c.latent_noise, 0.0, 1.0);
}

template <typename Visit>
void members(auto& c, const Visit& visit) requires requires {
  c.spacetime_every;
}
{
  visit("latent_channels", c.latent_channels, 1, 64);
  visit("width", c.width, 8, 4096);
  visit("depth", c.depth, 1, 64);
  visit("heads", c.heads, 1, 64);
  visit("patch", c.patch, 1, 8);
  visit("spacetime_every", c.spacetime_every, 1, 64);
  visit("text_every", c.text_every, 1, 64);
  visit("past_frames", c.past_frames, 0, 8);
  visit("controls", c.controls, 1, 256);
  visit("text_width", c.text_width, 8, 4096);
  visit("qk_norm", c.qk_norm);
  visit("local_skip", c.local_skip);
  visit("learned_variance", c.learned_variance);
  visit("orders", c.orders);
  visit("shortcut", c.shortcut);
  visit("registers", c.registers, 0, 64);
  visit("actions", c.actions, 0, 256);
  visit("shots", c.shots, 1, 64);
  visit("labels", c.labels);
}

template <typename Visit>
void members(auto& c, const Visit& visit) requires requires {
  c.vocabulary;
}
{
  visit("vocabulary", c.vocabulary, 514, 65536);
  visit("context", c.context, 4, 512);
  visit("width", c.width, 8, 4096);
  visit("depth", c.depth, 1, 64);
  visit("heads", c.heads, 1, 64);
  visit("embedding", c.embedding, 2, 4096);
}

template <typename Visit>
void members(auto& c, const Visit& visit) requires requires {
  c.channels;
}
{
  visit("width", c.width, 8, 4096);
  visit("height", c.height, 8, 4096);
  visit("channels", c.channels, 4);
  visit("embedding", c.embedding, 2, 4096);
}

template <typename Visit>
void members(auto& c, const Visit& visit) requires requires {
  c.patch;
  c.embedding;
}
{
  visit("size", c.size, 8, 4096);
  visit("patch", c.patch, 1, 64);
  visit("width", c.width, 8, 4096);
  visit("depth", c.depth, 1, 64);
  visit("heads", c.heads, 1, 64);
  visit("embedding", c.embedding, 2, 4096);
}

template <typename Visit>
void members(auto& c, const Visit& visit) requires requires {
  c.features;
}
{
  visit("size", c.size, 16, 512);
  visit("window", c.window, 2, 64);
  visit("stride", c.stride, 1, 64);
  visit("width", c.width, 8, 1024);
  visit("features", c.features, 1, 16);
  visit("scenarios", c.scenarios);
}

template <typename Visit>
void members(auto& c, const Visit& visit) requires requires {
  c.weight_floor;
}
{
  visit("path", c.path, std::vector<std::string>{"flow", "cosine", "linear", "sigmoid"});
  visit("prediction", c.prediction, std::vector<std::string>{"x", "v", "eps"});
  visit("weight", c.weight, std::vector<std::string>{"ramp", "unit", "min-snr"});
  visit("weight_floor", c.weight_floor, 0.0, 1.0);
  visit("snr_cap", c.snr_cap, 0.01, 1000.0);
  visit("noise_steps", c.noise_steps, 2, 100000);
  visit("zero_terminal_snr", c.zero_terminal_snr);
  visit("learned_variance", c.learned_variance);
  visit("solver", c.solver, std::vector<std::string>{"ddim", "dpm++2m", "ancestral"});
}

template <typename Visit>
void members(auto& c, const Visit& visit) requires requires {
  c.history_level;
}
{
  visit("steps", c.steps, 1, 1000);
  visit("window", c.window, 2, 4096);
  visit("sinks", c.sinks, 0, 64);
  visit("history_level", c.history_level, 0.0, 1.0);
  visit("temperature", c.temperature, 0.0, 1.0);
  visit("guidance", c.guidance, 0.0, 100.0);
  visit("text_guidance", c.text_guidance, 0.0, 100.0);
  visit("memory", c.memory, 0, 64);
}

// mid is the width, depth and heads of DiT-S (Peebles and Xie 2023, table 1); base and XL are DiT-B and DiT-XL.
struct NamedSize {
  const char* name;
  std::int64_t width, depth, heads;
};
constexpr NamedSize kSizes[]{
    {"nano", 192, 6, 4}, {"small", 256, 8, 8}, {"mid", 384, 12, 6}, {"base", 768, 12, 12}, {"XL", 1152, 28, 16}};

template <typename T>
T read(const Json& json, const std::string& file, const std::string& where) {
  if (!json.is_object()) throw InputError(file, where, "is not an object");
  T config;
  const Json known = to_json(config);
  for (const auto& [name, value] : json.items())
    if (!known.contains(name)) throw InputError(file, where + "/" + name, "is not a known setting");
  members(config, Reader{json, file, where});
  return config;
}

template <typename T>
Json written(const T& config) {
  Json json = Json::object();
  members(config, Writer{json});
  return json;
}

/// `json` with the width, depth and heads that its "size" stands for, where it does not name them itself.
Json with_size(const Json& json, const std::string& file, const std::string& where) {
  if (!json.is_object() || !json.contains("size")) return json;
  const auto name = json_member<std::string>(json, "size", file, where);
  std::vector<std::string> names;
  for (const auto& size : kSizes) {
    names.emplace_back(size.name);
    if (name != size.name) continue;
    Json full = {{"width", size.width}, {"depth", size.depth}, {"heads", size.heads}};
    full.update(json);
    full.erase("size");
    return full;
  }
  throw InputError(file, where + "/size", fmt::format("is '{}', expected one of: {}", name, fmt::join(names, ", ")));
}

}  // namespace

VaeConfig vae_config(const Json& json, const std::string& file, const std::string& where) {
  const auto config = read<VaeConfig>(json, file, where);
  if (config.temporal == 3) throw InputError(file, where + "/temporal", "is 3, expected 1, 2 or 4");
  return config;
}
DitConfig dit_config(const Json& json, const std::string& file, const std::string& where) {
  const auto config = read<DitConfig>(with_size(json, file, where), file, where);
  if (config.width % config.heads != 0 || config.width / config.heads % 4 != 0)
    throw InputError(file, where + "/heads", "must divide the width into heads of a multiple of 4");
  return config;
}
TextConfig text_config(const Json& json, const std::string& file, const std::string& where) {
  const auto config = read<TextConfig>(json, file, where);
  if (config.width % config.heads != 0) throw InputError(file, where + "/heads", "must divide the width");
  return config;
}
ImageConfig image_config(const Json& json, const std::string& file, const std::string& where) {
  return read<ImageConfig>(json, file, where);
}
VisionConfig vision_config(const Json& json, const std::string& file, const std::string& where) {
  const auto config = read<VisionConfig>(json, file, where);
  if (config.width % config.heads != 0) throw InputError(file, where + "/heads", "must divide the width");
  return config;
}
FeatureConfig feature_config(const Json& json, const std::string& file, const std::string& where) {
  return read<FeatureConfig>(json, file, where);
}
DiffusionConfig diffusion_config(const Json& json, const std::string& file, const std::string& where) {
  const auto config = read<DiffusionConfig>(json, file, where);
  const bool table = config.path == "linear" || config.path == "sigmoid";
  if (config.prediction == "eps" && (!table || config.zero_terminal_snr))
    throw InputError(
        file, where + "/prediction",
        "is 'eps', which tells nothing of the data where the path starts from pure noise; expected x or v, "
        "or path linear or sigmoid without zero_terminal_snr");
  return config;
}
RolloutConfig rollout_config(const Json& json, const std::string& file, const std::string& where) {
  const auto config = read<RolloutConfig>(json, file, where);
  if (config.sinks + 2 > config.window)
    throw InputError(file, where + "/sinks", "must leave two of the window's frames");
  if (config.memory > 0 && config.sinks + config.memory + 2 > config.window)
    throw InputError(file, where + "/memory", "and the sinks must leave two of the window's frames");
  return config;
}

Json to_json(const VaeConfig& config) { return written(config); }
Json to_json(const DitConfig& config) { return written(config); }
Json to_json(const TextConfig& config) { return written(config); }
Json to_json(const ImageConfig& config) { return written(config); }
Json to_json(const VisionConfig& config) { return written(config); }
Json to_json(const FeatureConfig& config) { return written(config); }
Json to_json(const DiffusionConfig& config) { return written(config); }
Json to_json(const RolloutConfig& config) { return written(config); }

}  // namespace bitemark::model
