#include "model/fused_ops.h"

#include <algorithm>

#include "model/cpu_floats.h"
#include "model/helpers.h"
#include "model/kernels/kernels.h"

namespace bitemark::model {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

constexpr float kEpsilon = 1e-6F;

float* at_row(const Tensor& t, std::int64_t row, std::int64_t width) { return t.data_ptr<float>() + row * width; }

template <typename Work>
void each_frame(std::int64_t frames, const Work& work) {
  for_shares(frames, 1, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t f = begin; f < end; ++f) work(f);
  });
}

/// [B, F, D] whose frames follow each other in equal steps, of stride(1), as those of a part of the last dimension do.
Tensor by_frame(const Tensor& t) {
  const bool even = t.stride(2) == 1 && t.stride(0) == t.size(1) * t.stride(1);
  return even ? t : t.contiguous();
}

float* at_frame(const Tensor& t, std::int64_t frame) { return at_row(t, frame, t.stride(1)); }

/// Mean and 1 / deviation of every row are left in `mean` and `rstd` where these are defined.
Tensor modulated(const Tensor& x, const Tensor& shift, const Tensor& scale, const Tensor& mean, const Tensor& rstd) {
  const std::int64_t frames = x.size(0) * x.size(1), rows = x.size(2), width = x.size(3);
  Tensor out = at::empty_like(x);
  const auto rows_of = [&](const Tensor& t, std::int64_t f) { return t.defined() ? at_row(t, f, rows) : nullptr; };
  each_frame(frames, [&](std::int64_t f) {
    kernels().norm_modulate(at_row(x, f, rows * width), at_frame(shift, f), at_frame(scale, f), rows, width, kEpsilon,
                            at_row(out, f, rows * width), rows_of(mean, f), rows_of(rstd, f));
  });
  return out;
}

/// Gives what the branch reads, and x.
class OpenBranch : public torch::autograd::Function<OpenBranch> {
 public:
  static variable_list forward(AutogradContext* context, const Tensor& x, const Tensor& shift, const Tensor& scale) {
    context->set_materialize_grads(false);
    const Tensor mean = at::empty({x.size(0) * x.size(1), x.size(2)}, x.options()), rstd = at::empty_like(mean);
    context->save_for_backward({x, scale, mean, rstd});
    return {modulated(x, shift, scale, mean, rstd), x};
  }
  static variable_list backward(AutogradContext* context, const variable_list& grads) {
    const auto saved = context->get_saved_variables();
    const Tensor &x = saved[0], &scale = saved[1], &mean = saved[2], &rstd = saved[3];
    if (!grads[0].defined()) return {grads[1], Tensor(), Tensor()};
    const Tensor grad = grads[0].contiguous(), beside = grads[1].defined() ? grads[1].contiguous() : Tensor();
    const std::int64_t frames = x.size(0) * x.size(1), rows = x.size(2), width = x.size(3);
    Tensor grad_x = at::empty_like(x), grad_shift = at::zeros(scale.sizes(), scale.options());
    Tensor grad_scale = at::zeros(scale.sizes(), scale.options());
    each_frame(frames, [&](std::int64_t f) {
      kernels().norm_modulate_backward(
          at_row(x, f, rows * width), at_frame(scale, f), at_row(mean, f, rows), at_row(rstd, f, rows),
          at_row(grad, f, rows * width), beside.defined() ? at_row(beside, f, rows * width) : nullptr, rows, width,
          at_row(grad_x, f, rows * width), at_frame(grad_shift, f), at_frame(grad_scale, f));
    });
    return {grad_x, grad_shift, grad_scale};
  }
};

class AddGated : public torch::autograd::Function<AddGated> {
 public:
  static Tensor forward(AutogradContext* context, const Tensor& x, const Tensor& a, const Tensor& gate) {
    context->save_for_backward({a, gate});
    const std::int64_t frames = a.size(0) * a.size(1), rows = a.size(2), width = a.size(3);
    Tensor out = at::empty_like(a);
    each_frame(frames, [&](std::int64_t f) {
      const float* by = at_frame(gate, f);
      for (std::int64_t r = f * rows; r < (f + 1) * rows; ++r) {
        const float *from = at_row(x, r, width), *added = at_row(a, r, width);
        float* to = at_row(out, r, width);
        for (std::int64_t i = 0; i < width; ++i) to[i] = from[i] + added[i] * by[i];
      }
    });
    return out;
  }
  static variable_list backward(AutogradContext* context, const variable_list& grads) {
    const auto saved = context->get_saved_variables();
    const Tensor &a = saved[0], &gate = saved[1], grad = grads[0].contiguous();
    const std::int64_t frames = a.size(0) * a.size(1), rows = a.size(2), width = a.size(3);
    Tensor grad_a = at::empty_like(a), grad_gate = at::zeros(gate.sizes(), gate.options());
    each_frame(frames, [&](std::int64_t f) {
      kernels().gate_backward(at_row(a, f, rows * width), at_frame(gate, f), at_row(grad, f, rows * width), rows, width,
                              at_row(grad_a, f, rows * width), at_frame(grad_gate, f));
    });
    return {grad, grad_a, grad_gate};
  }
};

/// Calls work(first row, rows) for shares of at least 64 rows.
template <typename Work>
void share_rows(std::int64_t rows, const Work& work) {
  for_shares(rows, 64, [&](std::int64_t begin, std::int64_t end) { work(begin, end - begin); });
}

Tensor gated(const Tensor& gates) {
  std::vector<std::int64_t> shape = gates.sizes().vec();
  const std::int64_t width = shape.back() /= 2;
  Tensor out = at::empty(shape, gates.options());
  share_rows(out.numel() / width, [&](std::int64_t first, std::int64_t rows) {
    kernels().swiglu(gates.data_ptr<float>() + first * 2 * width, rows, width, out.data_ptr<float>() + first * width);
  });
  return out;
}

class Swiglu : public torch::autograd::Function<Swiglu> {
 public:
  static Tensor forward(AutogradContext* context, const Tensor& gates) {
    context->save_for_backward({gates});
    return gated(gates);
  }
  static variable_list backward(AutogradContext* context, const variable_list& grads) {
    const Tensor gates = context->get_saved_variables()[0], grad = grads[0].contiguous();
    Tensor result = at::empty_like(gates);
    const std::int64_t width = grad.size(-1);
    share_rows(grad.numel() / width, [&](std::int64_t first, std::int64_t rows) {
      kernels().swiglu_backward(gates.data_ptr<float>() + first * 2 * width, grad.data_ptr<float>() + first * width,
                                rows, width, result.data_ptr<float>() + first * 2 * width);
    });
    return {result};
  }
};

/// A token's heads in x [B, N, H, head], whose last two dimensions are contiguous, and its row of the table:
/// [N, 1, head / 2], or one such table a clip.
struct TokenPlaces {
  const Tensor &x, &cosine, &sine;
  std::int64_t tokens = x.size(1), heads = x.size(2), pairs = x.size(3) / 2;

  std::int64_t count() const { return x.size(0) * tokens; }
  const float* at(const Tensor& t, std::int64_t i) const {
    return t.data_ptr<float>() + i / tokens * t.stride(0) + i % tokens * t.stride(1);
  }
  const float* row(const Tensor& table, std::int64_t i) const {
    return table.data_ptr<float>() + (table.dim() == 4 ? i : i % tokens) * pairs;
  }
};

Tensor turned(const Tensor& x, const Tensor& cosine, const Tensor& sine) {
  Tensor out = at::empty(x.sizes(), x.options());
  const TokenPlaces p{x, cosine, sine};
  share_rows(p.count(), [&](std::int64_t first, std::int64_t rows) {
    for (std::int64_t i = first; i < first + rows; ++i)
      kernels().rotate(p.at(x, i), p.row(cosine, i), p.row(sine, i), p.heads, p.pairs,
                       out.data_ptr<float>() + i * p.heads * 2 * p.pairs);
  });
  return out;
}

class Rotate : public torch::autograd::Function<Rotate> {
 public:
  static Tensor forward(AutogradContext* context, const Tensor& x, const Tensor& cosine, const Tensor& sine) {
    context->save_for_backward({cosine, sine});
    return turned(x, cosine, sine);
  }
  static variable_list backward(AutogradContext* context, const variable_list& grads) {
    const auto saved = context->get_saved_variables();
    return {turned(grads[0].contiguous(), saved[0], -saved[1]), Tensor(), Tensor()};
  }
};

/// Into `out` [B, N, H, head].
void norm_and_turn(const Tensor& x, const Tensor& scale, const Tensor& cosine, const Tensor& sine, std::int64_t first,
                   std::int64_t rows, const Tensor& out) {
  const TokenPlaces p{x, cosine, sine};
  for (std::int64_t i = first; i < first + rows; ++i)
    kernels().norm_rotate(p.at(x, i), scale.data_ptr<float>(), p.row(cosine, i), p.row(sine, i), p.heads, p.pairs,
                          kEpsilon, at_row(out, i, p.heads * 2 * p.pairs));
}

QueriesKeysValues normed_and_turned(const Tensor& qkv, const Tensor& q_scale, const Tensor& k_scale,
                                    const Tensor& cosine, const Tensor& sine) {
  const Tensor q = qkv.select(2, 0), k = qkv.select(2, 1);
  const auto room = [&] { return at::empty(q.sizes(), q.options()); };
  const QueriesKeysValues out{room(), room(), room()};
  const std::int64_t token = q.size(2) * q.size(3);
  share_rows(qkv.size(0) * qkv.size(1), [&](std::int64_t first, std::int64_t rows) {
    norm_and_turn(q, q_scale, cosine, sine, first, rows, out.q);
    norm_and_turn(k, k_scale, cosine, sine, first, rows, out.k);
    for (std::int64_t i = first; i < first + rows; ++i)
      std::copy_n(at_row(qkv, 3 * i + 2, token), token, at_row(out.v, i, token));
  });
  return out;
}

class NormRotate : public torch::autograd::Function<NormRotate> {
 public:
  static variable_list forward(AutogradContext* context, const Tensor& qkv, const Tensor& q_scale,
                               const Tensor& k_scale, const Tensor& cosine, const Tensor& sine) {
    context->save_for_backward({qkv, q_scale, k_scale, cosine, sine});
    const QueriesKeysValues out = normed_and_turned(qkv, q_scale, k_scale, cosine, sine);
    return {out.q, out.k, out.v};
  }
  static variable_list backward(AutogradContext* context, const variable_list& grads) {
    const auto saved = context->get_saved_variables();
    const Tensor &qkv = saved[0], &cosine = saved[3], &sine = saved[4];
    const Tensor parts[] = {qkv.select(2, 0), qkv.select(2, 1)};
    const TokenPlaces p{parts[0], cosine, sine};
    const std::int64_t width = 2 * p.pairs, token = p.heads * width;
    Tensor given[3], grad = at::empty_like(qkv), grad_scales[2];
    for (std::size_t i = 0; i < 3; ++i)
      given[i] = grads[i].defined() ? grads[i].contiguous() : at::zeros(parts[0].sizes(), qkv.options());
    // Summed in an order that does not depend on the threads.
    constexpr std::int64_t kRun = 64;
    const std::int64_t runs = (p.count() + kRun - 1) / kRun;
    for (Tensor& sums : grad_scales) sums = at::zeros({runs, width}, qkv.options());
    for_shares(runs, 1, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t i = begin * kRun; i < std::min(end * kRun, p.count()); ++i) {
        for (std::int64_t part = 0; part < 2; ++part)
          kernels().norm_rotate_backward(p.at(parts[part], i), saved[1 + part].data_ptr<float>(), p.row(cosine, i),
                                         p.row(sine, i), at_row(given[part], i, token), p.heads, p.pairs, kEpsilon,
                                         at_row(grad, 3 * i + part, token), at_row(grad_scales[part], i / kRun, width));
        std::copy_n(at_row(given[2], i, token), token, at_row(grad, 3 * i + 2, token));
      }
    });
    return {grad, grad_scales[0].sum(0), grad_scales[1].sum(0), Tensor(), Tensor()};
  }
};

/// Without gradients there is nothing to be kept for them; LibTorch's bookkeeping would take as long as the work.
bool keeps_gradients() { return c10::GradMode::is_enabled(); }

}  // namespace

Branch open_branch(const Tensor& x, const Tensor& shift, const Tensor& scale) {
  const auto like_x = [&](const Tensor& t) { return t.to(x.scalar_type()); };  // in mixed precision they are not
  if (!is_ours(x)) return {norm_modulate_plain(x, like_x(shift), like_x(scale)), x};
  const Tensor rows = x.contiguous(), by = by_frame(like_x(shift)), times = by_frame(like_x(scale));
  if (!keeps_gradients()) return {modulated(rows, by, times, {}, {}), x};
  const variable_list out = OpenBranch::apply(rows, by, times);
  return {out[0], out[1]};
}

Branch open_branch(const Tensor& x) {
  if (!is_ours(x)) return {at::layer_norm(x, {x.size(-1)}, {}, {}, kEpsilon), x};
  const Tensor none = at::zeros({x.size(0), x.size(1), x.size(3)}, x.options());
  return open_branch(x, none, none);
}

Tensor norm_modulate(const Tensor& x, const Tensor& shift, const Tensor& scale) {
  return open_branch(x, shift, scale).input;
}

Tensor norm_modulate_plain(const Tensor& x, const Tensor& shift, const Tensor& scale) {
  return at::addcmul(shift.unsqueeze(2), at::layer_norm(x, {x.size(-1)}, {}, {}, kEpsilon), 1.0 + scale.unsqueeze(2));
}

Tensor add_gated(const Tensor& x, const Tensor& a, const Tensor& gate) {
  if (!is_ours(x) || !is_ours(a) || !keeps_gradients()) return add_gated_plain(x, a, gate);
  return AddGated::apply(x.contiguous(), a.contiguous(), by_frame(gate));
}

Tensor add_gated_plain(const Tensor& x, const Tensor& a, const Tensor& gate) {
  return at::addcmul(x, a, gate.unsqueeze(2));
}

Tensor swiglu(const Tensor& given) {
  if (!is_ours(given)) return swiglu_plain(given);
  const Tensor gates = given.contiguous();
  return keeps_gradients() ? Swiglu::apply(gates) : gated(gates);
}

Tensor swiglu_plain(const Tensor& gates) {
  const auto halves = gates.chunk(2, -1);
  return at::silu(halves[0]) * halves[1];
}

Tensor rotate(const Tensor& x, const RopeTable& table) {
  if (!is_ours(x)) return rotate_plain(x, table);
  const Tensor rows = dense_tail(x, 2), cosine = table.cos.contiguous(), sine = table.sin.contiguous();
  return keeps_gradients() ? Rotate::apply(rows, cosine, sine) : turned(rows, cosine, sine);
}

Tensor rotate_plain(const Tensor& x, const RopeTable& table) {
  const std::int64_t pairs = x.size(-1) / 2;
  const Tensor a = x.slice(-1, 0, pairs), b = x.slice(-1, pairs);
  return at::cat({a * table.cos - b * table.sin, b * table.cos + a * table.sin}, -1);
}

QueriesKeysValues norm_rotate(const Tensor& given, const Tensor& q_scale, const Tensor& k_scale,
                              const RopeTable& table) {
  const Tensor qkv = given.to(q_scale.scalar_type()).contiguous();  // in mixed precision it is not of that type
  if (!is_ours(qkv)) return norm_rotate_plain(qkv, q_scale, k_scale, table);
  const Tensor cosine = table.cos.contiguous(), sine = table.sin.contiguous();
  if (!keeps_gradients()) return normed_and_turned(qkv, q_scale, k_scale, cosine, sine);
  const variable_list out = NormRotate::apply(qkv, q_scale, k_scale, cosine, sine);
  return {out[0], out[1], out[2]};
}

QueriesKeysValues norm_rotate_plain(const Tensor& qkv, const Tensor& q_scale, const Tensor& k_scale,
                                    const RopeTable& table) {
  const auto parts = qkv.unbind(2);
  const auto placed = [&](const Tensor& x, const Tensor& scale) {
    return rotate_plain(at::layer_norm(x, {x.size(-1)}, scale, {}, kEpsilon), table);
  };
  return {placed(parts[0], q_scale), placed(parts[1], k_scale), parts[2]};
}

}  // namespace bitemark::model
