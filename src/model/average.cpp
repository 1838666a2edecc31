// bitemark-model average: one transformer of several that went on from the same weights (model soups, Wortsman et al.
// 2022): what each of them learned apart is kept by the mean, without further training.
#include <fmt/format.h>

#include "base/error.h"
#include "base/files.h"
#include "base/sha256.h"
#include "model/checkpoint.h"
#include "model/commands.h"
#include "model/take_over.h"
#include "model/weights.h"

namespace bitemark::model {
namespace {

/// Transformers can be averaged only where they live in the same latents and hear the same words.
void check_same_surroundings(const fs::path& last, const fs::path& other) {
  for (const char* file : {"vae.safetensors", "text.safetensors", "tokenizer.json"})
    if (sha256_of_file(last / file) != sha256_of_file(other / file))
      throw InputError((other / file).string(), "", "is not that of " + last.string());
}

}  // namespace

void average(const AverageOptions& options) {
  const torch::NoGradGuard no_grad;
  const fs::path& last = options.checkpoints.back();
  const Checkpoint target(last);
  target.check_parts();
  const auto mean = target.dit();
  std::vector<Tensor> sums;
  for (const auto& parameter : mean->parameters()) sums.push_back(parameter.to(at::kDouble));
  for (std::size_t i = 0; i + 1 < options.checkpoints.size(); ++i) {
    const fs::path& folder = options.checkpoints[i];
    check_same_surroundings(last, folder);
    Dit other(mean->config());
    if (!take_over(*Checkpoint(folder).dit(), other))
      throw InputError((folder / "config.json").string(), "/dit", "is not the transformer of " + last.string());
    const auto parameters = other.parameters();
    for (std::size_t p = 0; p < sums.size(); ++p) sums[p] += parameters[p].to(sums[p].device(), at::kDouble);
  }
  const auto parameters = mean->parameters();
  for (std::size_t p = 0; p < sums.size(); ++p)
    parameters[p].copy_(sums[p] / static_cast<double>(options.checkpoints.size()));

  PendingFolder out(options.out);
  copy_parts(last, out.path());
  write_file(out.path() / "config.json", read_file(last / "config.json"));
  save_weights(out.path() / "dit.safetensors", weights_of(*mean), true);
  out.commit();
  fmt::print("{}: the mean of {} transformers\n", options.out.string(), options.checkpoints.size());
}

}  // namespace bitemark::model
