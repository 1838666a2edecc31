#include "model/vae.h"

#include <gtest/gtest.h>

#include "model/noise.h"
#include "model/take_over.h"
#include "toys.h"

namespace bitemark::model {
namespace {

class VaeStreaming : public testing::TestWithParam<std::int64_t> {};

// One network, two ways of feeding it: they differ only in how a convolution library splits a batch, so by rounding,
// 1e-6 a layer at values of order one.
TEST_P(VaeStreaming, EqualsWholeClip) {
  const torch::NoGradGuard no_grad;
  VaeConfig config = tiny_vae();
  config.temporal = GetParam();
  config.encoder_memory = true;
  Vae vae(config);
  const Tensor clip = normal_noise({2, 8, 3, 32, 32}, {1, 0, 0});
  StreamState whole_encoder, whole_decoder, encoder, decoder;
  const Tensor latents = vae.encode(clip, whole_encoder);
  const Tensor frames = vae.decode(latents, whole_decoder);
  ASSERT_EQ(latents.sizes(), (std::vector<std::int64_t>{2, 8 / config.temporal, 4, 4, 4}));
  ASSERT_EQ(frames.sizes(), clip.sizes());
  for (std::int64_t n = 0; n < latents.size(1); ++n) {
    const Tensor part = clip.slice(1, n * config.temporal, (n + 1) * config.temporal);
    const Tensor latent = vae.encode(part, encoder);
    EXPECT_TRUE(at::allclose(latent, latents.slice(1, n, n + 1), 0, 1e-5)) << n;
    const Tensor shown = vae.decode(latents.slice(1, n, n + 1), decoder);
    EXPECT_TRUE(at::allclose(shown, frames.slice(1, n * config.temporal, (n + 1) * config.temporal), 0, 1e-5)) << n;
  }
}
INSTANTIATE_TEST_SUITE_P(Temporal, VaeStreaming, testing::Values(1, 2, 4));

TEST_P(VaeStreaming, PiecesAreTheWhole) {
  const torch::NoGradGuard no_grad;
  VaeConfig config = tiny_vae();
  config.temporal = GetParam();
  config.encoder_memory = true;
  Vae vae(config);
  constexpr std::int64_t kClip = 53;  // three pieces, none of them even
  const Tensor clip = normal_noise({1, kClip, 3, 16, 16}, {1, 0, 0});
  StreamState state;
  const Tensor whole = vae.encode(pad_front(clip, config.temporal), state);
  std::int64_t most = 0;
  const Tensor pieces = encode_in_pieces(vae, kClip, [&](std::int64_t begin, std::int64_t end) {
    most = std::max(most, end - begin);
    return clip.slice(1, begin, end);
  });
  EXPECT_LT(most, kClip / 2);
  ASSERT_EQ(pieces.sizes(), whole.sizes());
  EXPECT_TRUE(at::allclose(pieces, whole, 0, 1e-5));
}

TEST(Vae, IsCausal) {
  const torch::NoGradGuard no_grad;
  VaeConfig config = tiny_vae();
  config.encoder_memory = true;
  Vae vae(config);
  Tensor clip = normal_noise({1, 6, 3, 16, 16}, {2, 0, 0});
  StreamState a, b;
  const Tensor before = vae.encode(clip, a);
  clip[0][4].add_(1.0);
  const Tensor after = vae.encode(clip, b);
  EXPECT_TRUE(at::equal(before.slice(1, 0, 4), after.slice(1, 0, 4)));
  EXPECT_FALSE(at::allclose(before.slice(1, 4, 5), after.slice(1, 4, 5)));
  EXPECT_FALSE(at::allclose(before.slice(1, 5, 6), after.slice(1, 5, 6))) << "a frame remembers the one before";
}

TEST(Vae, FurtherChannelsBeginUnread) {
  const torch::NoGradGuard no_grad;
  VaeConfig wider = tiny_vae();
  wider.latent_channels = 7;
  Vae earlier(tiny_vae()), later(wider);
  ASSERT_TRUE(take_over(earlier, later));
  const Tensor clip = normal_noise({1, 3, 3, 16, 16}, {2, 0, 0});
  StreamState a, b, c, d;
  const Tensor known = earlier.posterior_mean(clip, a), all = later.posterior_mean(clip, b);
  EXPECT_TRUE(at::allclose(all.slice(2, 0, 4), known, 0, 1e-5));
  EXPECT_GT(all.slice(2, 4).abs().max().item<float>(), 1e-3F) << "or nothing would teach the decoder to read them";
  EXPECT_TRUE(at::allclose(later.decode_mean(all, c), earlier.decode_mean(known, d), 0, 1e-5));
  EXPECT_FALSE(take_over(later, earlier)) << "what is known would be lost";
}

TEST(Vae, NormalisationIsUndoneByDecoding) {
  const torch::NoGradGuard no_grad;
  Vae vae(tiny_vae());
  const Tensor latents = normal_noise({1, 1, 4, 2, 2}, {3, 0, 0});
  vae.set_normalisation(at::tensor({0.1F, -0.2F, 0.3F, 0.4F}), at::tensor({0.5F, 2.0F, 1.0F, 0.25F}));
  EXPECT_TRUE(at::allclose(vae.normalise(vae.denormalise(latents)), latents, 0, 1e-5));
  EXPECT_FALSE(at::allclose(vae.denormalise(latents), latents));
}

TEST(Vae, ContextThatDoesNotFillTheStrideRepeatsItsFirstFrame) {
  const Tensor clip = at::arange(5).view({1, 5, 1});
  EXPECT_TRUE(at::equal(pad_front(clip, 4).flatten(), at::tensor(std::vector<std::int64_t>{0, 0, 0, 0, 1, 2, 3, 4})));
  EXPECT_TRUE(at::equal(pad_front(clip, 1), clip));
}

TEST(Vae, BytesSurviveTheWayThereAndBack) {
  const Tensor bytes = at::arange(256).to(at::kByte).view({1, 16, 16, 1}).repeat({1, 1, 1, 3});
  EXPECT_TRUE(at::equal(bytes_from_frames(frames_from_bytes(bytes)), bytes));
}

}  // namespace
}  // namespace bitemark::model
