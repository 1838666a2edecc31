#include "model/unroll.h"

#include <algorithm>
#include <vector>

#include "model/history_stream.h"
#include "model/sampler.h"

namespace bitemark::model {

Stretch draw_stretch(std::int64_t window, std::int64_t longest, Pcg32& random) {
  Stretch stretch;
  stretch.given = 1 + random.below(static_cast<std::uint32_t>(std::max<std::int64_t>(window / 2, 1)));
  stretch.made = std::min(longest, window - stretch.given);
  return stretch;
}

Tensor unroll(Dit& dit, const Diffusion& diffusion, const RolloutConfig& rollout, const DitInput& conditions,
              const Clips& clips, const Stretch& stretch, const UnrollNoise& noise) {
  HistoryStream stream(dit, rollout, conditions);
  const double stride = told_stride(rollout.steps);
  const auto answer = [&](const Tensor& z, double level) { return stream.answer(z, level, stride); };
  const std::int64_t end = stretch.given + stretch.made;
  std::vector<Tensor> made;
  for (std::int64_t t = 0; t < end; ++t) {
    const auto now = [t](const Tensor& all) { return all.slice(1, t, t + 1); };
    stream.move_to(t, {now(clips.controls), clips.actions.defined() ? now(clips.actions) : Tensor(), 0});
    if (t < stretch.given) {
      stream.append(now(clips.x), 1.0);
      continue;
    }
    made.push_back(
        sample(diffusion, diffusion.config().solver, rollout.temperature * now(noise.start), rollout.steps, answer));
    if (t + 1 < end) stream.append_made(diffusion, made.back(), [&] { return now(noise.history); });
  }
  return at::cat(made, 1);
}

Tensor unrolled_error(const Tensor& made, const Clips& clips, const Stretch& stretch) {
  const auto of_made = [&](const Tensor& all) { return all.slice(1, stretch.given, stretch.given + stretch.made); };
  constexpr double kLeast = 1e-4;  // a root is steep at nothing
  const Tensor square = ((made - of_made(clips.x)).pow(2) * of_made(clips.motion)).flatten(1).mean(1);
  return (square + kLeast).sqrt().mean();
}

Clips without_cuts(const Clips& clips) {
  if (!clips.shots.defined()) return clips;
  const Tensor rows = (clips.shots == 0).all(1).nonzero().view({-1});
  Clips kept = clips;
  for (Tensor Clips::*member : {&Clips::x, &Clips::motion, &Clips::states, &Clips::controls, &Clips::actions,
                                &Clips::played, &Clips::shots, &Clips::label})
    if (const Tensor& all = clips.*member; all.defined()) kept.*member = all.index_select(0, rows.to(all.device()));
  kept.captions.clear();
  for (std::int64_t i = 0; i < rows.size(0); ++i)
    kept.captions.push_back(clips.captions[static_cast<std::size_t>(rows[i].item<std::int64_t>())]);
  return kept;
}

}  // namespace bitemark::model
