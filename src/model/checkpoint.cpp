#include "model/checkpoint.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "base/error.h"
#include "base/files.h"
#include "base/sha256.h"
#include "episode/episode.h"
#include "model/weights.h"

namespace bitemark::model {

void copy_parts(const std::filesystem::path& from, const std::filesystem::path& to) {
  for (const char* part : kParts)
    if (std::filesystem::exists(from / part))
      write_file(to / part, read_file(from / part, std::numeric_limits<std::size_t>::max()));
}

Checkpoint::Checkpoint(const std::filesystem::path& folder)
    : folder_(folder), file_((folder / "config.json").string()), config_(load_json(file_)) {
  if (const int format = json_member<int>(config_, "format", file_); format != 1)
    throw InputError(file_, "/format", "is " + std::to_string(format) + ", expected 1");
}

const Json& Checkpoint::section(const char* key) const {
  if (!config_.contains(key)) throw InputError(file_, std::string("/") + key, "is missing");
  return config_.at(key);
}

namespace {

/// Far fewer than the network has; 0 for those that cannot be large.
template <typename Config>
double least_numbers(const Config& config) {
  if constexpr (requires { config.encoder_channels; }) {
    const auto between = [](const std::vector<std::int64_t>& c) {
      return 9.0 * static_cast<double>(c[0] * c[1] + c[1] * c[2]);
    };
    return between(config.encoder_channels) + between(config.decoder_channels);
  } else if constexpr (requires { config.depth; }) {
    return 8.0 * static_cast<double>(config.depth * config.width * config.width);
  } else {
    return 0;
  }
}

/// A config from elsewhere may describe a network that no memory holds. Its weights would be in the file.
void check_room(const std::filesystem::path& file, double numbers) {
  constexpr double kWorthALook = 1e8, kBytes = 2;  // the least that a number takes
  std::error_code missing;
  const auto size = static_cast<double>(std::filesystem::file_size(file, missing));
  if (!missing && numbers > kWorthALook && size < kBytes * numbers)
    throw InputError(
        file.string(), "",
        fmt::format("has {:.0f} bytes, expected more than {:.0f} for the network that config.json describes", size,
                    kBytes * numbers));
}

}  // namespace

template <typename Network, typename Config>
std::shared_ptr<Network> Checkpoint::load(const char* file, const Config& config) const {
  check_room(folder_ / file, least_numbers(config));
  auto network = std::make_shared<Network>(config);
  load_weights(folder_ / file, *network);
  network->to(default_device());
  network->eval();
  for (auto& parameter : network->parameters()) parameter.set_requires_grad(false);
  return network;
}

std::shared_ptr<Vae> Checkpoint::vae() const {
  return load<Vae>("vae.safetensors", vae_config(section("vae"), file_, "/vae"));
}
DitConfig Checkpoint::dit_settings() const {
  const DitConfig config = dit_config(section("dit"), file_, "/dit");
  if (config.actions != 0 && config.actions != static_cast<std::int64_t>(Actions::width()))
    throw InputError(file_, "/dit/actions",
                     "is " + std::to_string(config.actions) + ", expected 0 or " + std::to_string(Actions::width()));
  for (const FrameSize& size : sizes())
    if (size.width % (8 * config.patch) != 0 || size.height % (8 * config.patch) != 0)
      throw InputError(file_, "/dit/patch",
                       "is " + std::to_string(config.patch) + ", expected one that divides the " +
                           std::to_string(size.width / 8) + " x " + std::to_string(size.height / 8) +
                           " latents of a frame");
  return config;
}
void Checkpoint::check_parts() const {
  const DitConfig dit = dit_settings();
  const auto check = [&](const char* member, std::int64_t found, std::int64_t expected, const char* of_whom) {
    if (found != expected)
      throw InputError(file_, std::string("/dit/") + member,
                       "is " + std::to_string(found) + ", expected " + of_whom + " " + std::to_string(expected));
  };
  check("latent_channels", dit.latent_channels, vae_config(section("vae"), file_, "/vae").latent_channels, "the VAE's");
  check("text_width", dit.text_width, text_config(section("text"), file_, "/text").width, "the text tower's");
  check("controls", dit.controls, static_cast<std::int64_t>(Controls::width()), "the protocol's");
  check("learned_variance", dit.learned_variance, diffusion().learned_variance, "the diffusion's");
  rollout();
  control_statistics();
}
std::shared_ptr<Dit> Checkpoint::dit() const { return load<Dit>("dit.safetensors", dit_settings()); }
std::shared_ptr<TextTower> Checkpoint::text() const {
  return load<TextTower>("text.safetensors", text_config(section("text"), file_, "/text"));
}
std::shared_ptr<FeatureNet> Checkpoint::features() const {
  return load<FeatureNet>("features.safetensors", feature_config(section("features"), file_, "/features"));
}

std::shared_ptr<ImageTower> Checkpoint::image() const {
  return load<ImageTower>("image.safetensors", image_config(section("image"), file_, "/image"));
}
std::shared_ptr<VisionTower> Checkpoint::vision() const {
  return load<VisionTower>("vision.safetensors", vision_config(section("vision"), file_, "/vision"));
}

Tokenizer Checkpoint::tokenizer() const {
  Tokenizer tokenizer = Tokenizer::load(folder_ / "tokenizer.json");
  const auto expected = text_config(section("text"), file_, "/text").vocabulary;
  if (tokenizer.size() != expected)
    throw InputError((folder_ / "tokenizer.json").string(), "/merges",
                     "give " + std::to_string(tokenizer.size()) + " tokens, expected " + std::to_string(expected));
  return tokenizer;
}

DiffusionConfig Checkpoint::diffusion() const { return diffusion_config(section("diffusion"), file_, "/diffusion"); }
RolloutConfig Checkpoint::rollout() const { return rollout_config(section("rollout"), file_, "/rollout"); }

std::pair<Tensor, Tensor> Checkpoint::control_statistics() const {
  const auto read = [&](const char* key, float above) {
    const auto values = json_member<std::vector<float>>(section("controls"), key, file_, "/controls");
    const auto fits = [&](float value) { return std::isfinite(value) && value > above; };
    if (values.size() != Controls::width() || !std::all_of(values.begin(), values.end(), fits))
      throw InputError(
          file_, std::string("/controls/") + key,
          "expected " + std::to_string(Controls::width()) + " finite numbers" + (above == 0 ? " above 0" : ""));
    return at::tensor(values);
  };
  return {read("mean", std::numeric_limits<float>::lowest()), read("std", 0)};
}

std::vector<FrameSize> Checkpoint::sizes() const {
  std::vector<FrameSize> sizes;
  for (const auto& text : json_member<std::vector<std::string>>(config_, "sizes", file_)) {
    const std::string place = "/sizes/" + std::to_string(sizes.size());
    try {
      sizes.push_back(parse_size(text));
    } catch (const InputError& error) {
      throw InputError(file_, place, error.what());
    }
    if (sizes.back().width % 8 != 0 || sizes.back().height % 8 != 0)
      throw InputError(file_, place, "is " + text + ", expected multiples of 8");
  }
  if (sizes.empty()) throw InputError(file_, "/sizes", "is empty, expected one size or more");
  return sizes;
}

std::string Checkpoint::name() const { return json_member_or(config_, "name", folder_.filename().string(), file_); }

std::string Checkpoint::digest() const {
  std::string parts = "config.json " + hex(sha256(read_file(folder_ / "config.json"))) + "\n";
  for (const char* file : kParts)
    if (has(file)) parts += std::string(file) + " " + hex(sha256(read_file(folder_ / file))) + "\n";
  return hex(sha256(parts));
}

Json to_json(const std::vector<FrameSize>& sizes) {
  Json texts = Json::array();
  for (const FrameSize& size : sizes) texts.push_back(to_text(size));
  return texts;
}

void write_config(const std::filesystem::path& folder, const Json& members) {
  const auto file = folder / "config.json";
  Json config = std::filesystem::exists(file) ? load_json(file) : Json{{"format", 1}};
  for (const auto& [key, value] : members.items()) config[key] = value;
  save_json(file, config);
}

}  // namespace bitemark::model
