#include "model/generator.h"

#include <array>
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

HistoryStream::HistoryStream(Dit& dit, const RolloutConfig& rollout, DitInput conditions, Tensor controls,
                             bool backwards)
    : dit_(dit),
      conditions_(std::move(conditions)),
      controls_(std::move(controls)),
      ring_(rollout.window, rollout.sinks),
      backwards_(backwards) {}

void HistoryStream::move_to(std::int64_t time) {
  if (std::abs(time - time_) != 1) {
    latest_.clear();
    latest_level_ = 0;
  }
  time_ = time;
}

DitInput HistoryStream::input_at(const Tensor& z, double level) const {
  DitInput input = conditions_;
  input.z = z;
  std::vector<Tensor> past;
  for (std::int64_t back = 0; back < dit_.config().past_frames; ++back)
    past.push_back(back < static_cast<std::int64_t>(latest_.size()) ? latest_[static_cast<std::size_t>(back)]
                                                                    : at::zeros_like(z));
  input.past = past.empty() ? z.slice(2, 0, 0) : at::cat(past, 2);
  input.level = at::full({1, 1}, level, z.options());
  input.past_level = at::full({1, 1}, latest_level_, z.options());
  input.controls = controls_.slice(1, time_, time_ + 1);
  return input;
}

Tensor HistoryStream::answer(const Tensor& z, double level, double stride) const {
  DitInput input = input_at(z, level);
  input.stride = at::full({1, 1}, stride, z.options());
  return dit_.forward(input, layout(), &ring_).answer;
}

void HistoryStream::append(const Tensor& latent, double level, bool ahead) {
  ring_.push(dit_.forward(input_at(latent, level), layout(), &ring_).frame, time_, ahead);
  latest_.push_front(latent);
  if (static_cast<std::int64_t>(latest_.size()) > dit_.config().past_frames) latest_.pop_back();
  latest_level_ = level;
}

Generator::Generator(const Checkpoint& checkpoint, const RolloutConfig& rollout)
    : vae_(checkpoint.vae()),
      dit_(checkpoint.dit()),
      text_(checkpoint.text()),
      tokenizer_(checkpoint.tokenizer()),
      diffusion_(checkpoint.diffusion()),
      rollout_(rollout) {
  std::tie(control_mean_, control_std_) = checkpoint.control_statistics();
  std::tie(width_, height_) = checkpoint.size();
}

Tensor Generator::encode(const std::vector<Frame>& frames) const {
  if (frames.empty()) return {};
  StreamState state;
  const Tensor pixels = resized(frames_from_bytes(bytes_of(frames).to(default_device())), height_, width_).unsqueeze(0);
  return vae_->encode(pad_front(pixels, vae_->config().temporal), state);
}

/// One request on its way.
class Generator::Rollout {
 public:
  Rollout(const Generator& generator, const Conditioning& request, FrameSink sink)
      : of_(generator), request_(request), sink_(std::move(sink)), temporal_(of_.vae_->config().temporal) {
    const auto frames = static_cast<std::int64_t>(request.frame_count);
    leads_ = leading_frames(request);
    pad_ = (temporal_ - leads_ % temporal_) % temporal_;  // the first frame is repeated until its latent is full
    const std::int64_t total = (pad_ + frames + temporal_ - 1) / temporal_;
    order_ = frame_order(request, temporal_, total, of_.dit_->config().orders);
    begin_ = of_.encode({request.context.begin(), request.context.begin() + leads_});
    end_ = of_.encode({request.context.begin() + leads_, request.context.end()});
    start_streams(total);
  }

  void run() {
    std::vector<Tensor> waiting(order_.backwards ? order_.visits.size() : 0);
    for (const FrameVisit& visit : order_.visits) {
      const Tensor latent = make(visit);
      if (order_.backwards) {
        waiting[static_cast<std::size_t>(visit.time)] = latent;
      } else if (!visit.ahead) {
        show(latent);
      }
    }
    for (const Tensor& latent : waiting) show(latent);
  }

  /// All frames are given; of each of the latents from `first_watched` on, how far the network is off.
  std::vector<float> watch(std::int64_t first_watched) {
    std::vector<float> errors;
    for (const FrameVisit& visit : order_.visits) {
      HistoryStream& stream = streams_.front();
      stream.move_to(visit.time);
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

  void start_streams(std::int64_t total) {
    const auto frames = static_cast<std::int64_t>(request_.frame_count);
    // A latent that stands for several frames is told the controls of the last of them.
    const Tensor last = (at::arange(total) * temporal_ + (temporal_ - 1 - pad_)).clamp(0, frames - 1);
    const Tensor raw = at::tensor(request_.controls.values).view({frames, -1}).index_select(0, last);
    const Tensor controls = ((raw - of_.control_mean_) / of_.control_std_).unsqueeze(0).to(default_device());
    DitInput conditions;
    conditions.text = caption_ = read(request_.caption);
    conditions.keep_text = conditions.keep_controls = at::ones({1}, default_device());
    streams_.emplace_back(*of_.dit_, of_.rollout_, conditions, controls, order_.backwards);
    if (of_.rollout_.guidance != 1.0) {
      conditions.keep_text = conditions.keep_controls = at::zeros({1}, default_device());
      streams_.emplace_back(*of_.dit_, of_.rollout_, conditions, controls, order_.backwards);
    }
    for (const auto& change : request_.changes) changes_.emplace_back(change.frame, read(change.caption));
  }

  TextInput read(const std::string& caption) const {
    return of_.text_->forward(tokenize(of_.tokenizer_, {caption}, of_.text_->config().context).to(default_device()));
  }

  /// The caption that holds at the first frame of this latent.
  void tell_caption(std::int64_t time) {
    if (changes_.empty()) return;
    const TextInput* text = &caption_;
    for (const auto& [frame, caption] : changes_)
      if (frame <= time * temporal_ - pad_) text = &caption;
    streams_.front().tell(*text);
  }

  Tensor make(const FrameVisit& visit) {
    for (auto& stream : streams_) stream.move_to(visit.time);
    tell_caption(visit.time);
    if (visit.given) {
      const bool first = visit.time < order_.first_given;
      const std::int64_t at = first ? visit.time : visit.time - (total() - order_.last_given);
      const Tensor latent = (first ? begin_ : end_).slice(1, at, at + 1);
      for (auto& stream : streams_) stream.append(latent, 1.0, visit.ahead);
      return latent;
    }
    const Tensor latent = draw(visit.time);
    const double told = of_.rollout_.history_level;
    const Tensor seen = told >= 1.0 ? latent
                                    : of_.diffusion_.noised(latent, noise(visit.time, kHistory),
                                                            at::full({1, 1}, told, latent.options()));
    if (visit.time != order_.visits.back().time)
      for (auto& stream : streams_) stream.append(seen, told);
    return latent;
  }

  Tensor draw(std::int64_t time) const {
    const double stride = told_stride(of_.rollout_.steps);
    const auto denoise = [&](const Tensor& z, double level) {
      return guided(
          streams_[0].answer(z, level, stride), [&] { return streams_[1].answer(z, level, stride); },
          of_.rollout_.guidance);
    };
    return sample(of_.diffusion_, of_.diffusion_.config().solver, noise(time, kStart), of_.rollout_.steps, denoise,
                  [&](std::int64_t step) { return noise(time, kFirstStep + static_cast<std::uint32_t>(step)); });
  }

  Tensor noise(std::int64_t time, std::uint32_t purpose) const {
    const std::vector<std::int64_t> shape{1, 1, of_.vae_->config().latent_channels, of_.height_ / 8, of_.width_ / 8};
    return normal_noise(shape, {request_.seed, static_cast<std::uint32_t>(time), purpose}).to(default_device());
  }

  /// Latents in the order of time; what was given goes through the decoder for its memory alone.
  void show(const Tensor& latent) {
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

  std::int64_t total() const { return static_cast<std::int64_t>(order_.visits.size()); }

  const Generator& of_;
  const Conditioning& request_;
  FrameSink sink_;
  std::int64_t temporal_, leads_ = 0, pad_ = 0, decoded_frames_ = 0;
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
  if (request.watched.empty())
    throw InputError(request.id, "watched", "is missing: there is nothing to be surprised by");
  Conditioning whole = request;
  whole.context.insert(whole.context.end(), request.watched.begin(), request.watched.end());
  whole.places.clear();
  Rollout rollout(*this, whole, {});
  const auto first = static_cast<std::int64_t>(request.context.size());
  const std::int64_t first_latent = rollout.latent_of(first);
  const std::vector<float> errors = rollout.watch(first_latent);
  std::vector<float> by_frame;
  for (std::int64_t t = first; t < request.frame_count; ++t)
    by_frame.push_back(errors[static_cast<std::size_t>(rollout.latent_of(t) - first_latent)]);
  return by_frame;
}

std::vector<Frame> Generator::run(const Conditioning& request) const {
  std::vector<Frame> frames;
  stream(request, [&](Frame&& frame) { frames.push_back(std::move(frame)); });
  return frames;
}

}  // namespace bitemark::model
