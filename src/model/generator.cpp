#include "model/generator.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdlib>
#include <cstring>

#include "base/error.h"
#include "model/noise.h"
#include "model/sampler.h"

namespace bitemark::model {
namespace {

/// `step` of a NoiseKey.
enum Purpose : std::uint32_t { kStart = 0, kHistory = 1, kFirstStep = 2, kSurprise = 1024 };

/// Nearly nothing to see, to nearly all: what must come, and whether it is right when it is there.
constexpr std::array<double, 5> kSurpriseLevels{0.1, 0.3, 0.5, 0.7, 0.9};

/// u8 [T, H, W, 3].
Tensor bytes_of(const std::vector<Frame>& frames) {
  Tensor bytes =
      at::empty({static_cast<std::int64_t>(frames.size()), frames.front().height, frames.front().width, 3}, at::kByte);
  auto* out = bytes.data_ptr<std::uint8_t>();
  for (const auto& frame : frames) out = std::copy(frame.rgb.begin(), frame.rgb.end(), out);
  return bytes;
}

}  // namespace

Generator::Generator(const Checkpoint& checkpoint, const RolloutConfig& rollout, int frame_threads)
    : vae_((checkpoint.check_parts(), checkpoint.vae())),
      dit_(checkpoint.dit()),
      text_(checkpoint.text()),
      tokenizer_(checkpoint.tokenizer()),
      diffusion_(checkpoint.diffusion()),
      rollout_(rollout) {
  std::tie(control_mean_, control_std_) = checkpoint.control_statistics();
  sizes_ = checkpoint.sizes();
  dit_->set_frame_threads(frame_threads);
}

FrameSize Generator::size_for(const Conditioning& request) const {
  const auto unlike = [&](const FrameSize& size) {
    const double wider = std::log(size.width) - std::log(request.width);
    const double higher = std::log(size.height) - std::log(request.height);
    return std::pair(std::abs(wider - higher), std::abs(wider + higher));
  };
  return *std::min_element(sizes_.begin(), sizes_.end(),
                           [&](const FrameSize& a, const FrameSize& b) { return unlike(a) < unlike(b); });
}

Tensor Generator::encode(const std::vector<Frame>& frames, const FrameSize& size) const {
  if (frames.empty()) return {};
  return encode_in_pieces(*vae_, static_cast<std::int64_t>(frames.size()), [&](std::int64_t begin, std::int64_t end) {
    const Tensor bytes = bytes_of({frames.begin() + begin, frames.begin() + end}).to(default_device());
    return resized(frames_from_bytes(bytes), size.height, size.width).unsqueeze(0);
  });
}

/// One request on its way. Of a request that grows while it is played, only what has been reached is read.
class Generator::Rollout {
 public:
  Rollout(const Generator& generator, const Conditioning& request, FrameSink sink)
      : of_(generator),
        request_(request),
        sink_(std::move(sink)),
        size_(of_.size_for(request)),
        temporal_(of_.vae_->config().temporal) {
    const auto frames = static_cast<std::int64_t>(request.frame_count);
    leads_ = leading_frames(request);
    pad_ = (temporal_ - leads_ % temporal_) % temporal_;  // the first frame is repeated until its latent is full
    total_ = (pad_ + frames + temporal_ - 1) / temporal_;
    order_ = frame_order(request, temporal_, total_, of_.dit_->config().orders);
    guidance_ = request.context.empty() ? of_.rollout_.text_guidance : of_.rollout_.guidance;
    begin_ = of_.encode({request.context.begin(), request.context.begin() + leads_}, size_);
    end_ = of_.encode({request.context.begin() + leads_, request.context.end()}, size_);
    start_streams();
  }

  void run() {
    std::vector<Tensor> waiting(order_.backwards ? order_.visits.size() : 0);
    for (const FrameVisit& visit : order_.visits) {
      const Tensor latent = make(visit, visit.time == order_.visits.back().time);
      if (order_.backwards) {
        waiting[static_cast<std::size_t>(visit.time)] = latent;
      } else if (!visit.ahead) {
        show(latent);
      }
    }
    for (const Tensor& latent : waiting) show(latent);
  }

  /// The latents from the one shown last to the request's end, which has moved on.
  void go_on() {
    const std::int64_t end = (pad_ + request_.frame_count) / temporal_;
    while (shown_ < end) show(make({shown_, shown_ < order_.first_given, false}, false));
  }

  /// All frames are given; of each of the latents from `first_watched` on, how far the network is off.
  std::vector<float> watch(std::int64_t first_watched) {
    std::vector<float> errors;
    for (const FrameVisit& visit : order_.visits) {
      HistoryStream& stream = streams_.front();
      stream.move_to(visit.time, told_at(visit.time));
      const Tensor latent = begin_.slice(1, visit.time, visit.time + 1);
      if (visit.time >= first_watched) errors.push_back(static_cast<float>(error_at(visit.time, latent)));
      if (visit.time != order_.visits.back().time) stream.append(latent, 1.0);
    }
    return errors;
  }
  std::int64_t latent_of(std::int64_t frame) const { return (frame + pad_) / temporal_; }

 private:
  double error_at(std::int64_t time, const Tensor& latent) const {
    double sum = 0;
    for (std::size_t i = 0; i < kSurpriseLevels.size(); ++i) {
      const Tensor level = at::full({1, 1}, kSurpriseLevels[i], latent.options());
      const Tensor z = of_.diffusion_.noised(latent, noise(time, kSurprise + static_cast<std::uint32_t>(i)), level);
      const Tensor answer = streams_.front().answer(z, kSurpriseLevels[i]);
      sum += (of_.diffusion_.denoised(answer, z, level).clean - latent).pow(2).mean().item<double>();
    }
    return sum / static_cast<double>(kSurpriseLevels.size());
  }

  void start_streams() {
    DitInput conditions;
    conditions.text = caption_ = read(request_.caption);
    conditions.label = at::full({1}, label_index(), at::TensorOptions(default_device()).dtype(at::kLong));
    conditions.keep_text = conditions.keep_controls = conditions.keep_actions = at::ones({1}, default_device());
    if (request_.caption.empty()) conditions.keep_text = at::zeros({1}, default_device());
    if (is_played()) conditions.keep_controls = at::zeros({1}, default_device());  // as in training
    streams_.emplace_back(*of_.dit_, of_.rollout_, conditions, order_.backwards);
    if (guidance_ != 1.0) {
      conditions.label.fill_(-1);
      conditions.keep_text = conditions.keep_controls = conditions.keep_actions = at::zeros({1}, default_device());
      streams_.emplace_back(*of_.dit_, of_.rollout_, conditions, order_.backwards);
    }
    for (const auto& change : request_.changes) changes_.emplace_back(change.frame, read(change.caption));
  }

  TextInput read(const std::string& caption) const {
    return of_.text_->forward(tokenize(of_.tokenizer_, {caption}, of_.text_->config().context).to(default_device()));
  }

  std::int64_t label_index() const {
    if (request_.label.empty()) return -1;
    const auto& known = of_.dit_->config().labels;
    const auto found = std::find(known.begin(), known.end(), request_.label);
    if (found == known.end())
      throw InputError(request_.id, "label",
                       fmt::format("is '{}', expected {}", request_.label,
                                   known.empty() ? "none: the checkpoint was trained without labels"
                                                 : fmt::format("one of: {}", fmt::join(known, ", "))));
    return found - known.begin();
  }

  bool is_played() const { return of_.dit_->config().actions > 0 && !request_.actions.values.empty(); }

  /// What a latent stands for begins with this frame; below 0 where the first frame was repeated.
  std::int64_t first_frame(std::int64_t time) const { return time * temporal_ - pad_; }

  std::int64_t shot_of(std::int64_t time) const {
    return std::count_if(request_.cuts.begin(), request_.cuts.end(), [&](int cut) { return cut <= first_frame(time); });
  }

  /// A latent that stands for several frames is told the controls and actions of the last of them.
  LatentTold told_at(std::int64_t time) const {
    const std::int64_t frame = std::clamp<std::int64_t>(first_frame(time) + temporal_ - 1, 0, request_.frame_count - 1);
    const auto row_of = [&](const std::vector<float>& values, std::size_t width) {
      return at::tensor(at::ArrayRef<float>(values.data() + static_cast<std::size_t>(frame) * width, width))
          .view({1, 1, -1});
    };
    LatentTold told;
    const Tensor controls = row_of(request_.controls.values, Controls::width());
    told.controls = ((controls - of_.control_mean_) / of_.control_std_).to(default_device());
    if (is_played()) told.actions = row_of(request_.actions.values, Actions::width()).to(default_device());
    told.shot = shot_of(time);
    return told;
  }

  /// The caption that holds at the first frame of this latent.
  void tell_caption(std::int64_t time) {
    if (changes_.empty()) return;
    const TextInput* text = &caption_;
    bool said = !request_.caption.empty();
    for (std::size_t i = 0; i < changes_.size(); ++i) {
      if (changes_[i].first > first_frame(time)) continue;
      text = &changes_[i].second;
      said = !request_.changes[i].caption.empty();
    }
    streams_.front().tell(*text, said);
  }

  Tensor make(const FrameVisit& visit, bool is_last) {
    const LatentTold told = told_at(visit.time);
    for (auto& stream : streams_) stream.move_to(visit.time, told);
    tell_caption(visit.time);
    if (visit.given) {
      const bool first = visit.time < order_.first_given;
      const std::int64_t at = first ? visit.time : visit.time - (total_ - order_.last_given);
      const Tensor latent = (first ? begin_ : end_).slice(1, at, at + 1);
      for (auto& stream : streams_) stream.append(latent, 1.0, visit.ahead);
      return latent;
    }
    const Tensor latent = draw(visit.time);
    if (!at::isfinite(latent).all().item<bool>())
      throw InputError(request_.id, fmt::format("frame {}", std::max<std::int64_t>(first_frame(visit.time), 0)),
                       "came out as no numbers; are the controls far beyond those of the training?");
    if (is_last) return latent;
    const auto history_noise = [&] { return noise(visit.time, kHistory); };
    for (auto& stream : streams_) stream.append_made(of_.diffusion_, latent, history_noise);
    return latent;
  }

  Tensor draw(std::int64_t time) const {
    const double stride = told_stride(of_.rollout_.steps);
    // The first frame says what there is, and may be anything; those that follow are to go on with it.
    const double temperature = streams_.front().begun() ? of_.rollout_.temperature : 1.0;
    const auto drawn = [&](std::uint32_t purpose) { return temperature * noise(time, purpose); };
    const auto denoise = [&](const Tensor& z, double level) {
      return guided(
          streams_[0].answer(z, level, stride), [&] { return streams_[1].answer(z, level, stride); }, guidance_);
    };
    return sample(of_.diffusion_, of_.diffusion_.config().solver, drawn(kStart), of_.rollout_.steps, denoise,
                  [&](std::int64_t step) { return drawn(kFirstStep + static_cast<std::uint32_t>(step)); });
  }

  Tensor noise(std::int64_t time, std::uint32_t purpose) const {
    const std::vector<std::int64_t> shape{1, 1, of_.vae_->config().latent_channels, size_.height / 8, size_.width / 8};
    return normal_noise(shape, {request_.seed, static_cast<std::uint32_t>(time), purpose}).to(default_device());
  }

  /// Latents in the order of time; what was given goes through the decoder for its memory alone, which ends at a cut.
  void show(const Tensor& latent) {
    if (shown_ > 0 && shot_of(shown_) != shot_of(shown_ - 1)) decoder_ = {};
    ++shown_;
    const Tensor decoded = of_.vae_->decode(latent, decoder_)[0];
    const std::int64_t given_at_end = request_.frame_count - order_.last_given;
    const Tensor bytes = bytes_from_frames(resized(decoded, request_.height, request_.width)).to(at::kCPU);
    for (std::int64_t t = 0; t < bytes.size(0); ++t, ++decoded_frames_) {
      const std::int64_t frame = decoded_frames_ - pad_;
      if (frame < leads_ || frame >= given_at_end) continue;
      Frame shown(request_.width, request_.height);
      std::memcpy(shown.rgb.data(), bytes[t].data_ptr<std::uint8_t>(), shown.rgb.size());
      sink_(std::move(shown));
    }
  }

  const Generator& of_;
  const Conditioning& request_;
  FrameSink sink_;
  FrameSize size_;  ///< at which frames are made
  std::int64_t temporal_, total_ = 0, leads_ = 0, pad_ = 0, shown_ = 0, decoded_frames_ = 0;
  double guidance_ = 1.0;
  FrameOrder order_;
  Tensor begin_, end_;  ///< given latents
  std::vector<HistoryStream> streams_;
  TextInput caption_;  ///< until the first change
  std::vector<std::pair<std::int64_t, TextInput>> changes_;
  StreamState decoder_;
};

void Generator::stream(const Conditioning& request, const FrameSink& sink) const {
  const torch::NoGradGuard no_grad;
  Rollout(*this, request, sink).run();
}

std::vector<float> Generator::surprise(const Conditioning& request) const {
  const torch::NoGradGuard no_grad;
  if (!request.places.empty())
    throw InputError(request.id, "context_places", "are not known to surprise: the frames before are given in a row");
  if (request.watched.empty())
    throw InputError(request.id, "watched", "is missing: there is nothing to be surprised by");
  Conditioning whole = request;
  whole.context.insert(whole.context.end(), request.watched.begin(), request.watched.end());
  Rollout rollout(*this, whole, {});
  const auto first = static_cast<std::int64_t>(request.context.size());
  const std::int64_t first_latent = rollout.latent_of(first);
  const std::vector<float> errors = rollout.watch(first_latent);
  std::vector<float> by_frame;
  for (std::int64_t t = first; t < request.frame_count; ++t)
    by_frame.push_back(errors[static_cast<std::size_t>(rollout.latent_of(t) - first_latent)]);
  return by_frame;
}

Play::Play(const Generator& generator, Conditioning start) : so_far_(std::move(start)) {
  if (generator.dit_->config().actions == 0)
    throw InputError(so_far_.id, "", "cannot be played: the checkpoint was trained without actions");
  if (generator.vae_->config().temporal > 1)
    throw InputError(so_far_.id, "", "cannot be played: a latent of the checkpoint is more than one frame");
  // What is given, and then as many frames as are played.
  so_far_.frame_count = static_cast<int>(so_far_.context.size()) + 1;
  so_far_.controls.values.resize(static_cast<std::size_t>(so_far_.frame_count) * Controls::width());
  so_far_.actions.values.resize(static_cast<std::size_t>(so_far_.frame_count) * Actions::width());
  const torch::NoGradGuard no_grad;
  rollout_ =
      std::make_unique<Generator::Rollout>(generator, so_far_, [this](Frame&& frame) { made_ = std::move(frame); });
  --so_far_.frame_count;
  rollout_->go_on();
}

Play::~Play() = default;

Frame Play::next(const std::vector<float>& actions) {
  BITEMARK_CHECK(actions.size() == Actions::width());
  const torch::NoGradGuard no_grad;
  const auto at = static_cast<std::size_t>(so_far_.frame_count);
  so_far_.controls.values.resize((at + 1) * Controls::width());
  so_far_.actions.values.resize(at * Actions::width());
  so_far_.actions.values.insert(so_far_.actions.values.end(), actions.begin(), actions.end());
  ++so_far_.frame_count;
  rollout_->go_on();
  return std::move(made_);
}

std::vector<Frame> Generator::run(const Conditioning& request) const {
  std::vector<Frame> frames;
  stream(request, [&](Frame&& frame) { frames.push_back(std::move(frame)); });
  return frames;
}

}  // namespace bitemark::model
