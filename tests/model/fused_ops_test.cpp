// Our kernels against LibTorch's operations in double precision, and their gradients against finite differences. CTest
// runs this file once for each instruction set (ATEN_CPU_CAPABILITY).
#include "model/fused_ops.h"

#include <gtest/gtest.h>

#include <cmath>
#include <functional>

#include "model/attention.h"
#include "model/kernels/split_kernels.h"
#include "model/noise.h"

namespace bitemark::model {
namespace {

using Inputs = std::vector<Tensor>;
using Op = std::function<Tensor(const Inputs&)>;

Tensor noise(at::IntArrayRef shape, std::uint32_t index) { return normal_noise(shape, {3, index, 0}); }

Inputs leaves(const Inputs& inputs, at::ScalarType type) {
  Inputs out;
  for (const auto& x : inputs) out.push_back(x.detach().to(type).clone().requires_grad_());
  return out;
}

/// Values and gradients of a weighted sum of the output.
struct Evaluation {
  Tensor value;
  Inputs gradients;
};

Evaluation evaluate(const Op& op, const Inputs& inputs, at::ScalarType type) {
  const Inputs x = leaves(inputs, type);
  const Tensor value = op(x);
  (value * noise(value.sizes(), 99).to(type)).sum().backward();
  Evaluation result{value.detach(), {}};
  for (const auto& leaf : x) result.gradients.push_back(leaf.grad());
  return result;
}

double relative(const Tensor& ours, const Tensor& truth) {
  return ((ours.to(at::kDouble) - truth).abs().max() / truth.abs().max().clamp_min(1e-12)).item<double>();
}

/// float32 against float64: each output is a sum of at most some hundred products, 1e-7 * sqrt(300) each.
constexpr double kRounding = 5e-6;

void expect_same(const Op& ours, const Op& plain, const Inputs& inputs) {
  const Evaluation a = evaluate(ours, inputs, at::kFloat), b = evaluate(plain, inputs, at::kDouble);
  EXPECT_LT(relative(a.value, b.value), kRounding);
  for (std::size_t i = 0; i < inputs.size(); ++i)
    EXPECT_LT(relative(a.gradients[i], b.gradients[i]), 4 * kRounding) << "gradient of input " << i;
}

/// Along a random direction: (f(x + h d) - f(x - h d)) / 2h = grad . d, up to h^2 f''' / 6 and rounding of f over h.
void expect_finite_differences(const Op& op, const Inputs& inputs) {
  constexpr double kStep = 2e-2;
  const Evaluation at_x = evaluate(op, inputs, at::kFloat);
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    const Tensor direction = noise(inputs[i].sizes(), 50 + static_cast<std::uint32_t>(i)) / 4.0;
    const auto moved = [&](double step) {
      Inputs x = inputs;
      x[i] = x[i] + step * direction;
      const Tensor value = op(x);
      return (value.to(at::kDouble) * noise(value.sizes(), 99)).sum().item<double>();
    };
    const double slope = (moved(kStep) - moved(-kStep)) / (2 * kStep);
    const double expected = (at_x.gradients[i].to(at::kDouble) * direction).sum().item<double>();
    const double scale = (at_x.gradients[i].to(at::kDouble).norm() * direction.norm()).item<double>();
    EXPECT_NEAR(slope, expected, 2e-3 * scale) << "input " << i;
  }
}

struct AttentionCase {
  const char* name;
  std::int64_t batch, queries, keys, heads, width;
  Visibility visibility;
};
void PrintTo(const AttentionCase& c, std::ostream* out) { *out << c.name; }

Visibility own_blocks(std::int64_t count, std::int64_t tokens) {
  Visibility v{tokens, {}};
  for (std::int64_t b = 0; b < count; ++b) v.blocks.push_back({0, b * tokens, tokens});
  return v;
}

Visibility causal_blocks(std::int64_t count, std::int64_t tokens) {
  Visibility v{tokens, {}};
  for (std::int64_t b = 0; b < count; ++b) v.blocks.push_back({b * tokens, b * tokens, tokens});
  return v;
}

/// Three frames of history and a target beside each of them, which sees the earlier ones and itself.
Visibility history_and_targets(std::int64_t tokens) {
  Visibility v = causal_blocks(3, tokens);
  for (std::int64_t b = 0; b < 3; ++b) v.blocks.push_back({b * tokens, (3 + b) * tokens, tokens});
  return v;
}

std::vector<AttentionCase> attention_cases() {
  return {{"own_frames", 2, 48, 48, 3, 24, own_blocks(3, 16)},
          {"causal", 2, 64, 64, 2, 48, causal_blocks(4, 16)},
          {"causal_odd_sizes", 1, 35, 35, 2, 20, causal_blocks(5, 7)},
          {"history_and_targets", 2, 30, 30, 2, 32, history_and_targets(5)},
          {"ring", 1, 16, 90, 4, 64, {16, {{74, 74, 16}}}},
          {"captions", 3, 20, 11, 2, 16, {20, {{11, 0, 0}, {2, 0, 0}, {7, 0, 0}}}},
          {"many_keys", 1, 130, 1100, 1, 8, {130, {{970, 970, 130}}}}};
}

class Attention : public testing::TestWithParam<AttentionCase> {
 protected:
  static Inputs inputs() {
    const AttentionCase& c = GetParam();
    return {noise({c.batch, c.queries, c.heads, c.width}, 1), noise({c.batch, c.keys, c.heads, c.width}, 2),
            noise({c.batch, c.keys, c.heads, c.width}, 3)};
  }
  static Tensor ours(const Inputs& x) { return attend_visible(x[0], x[1], x[2], GetParam().visibility); }
  static Tensor plain(const Inputs& x) { return attend_visible_plain(x[0], x[1], x[2], GetParam().visibility); }
};

TEST_P(Attention, EqualsThePlainForm) { expect_same(ours, plain, inputs()); }
TEST_P(Attention, GradientsAreSlopes) { expect_finite_differences(ours, inputs()); }
TEST_P(Attention, BitsDoNotDependOnThreads) {
  const int before = at::get_num_threads();
  at::set_num_threads(1);
  const Evaluation one = evaluate(ours, inputs(), at::kFloat);
  at::set_num_threads(4);
  const Evaluation four = evaluate(ours, inputs(), at::kFloat);
  at::set_num_threads(before);
  EXPECT_TRUE(at::equal(one.value, four.value));
  for (std::size_t i = 0; i < 3; ++i) EXPECT_TRUE(at::equal(one.gradients[i], four.gradients[i]));
}
INSTANTIATE_TEST_SUITE_P(FusedOps, Attention, testing::ValuesIn(attention_cases()),
                         [](const auto& test) { return test.param.name; });

TEST(FusedOps, AttentionTakesViewsOfOneProduct) {
  const Tensor qkv = noise({2, 32, 3, 2, 24}, 1);
  const auto parts = qkv.unbind(2);
  const Visibility v = causal_blocks(2, 16);
  EXPECT_TRUE(at::equal(attend_visible(parts[0], parts[1], parts[2], v),
                        attend_visible(parts[0].contiguous(), parts[1].contiguous(), parts[2].contiguous(), v)));
}

TEST(FusedOps, KeysPutPieceByPieceAreTheSame) {
  // 2 clips, 11 keys that come in pieces and are written over, 3 heads of 10 numbers (padded to 16).
  const torch::NoGradGuard no_grad;
  const Tensor q = noise({2, 4, 3, 10}, 1), k = noise({2, 11, 3, 10}, 2), v = noise({2, 11, 3, 10}, 3);
  Visibility visibility;
  visibility.tokens = 4;
  visibility.blocks = {{7, 8, 3}};  // all but the eighth
  SeenKeys seen(11, k);
  for (const auto& [first, count] : {std::pair<std::int64_t, std::int64_t>{0, 11}, {7, 4}, {0, 3}}) {
    const auto piece = [&](const Tensor& all) { return all.slice(1, first, first + count); };
    seen.put(piece(k) + 1.0, piece(v), first);
    seen.put(piece(k), piece(v), first);
  }
  EXPECT_TRUE(at::equal(seen.attend(q, visibility), attend_visible(q, k, v, visibility)));
  EXPECT_THROW(seen.put(k, v, 1), std::logic_error);
}

TEST(FusedOps, RotateTakesATableAClip) {
  const Tensor x = noise({2, 12, 2, 8}, 4);
  const Tensor times = at::tensor(std::vector<std::int64_t>{0, 5, 3, 9}).view({2, 2});
  const RopeTable both = rope_table(times, 2, 3, 8, torch::kCPU);
  for (std::int64_t b = 0; b < 2; ++b) {
    const RopeTable one = rope_table(times[b], 2, 3, 8, torch::kCPU);
    EXPECT_TRUE(at::equal(rotate(x, both)[b], rotate(x.slice(0, b, b + 1), one)[0]));
  }
}

TEST(FusedOps, UnseenKeysHaveNoInfluence) {
  const Tensor q = noise({1, 32, 2, 24}, 1), k = noise({1, 32, 2, 24}, 2), v = noise({1, 32, 2, 24}, 3);
  Tensor other_k = k.clone(), other_v = v.clone();
  other_k.slice(1, 16).fill_(1e30);
  other_v.slice(1, 16).fill_(1e30);
  const Visibility causal = causal_blocks(2, 16);
  EXPECT_TRUE(at::equal(attend_visible(q, k, v, causal).slice(1, 0, 16),
                        attend_visible(q, other_k, other_v, causal).slice(1, 0, 16)));
}

TEST(FusedOps, LargeLogitsStayFinite) {
  const Tensor q = 200.0 * noise({1, 16, 1, 16}, 1), k = 200.0 * noise({1, 16, 1, 16}, 2), v = noise({1, 16, 1, 16}, 3);
  const Visibility all{16, {{16, 0, 0}}};
  const Tensor truth = attend_visible_plain(q.to(at::kDouble), k.to(at::kDouble), v.to(at::kDouble), all);
  // Logits of up to 4e5 are rounded to 0.03 in float32: e^0.03 - 1 of what is shared.
  EXPECT_LT(relative(attend_visible(q, k, v, all), truth), 0.05);
}

TEST(FusedOps, NotANumberIsNotHidden) {
  Tensor q = noise({1, 16, 1, 16}, 1);
  q[0][3][0][2] = std::nan("");
  const Tensor k = noise({1, 16, 1, 16}, 2);
  EXPECT_TRUE(attend_visible(q, k, k, Visibility{16, {{16, 0, 0}}})[0][3].isnan().all().item<bool>());
}

TEST(FusedOps, NormModulateEqualsThePlainForm) {
  const auto op = [](const Inputs& x) { return norm_modulate(x[0], x[1], x[2]); };
  const auto plain = [](const Inputs& x) { return norm_modulate_plain(x[0], x[1], x[2]); };
  for (const std::int64_t width : {8, 24, 192, 250}) {
    const Inputs x{2.0 + noise({2, 3, 5, width}, 1), noise({2, 3, width}, 2), noise({2, 3, width}, 3)};
    expect_same(op, plain, x);
    expect_finite_differences(op, x);
  }
}

TEST(FusedOps, ABranchCarriesTheGradientsOfBothWays) {
  // Parts of one modulation, as a block takes them: their rows do not lie side by side.
  const auto through = [](const Branch& branch, const Tensor& gate) {
    return add_gated(branch.stream, branch.input, gate);
  };
  const auto op = [&](const Inputs& x) {
    const auto m = x[1].chunk(3, -1);
    return through(open_branch(x[0], m[0], m[1]), m[2]);
  };
  const auto plain = [&](const Inputs& x) {
    const auto m = x[1].chunk(3, -1);
    return through({norm_modulate_plain(x[0], m[0], m[1]), x[0]}, m[2]);
  };
  const Op unmodulated = [&](const Inputs& x) { return through(open_branch(x[0]), x[1]); };
  const Op unmodulated_plain = [&](const Inputs& x) {
    return through({at::layer_norm(x[0], {x[0].size(-1)}, {}, {}, 1e-6), x[0]}, x[1]);
  };
  for (const std::int64_t width : {8, 24, 250}) {
    const Tensor x = 2.0 + noise({2, 3, 5, width}, 1);
    expect_same(op, plain, {x, noise({2, 3, 3 * width}, 2)});
    expect_finite_differences(op, {x, noise({2, 3, 3 * width}, 2)});
    expect_same(unmodulated, unmodulated_plain, {x, noise({2, 3, width}, 2)});
  }
  const Inputs x = leaves({noise({1, 2, 3, 8}, 1), noise({1, 2, 8}, 2)}, at::kFloat);
  open_branch(x[0], x[1], x[1]).stream.sum().backward();  // nobody asks what the branch read
  EXPECT_TRUE(at::equal(x[0].grad(), at::ones({1, 2, 3, 8})));
  EXPECT_FALSE(x[1].grad().defined());
}

TEST(FusedOps, AddGatedEqualsThePlainForm) {
  const auto op = [](const Inputs& x) { return add_gated(x[0], x[1], x[2]); };
  const auto plain = [](const Inputs& x) { return add_gated_plain(x[0], x[1], x[2]); };
  for (const std::int64_t width : {16, 20, 192}) {
    const Inputs inputs{noise({2, 3, 5, width}, 1), noise({2, 3, 5, width}, 2), noise({2, 3, width}, 3)};
    expect_same(op, plain, inputs);
    expect_finite_differences(op, inputs);
  }
}

TEST(FusedOps, SwigluEqualsThePlainForm) {
  const auto op = [](const Inputs& x) { return swiglu(x[0]); };
  const auto plain = [](const Inputs& x) { return swiglu_plain(x[0]); };
  for (const std::int64_t width : {10, 64, 2 * 544}) {
    expect_same(op, plain, {3.0 * noise({2, 40, width}, 1)});
    expect_finite_differences(op, {noise({2, 40, width}, 1)});
  }
  const Tensor far = at::tensor(std::vector<float>{-200.0F, 200.0F, 1.0F, 1.0F}).view({1, 4});
  EXPECT_TRUE(at::allclose(swiglu(far), at::tensor(std::vector<float>{0.0F, 200.0F}).view({1, 2})));
}

TEST(FusedOps, RotateEqualsThePlainForm) {
  for (const std::int64_t head : {8, 24, 64}) {
    const RopeTable table = rope_table({0, 3}, 2, 3, head, torch::kCPU);
    const RopeTable wide{table.cos.to(at::kDouble), table.sin.to(at::kDouble)};
    const Inputs x{noise({2, 12, 3, head}, 1)};
    expect_same([&](const Inputs& in) { return rotate(in[0], table); },
                [&](const Inputs& in) { return rotate_plain(in[0], wide); }, x);
  }
}

/// One tensor that depends on all three, and on each otherwise.
Tensor together(const QueriesKeysValues& all) { return at::stack({all.q, 0.5 * all.k, all.k * all.v}, 2); }

TEST(FusedOps, NormRotateEqualsThePlainForm) {
  // Odd numbers of pairs leave rests behind whole vectors; 3 x 50 tokens are more than one run of the scale's sum.
  for (const std::int64_t head : {6, 24, 48, 64}) {
    const RopeTable table = rope_table({0, 3, 4, 9, 11}, 2, 5, head, torch::kCPU);
    const RopeTable wide{table.cos.to(at::kDouble), table.sin.to(at::kDouble)};
    const Inputs x{2.0 + noise({3, 50, 3, 2, head}, 1), noise({head}, 2), noise({head}, 3)};
    const Op op = [&](const Inputs& in) { return together(norm_rotate(in[0], in[1], in[2], table)); };
    expect_same(
        op, [&](const Inputs& in) { return together(norm_rotate_plain(in[0], in[1], in[2], wide)); }, x);
    expect_finite_differences(op, x);
  }
}

TEST(FusedOps, NormRotateChangesNoBitOnAnyThreadsAndLeavesOutWhatNobodyAsksFor) {
  const RopeTable table = rope_table({0, 3, 4, 9}, 4, 5, 24, torch::kCPU);
  const Inputs inputs{noise({2, 80, 3, 2, 24}, 1), noise({24}, 2), noise({24}, 3)};
  const Op op = [&](const Inputs& in) { return together(norm_rotate(in[0], in[1], in[2], table)); };
  const int before = at::get_num_threads();
  at::set_num_threads(1);
  const Evaluation one = evaluate(op, inputs, at::kFloat);
  at::set_num_threads(3);
  const Evaluation three = evaluate(op, inputs, at::kFloat);
  at::set_num_threads(before);
  EXPECT_TRUE(at::equal(one.value, three.value));
  for (std::size_t i = 0; i < 3; ++i) EXPECT_TRUE(at::equal(one.gradients[i], three.gradients[i]));
  const Op keys = [&](const Inputs& in) { return norm_rotate(in[0], in[1], in[2], table).k; };
  const Evaluation alone = evaluate(keys, {inputs[0], inputs[1], inputs[2]}, at::kFloat);
  EXPECT_EQ(alone.gradients[0].select(2, 0).abs().max().item<float>(), 0.0F);
  EXPECT_EQ(alone.gradients[0].select(2, 2).abs().max().item<float>(), 0.0F);
  EXPECT_GT(alone.gradients[0].select(2, 1).abs().max().item<float>(), 0.0F);
}

TEST(FusedOps, PinnedInstructionSetIsUsed) {
  const char* pin = std::getenv("ATEN_CPU_CAPABILITY");
  if (pin == nullptr) GTEST_SKIP() << "not pinned in this run";
  EXPECT_EQ(kernels().name, std::string(pin) == "default" ? std::string("plain") : std::string(pin));
  EXPECT_EQ(split_kernels(), nullptr);
}

}  // namespace
}  // namespace bitemark::model
