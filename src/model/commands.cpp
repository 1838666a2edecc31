#include "model/commands.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "base/files.h"
#include "base/interrupt.h"
#include "base/parallel.h"
#include "base/progress.h"
#include "model/caption_space.h"
#include "model/clip_source.h"
#include "model/feature_net.h"
#include "model/feature_space.h"
#include "model/generator.h"
#include "model/weights.h"

namespace bitemark::model {
namespace {

int threads_or_all(int threads) { return threads > 0 ? threads : default_threads(); }

bool is_answered(const fs::path& out, const std::string& id, const std::string& task) {
  return fs::exists(out / id / (task + ".safetensors"));
}

void answer_take(const Generator& generator, const Conditioning& request, const std::string& task,
                 const fs::path& out) {
  if (task == "surprise") {
    write_surprise(out, request.id, generator.surprise(request));
    return;
  }
  RolloutWriter answer(out, request);
  generator.stream(request, [&](Frame&& frame) {
    stop_if_interrupted();
    answer.write(frame);
  });
  answer.finish();
}

/// What of a request the checkpoint looks at.
Json used_by(const Checkpoint& checkpoint) {
  Json uses = {"context", "caption", "controls"};
  const DitConfig config = checkpoint.dit_settings();
  if (config.actions > 0) uses.push_back("actions");
  if (config.shots > 1) uses.push_back("cuts");
  if (!config.labels.empty()) uses.push_back("label");
  return uses;
}

/// An answer of another model or with other settings is not continued.
void claim_answer(const fs::path& out, const Json& answer) {
  make_folder(out);
  const fs::path file = out / "answer.json";
  if (!fs::exists(file)) {
    save_json(file, answer);
  } else if (load_json(file) != answer) {
    throw InputError(file.string(), "", "belongs to another checkpoint or other settings; choose another folder");
  }
}

}  // namespace

void rollout(const RolloutOptions& options) {
  const Checkpoint checkpoint(options.checkpoint);
  RolloutConfig settings = checkpoint.rollout();
  if (options.steps > 0) settings.steps = options.steps;
  if (options.history_level >= 0) settings.history_level = options.history_level;
  if (options.temperature >= 0) settings.temperature = options.temperature;
  if (options.guidance >= 0) settings.guidance = settings.text_guidance = options.guidance;
  if (options.memory >= 0) {
    settings.memory = options.memory;
    settings = rollout_config(to_json(settings), "--memory", "");
  }
  const Request request = read_request(options.request);
  const auto& ids = request.takes;
  // A take's bits depend neither on the number of threads nor on the other takes: a thread a take, and where there are
  // fewer takes than threads, several a frame.
  const int threads = threads_or_all(options.threads);
  const int takes_at_once = std::min(threads, std::max(1, static_cast<int>(ids.size())));
  const Generator generator(checkpoint, settings, threads / takes_at_once);
  for (const auto& id : ids)
    read_conditioning(options.request, id);  // what cannot be read is said before anything is written
  claim_answer(options.out, {{"protocol", 1},
                             {"generator", checkpoint.name()},
                             {"uses", used_by(checkpoint)},
                             {"tasks", {"rollout", "surprise"}},
                             {"checkpoint_digest", checkpoint.digest()},
                             {"rollout", to_json(settings)}});
  Progress progress("rollout", static_cast<std::int64_t>(ids.size()));
  parallel_for(ids.size(), takes_at_once, [&](std::size_t i) {
    stop_if_interrupted();
    at::set_num_threads(1);
    if (!is_answered(options.out, ids[i], request.task))
      answer_take(generator, read_conditioning(options.request, ids[i]), request.task, options.out);
    progress.advance();
  });
}

namespace {

/// The clips that a folder's clips.json lists.
class ClipFolder {
 public:
  explicit ClipFolder(const fs::path& folder) : folder_(folder), index_((folder / "clips.json").string()) {
    json_ = load_json(index_);
    ids_ = json_member<std::vector<std::string>>(json_, "clips", index_);
  }
  std::size_t size() const { return ids_.size(); }
  const std::string& index() const { return index_; }
  std::vector<std::string> captions() const { return json_member<std::vector<std::string>>(json_, "captions", index_); }
  /// u8 [T, H, W, 3], T >= 1.
  Tensor frames(std::size_t i) const {
    const std::string where = "/clips/" + std::to_string(i);
    if (ids_[i].find('/') != std::string::npos) throw InputError(index_, where, "holds a '/'");
    const SafetensorsFile file(folder_ / (ids_[i] + ".safetensors"));
    const TensorView& view = file.at("frames", DType::kU8, {-1, -1, -1, 3});
    if (view.count() == 0) throw InputError(file.path(), "frames", "is empty");
    return to_tensor(file, "frames");
  }

 private:
  fs::path folder_;
  std::string index_;
  Json json_;
  std::vector<std::string> ids_;
};

}  // namespace

void features(const FeatureOptions& options) {
  at::set_num_threads(threads_or_all(options.threads));
  const torch::NoGradGuard no_grad;
  const FeatureSpace space = options.torchscript.empty() ? own_feature_space(options.checkpoint)
                                                         : torchscript_feature_space(options.torchscript);
  const ClipFolder clips(options.clips);
  std::vector<Tensor> rows;
  std::vector<std::int32_t> owners;
  Progress progress("features", static_cast<std::int64_t>(clips.size()));
  for (std::size_t i = 0; i < clips.size(); ++i) {
    stop_if_interrupted();
    const Tensor windows = feature_windows(clips.frames(i), space.config);
    if (windows.size(0) > 0) rows.push_back(space.features(windows).to(at::kCPU));
    owners.insert(owners.end(), static_cast<std::size_t>(windows.size(0)), static_cast<std::int32_t>(i));
    progress.advance();
  }
  if (rows.empty())
    throw InputError(clips.index(), "/clips",
                     fmt::format("no clip has the {} frames of a window", space.config.window));
  save_tensors(options.out,
               {{"features", at::cat(rows)}, {"owner", at::tensor(at::ArrayRef<std::int32_t>(owners)).to(at::kInt)}});
}

void embed(const EmbedOptions& options) {
  at::set_num_threads(threads_or_all(options.threads));
  const torch::NoGradGuard no_grad;
  const CaptionSpace space = caption_space(options.checkpoint);
  const ClipFolder clips(options.clips);
  const std::vector<std::string> captions = clips.captions();
  if (clips.size() == 0 || captions.empty())
    throw InputError(clips.index(), "", "names no clip or no caption, expected one of each at least");
  std::vector<Tensor> rows;
  for (std::size_t i = 0; i < clips.size(); ++i) {
    stop_if_interrupted();
    rows.push_back(space.clip(clips.frames(i)).to(at::kCPU));
  }
  save_tensors(options.out, {{"clips", at::stack(rows)}, {"captions", space.captions(captions).to(at::kCPU)}});
}

void evaluate_vae(const EvaluateVaeOptions& options) {
  at::set_num_threads(threads_or_all(options.threads));
  const torch::NoGradGuard no_grad;
  const auto vae = Checkpoint(options.checkpoint).vae();
  constexpr std::int64_t kWindow = 16;
  fmt::print("{:<20} {:>8} {:>14}\n", "scenario", "PSNR", "where it moves");
  std::vector<NamedTensor> pairs;
  const std::vector<std::string> scenarios = ClipSource({options.data}, {}).scenarios();
  for (const auto& scenario : scenarios) {
    std::map<std::string, double> mix;
    for (const auto& other : scenarios) mix[other] = other == scenario ? 1 : 0;
    const ClipSource source({options.data}, mix);
    Pcg32 random = stream_for(0, "evaluate " + scenario);
    double squares = 0, count = 0, moving_squares = 0, moving = 0;
    for (std::int64_t i = 0; i < options.takes; ++i) {
      stop_if_interrupted();
      const Tensor bytes = source.load(source.draw(1, kWindow, random), kWindow).frames;
      const Tensor x = frames_from_bytes(bytes.to(default_device()));
      StreamState encoder, decoder;
      const Tensor y = vae->decode(vae->encode(x, encoder), decoder).clamp(-1, 1);
      const Tensor square = ((y - x) / 2).pow(2).mean(2);  // of full scale
      const Tensor change = at::diff(x, 1, 1).abs().mean(2);
      const Tensor moved = at::cat({at::zeros_like(change.slice(1, 0, 1)), change}, 1);  // a weight, not a mask
      squares += square.sum().item<double>();
      count += static_cast<double>(square.numel());
      moving_squares += (square * moved).sum().item<double>();
      moving += moved.sum().item<double>();
      if (i < 8 && !options.out.empty())
        pairs.push_back({scenario + "." + std::to_string(i), at::cat({bytes, bytes_from_frames(y).to(at::kCPU)})});
    }
    fmt::print("{:<20} {:>8.2f} {:>14.2f}\n", scenario, -10 * std::log10(squares / count),
               moving > 0 ? -10 * std::log10(moving_squares / moving) : 0.0);
  }
  if (!options.out.empty()) save_tensors(options.out, pairs);
}

void info(const fs::path& folder) {
  const Checkpoint checkpoint(folder);
  fmt::print("checkpoint  {}\ndigest      {}\n", checkpoint.name(), checkpoint.digest());
  const auto line = [&](const char* part, const char* file, const auto& network) {
    fmt::print("{:<11} {:>9} parameters, {:>8} bytes, all finite\n", part, parameter_count(*network),
               fs::file_size(folder / file));
  };
  if (checkpoint.has("vae.safetensors")) line("vae", "vae.safetensors", checkpoint.vae());
  if (checkpoint.has("text.safetensors")) line("text", "text.safetensors", checkpoint.text());
  if (checkpoint.has("image.safetensors")) line("image", "image.safetensors", checkpoint.image());
  if (checkpoint.has("vision.safetensors")) line("vision", "vision.safetensors", checkpoint.vision());
  if (checkpoint.has("dit.safetensors")) line("dit", "dit.safetensors", checkpoint.dit());
  if (checkpoint.has("features.safetensors")) line("features", "features.safetensors", checkpoint.features());
  if (checkpoint.config().contains("dit")) checkpoint.check_parts();
  fmt::print("config      {}\n", checkpoint.config().dump());
}

}  // namespace bitemark::model
