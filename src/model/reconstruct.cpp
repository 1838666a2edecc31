// bitemark-model reconstruct: what the video VAE alone makes of clips. Judged as a generator's answers they say how
// good any rollout in its latents can be.
#include <fmt/format.h>

#include <algorithm>

#include "base/error.h"
#include "base/files.h"
#include "base/interrupt.h"
#include "base/parallel.h"
#include "base/progress.h"
#include "model/checkpoint.h"
#include "model/commands.h"
#include "model/weights.h"

namespace bitemark::model {
namespace {

std::vector<fs::path> clip_files(const fs::path& folder) {
  std::error_code missing;
  std::vector<fs::path> files;
  for (const auto& entry : fs::directory_iterator(folder, missing))
    if (entry.path().extension() == ".safetensors") files.push_back(entry.path());
  if (files.empty()) throw InputError(folder.string(), "", "holds no clip (*.safetensors)");
  std::sort(files.begin(), files.end());
  return files;
}

/// u8 [T, H, W, 3] -> the same, through the latents.
Tensor through(Vae& vae, const Tensor& bytes) {
  const std::int64_t frames = bytes.size(0);
  const Tensor latents = encode_in_pieces(vae, frames, [&](std::int64_t begin, std::int64_t end) {
    return frames_from_bytes(bytes.slice(0, begin, end).to(default_device())).unsqueeze(0);
  });
  std::vector<Tensor> decoded;
  StreamState decoder;
  for (std::int64_t t = 0; t < latents.size(1); ++t)
    decoded.push_back(bytes_from_frames(vae.decode(latents.slice(1, t, t + 1), decoder)[0]).to(at::kCPU));
  const Tensor all = at::cat(decoded);
  return all.slice(0, all.size(0) - frames).contiguous();
}

}  // namespace

void reconstruct(const ReconstructOptions& options) {
  const torch::NoGradGuard no_grad;
  at::set_num_threads(options.threads > 0 ? options.threads : default_threads());
  const auto vae = Checkpoint(options.checkpoint).vae();
  const auto files = clip_files(options.clips);
  Progress progress("reconstruct", static_cast<std::int64_t>(files.size()));
  for (const auto& path : files) {
    stop_if_interrupted();
    const SafetensorsFile file(path);
    const TensorView& view = file.at("frames", DType::kU8, {-1, -1, -1, 3});
    if (view.shape[0] < 1 || view.shape[1] % 8 != 0 || view.shape[2] % 8 != 0)
      throw InputError(path.string(), "frames",
                       "is " + shape_text(view.shape) + ", expected frames whose sides are multiples of 8");
    const fs::path answer = options.out / path.stem();
    make_folder(answer);
    save_tensors(answer / "rollout.safetensors", {{"frames", through(*vae, map_tensor(file, "frames"))}});
    progress.advance();
  }
}

}  // namespace bitemark::model
