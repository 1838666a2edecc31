#include "model/history_stream.h"

#include <cstdlib>
#include <utility>

namespace bitemark::model {

HistoryStream::HistoryStream(Dit& dit, const RolloutConfig& rollout, DitInput conditions, bool backwards)
    : dit_(dit),
      conditions_(std::move(conditions)),
      ring_(rollout.window, rollout.sinks, rollout.memory),
      made_level_(rollout.history_level),
      backwards_(backwards) {}

void HistoryStream::move_to(std::int64_t time, const LatentTold& told) {
  if (std::abs(time - time_) != 1 || told.shot != shot_) {
    latest_.clear();
    latest_level_ = 0;
  }
  time_ = time;
  shot_ = told.shot;
  conditions_.controls = told.controls;
  conditions_.actions = told.actions;
  conditions_.shots = at::full({1, 1}, shot_, told.controls.options().dtype(at::kLong));
}

void HistoryStream::tell(const TextInput& text, bool said) {
  conditions_.text = text;
  conditions_.keep_text = at::full({1}, said ? 1.0 : 0.0, text.pooled.options());
}

DitInput HistoryStream::input_at(const Tensor& z, double level) const {
  DitInput input = conditions_;
  input.z = z;
  std::vector<Tensor> past;
  for (std::int64_t back = 0; back < dit_.config().past_frames; ++back)
    past.push_back(back < static_cast<std::int64_t>(latest_.size()) ? latest_[static_cast<std::size_t>(back)]
                                                                    : at::zeros_like(z));
  input.past = past.empty() ? z.slice(2, 0, 0) : at::cat(past, 2);
  input.level = at::full({z.size(0), 1}, level, z.options());
  input.past_level = at::full({z.size(0), 1}, latest_level_, z.options());
  return input;
}

Tensor HistoryStream::answer(const Tensor& z, double level, double stride) const {
  DitInput input = input_at(z, level);
  input.stride = at::full({z.size(0), 1}, stride, z.options());
  return dit_.forward(input, layout(), &ring_, &cache_).answer;
}

void HistoryStream::append(const Tensor& latent, double level, bool ahead) {
  ring_.push(dit_.forward(input_at(latent, level), layout(), &ring_, &cache_).frame, time_, ahead, shot_);
  latest_.push_front(latent);
  if (static_cast<std::int64_t>(latest_.size()) > dit_.config().past_frames) latest_.pop_back();
  latest_level_ = level;
}

void HistoryStream::append_made(const Diffusion& diffusion, const Tensor& latent,
                                const std::function<Tensor()>& noise) {
  if (made_level_ >= 1.0) return append(latent, 1.0);
  const Tensor level = at::full({1, 1}, made_level_, latent.options());
  append(diffusion.noised(latent, noise(), level), made_level_);
}

}  // namespace bitemark::model
