#include "model/rollout_watch.h"

#include <algorithm>
#include <cstring>

#include "base/parallel.h"
#include "model/generator.h"

namespace bitemark::model {
namespace {

constexpr std::size_t kPictureTakes = 4;
constexpr std::int64_t kLossTakes = 4;  // of each scenario, at most
constexpr int kColumns = 12, kGap = 2, kWideGap = 8;

std::vector<Frame> frames_of(const Tensor& bytes) {
  std::vector<Frame> frames;
  for (std::int64_t t = 0; t < bytes.size(0); ++t) {
    const Tensor one = bytes[t].contiguous();
    Frame frame(static_cast<int>(one.size(1)), static_cast<int>(one.size(0)));
    std::memcpy(frame.rgb.data(), one.data_ptr<std::uint8_t>(), frame.rgb.size());
    frames.push_back(std::move(frame));
  }
  return frames;
}

/// Frames that the sheet shows, first and last among them.
std::vector<int> shown_frames(int count) {
  const int columns = std::min(kColumns, count);
  std::vector<int> shown;
  for (int i = 0; i < columns; ++i) shown.push_back(columns == 1 ? 0 : i * (count - 1) / (columns - 1));
  return shown;
}

void paste(RawImage<std::uint8_t>& sheet, const Frame& frame, int left, int top) {
  const auto row_bytes = static_cast<std::ptrdiff_t>(frame.width) * 3;
  for (int y = 0; y < frame.height; ++y)
    std::copy_n(frame.rgb.begin() + y * row_bytes, row_bytes,
                sheet.values.begin() + (static_cast<std::ptrdiff_t>(top + y) * sheet.width + left) * 3);
}

}  // namespace

RawImage<std::uint8_t> contact_sheet(const std::vector<std::vector<Frame>>& truth,
                                     const std::vector<std::vector<Frame>>& rollout, int context) {
  const Frame& first = truth.front().front();
  const std::vector<int> shown = shown_frames(static_cast<int>(truth.front().size()));
  std::vector<int> left;
  int width = 0;
  for (std::size_t i = 0; i < shown.size(); ++i) {
    const bool ends_context = i > 0 && shown[i - 1] < context && shown[i] >= context;
    if (i > 0) width += ends_context ? kWideGap : kGap;
    left.push_back(width);
    width += first.width;
  }
  const auto takes = static_cast<int>(truth.size());
  const int take_height = 2 * first.height + kGap;
  RawImage<std::uint8_t> sheet{width, takes * take_height + (takes - 1) * kWideGap, 3, {}};
  sheet.values.assign(static_cast<std::size_t>(sheet.width) * static_cast<std::size_t>(sheet.height) * 3, 255);
  for (int take = 0; take < takes; ++take) {
    const auto n = static_cast<std::size_t>(take);
    for (std::size_t i = 0; i < shown.size(); ++i) {
      const int top = take * (take_height + kWideGap);
      paste(sheet, truth[n][static_cast<std::size_t>(shown[i])], left[i], top);
      paste(sheet, rollout[n][static_cast<std::size_t>(shown[i])], left[i], top + first.height + kGap);
    }
  }
  return sheet;
}

RolloutWatch::RolloutWatch(const ClipSource& source, const Recipe& recipe, const std::filesystem::path& checkpoint,
                           int threads)
    : source_(source), recipe_(recipe), checkpoint_(checkpoint), threads_(threads) {
  const std::int64_t temporal = Checkpoint(checkpoint).vae()->config().temporal;
  latents_ = *std::max_element(recipe.windows.begin(), recipe.windows.end());
  frames_ = latents_ * temporal;
  source.last_windows(1, frames_);
}

std::vector<ClipWindow> RolloutWatch::picture_windows() const {
  std::vector<ClipWindow> all = source_.last_windows(1, frames_);
  // A sheet has frames of one size.
  std::erase_if(all, [&, first = source_.size_of(all.front())](const ClipWindow& window) {
    return source_.size_of(window) != first;
  });
  std::vector<ClipWindow> some;
  const std::size_t count = std::min(kPictureTakes, all.size());
  for (std::size_t i = 0; i < count; ++i) some.push_back(all[i * all.size() / count]);
  return some;
}

std::vector<Conditioning> RolloutWatch::requests(const std::vector<ClipWindow>& windows) const {
  const ClipBatch batch = source_.load(windows, frames_);
  std::vector<Conditioning> takes;
  for (std::size_t i = 0; i < windows.size(); ++i) {
    const auto row = static_cast<std::int64_t>(i);
    Conditioning take;
    take.id = source_.shard_name(windows[i].shard) + "." + std::to_string(windows[i].row);
    take.caption = batch.captions[i];
    take.frame_count = static_cast<int>(frames_);
    take.width = source_.size_of(windows[i]).width;
    take.height = source_.size_of(windows[i]).height;
    take.seed = seed_from_text(take.id);
    take.context = frames_of(batch.frames[row]);
    const Tensor controls = batch.controls[row].contiguous();
    take.controls.values.assign(controls.data_ptr<float>(), controls.data_ptr<float>() + controls.numel());
    if (batch.played[row].item<float>() > 0) {
      const Tensor actions = batch.actions[row].contiguous();
      take.actions.values.assign(actions.data_ptr<float>(), actions.data_ptr<float>() + actions.numel());
    }
    for (std::int64_t t = 1; t < frames_; ++t)
      if (batch.shots[row][t].item<std::int64_t>() != batch.shots[row][t - 1].item<std::int64_t>())
        take.cuts.push_back(static_cast<int>(t));
    takes.push_back(std::move(take));
  }
  return takes;
}

MeanAndError RolloutWatch::held_out_error(const Checkpoint& checkpoint) const {
  const auto vae = checkpoint.vae();
  const auto text = checkpoint.text();
  const Tokenizer tokenizer = checkpoint.tokenizer();
  const auto [mean, std] = checkpoint.control_statistics();
  const auto windows = source_.last_windows(std::min(recipe_.held_out, kLossTakes), frames_);
  const auto takes = prepare_held_out(source_, windows, latents_, {*vae, *text, tokenizer, mean, std});
  std::vector<double> errors;
  for (const auto& row : held_out_errors(*checkpoint.dit(), Diffusion(checkpoint.diffusion()), takes, threads_))
    errors.push_back(mean_and_error(row).mean);
  return mean_and_error(errors);
}

RolloutWatch::Sight RolloutWatch::look() const {
  const Checkpoint checkpoint(checkpoint_);
  const Generator generator(checkpoint, checkpoint.rollout());
  std::vector<Conditioning> takes = requests(picture_windows());
  std::vector<std::vector<Frame>> truth(takes.size()), rollout(takes.size());
  const auto context = static_cast<std::size_t>(std::max<std::int64_t>(1, frames_ / 4));
  const int previous = at::get_num_threads();
  parallel_for(takes.size(), default_device().is_cpu() ? threads_ : 1, [&](std::size_t i) {
    at::set_num_threads(1);
    truth[i] = takes[i].context;
    takes[i].context.resize(context);
    rollout[i] = takes[i].context;
    for (auto& frame : generator.run(takes[i])) rollout[i].push_back(std::move(frame));
  });
  at::set_num_threads(previous);
  const RawImage<std::uint8_t> sheet = contact_sheet(truth, rollout, static_cast<int>(context));
  Sight sight{encode_png(sheet), sheet.width, sheet.height, {}};
  if (recipe_.held_out > 0) sight.held_out = held_out_error(checkpoint);
  return sight;
}

}  // namespace bitemark::model
