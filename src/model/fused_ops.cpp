#include "model/fused_ops.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "base/error.h"

namespace bitemark::model {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

constexpr float kEpsilon = 1e-6F;

bool is_ours(const Tensor& x) { return x.device().is_cpu() && x.scalar_type() == at::kFloat; }

std::int64_t padded_to_lane(std::int64_t n) { return (n + kLane - 1) / kLane * kLane; }

/// Room that a thread keeps from call to call.
float* scratch(std::size_t slot, std::int64_t floats) {
  thread_local std::vector<float> rooms[8];
  auto& room = rooms[slot];
  if (room.size() < static_cast<std::size_t>(floats)) room.resize(static_cast<std::size_t>(floats));
  return room.data();
}

/// One head of one batch row of [B, N, H, head].
struct HeadView {
  float* data;
  std::int64_t row;  ///< stride from token to token
  std::int64_t width;

  HeadView(const Tensor& t, std::int64_t batch, std::int64_t head)
      : data(t.data_ptr<float>() + batch * t.stride(0) + head * t.stride(2)), row(t.stride(1)), width(t.size(3)) {}
  float* at(std::int64_t token) const { return data + token * row; }
};

/// -> [count, padded], times `scale`, zeros behind the width.
void pack_rows(const HeadView& from, std::int64_t first, std::int64_t count, std::int64_t padded, float scale,
               float* to) {
  for (std::int64_t n = 0; n < count; ++n, to += padded) {
    const float* row = from.at(first + n);
    for (std::int64_t i = 0; i < from.width; ++i) to[i] = row[i] * scale;
    std::fill(to + from.width, to + padded, 0.0F);
  }
}

/// -> [width, stride], zeros behind the count.
void pack_columns(const HeadView& from, std::int64_t count, std::int64_t stride, float* to) {
  for (std::int64_t i = 0; i < from.width; ++i) std::fill(to + i * stride + count, to + (i + 1) * stride, 0.0F);
  for (std::int64_t n = 0; n < count; ++n) {
    const float* row = from.at(n);
    for (std::int64_t i = 0; i < from.width; ++i) to[i * stride + n] = row[i];
  }
}

void unpack_rows(const float* from, std::int64_t first, std::int64_t count, std::int64_t padded, float scale,
                 const HeadView& to) {
  for (std::int64_t n = 0; n < count; ++n, from += padded)
    for (std::int64_t i = 0; i < to.width; ++i) to.at(first + n)[i] = from[i] * scale;
}

/// Rows a tile: its scores stay in a second-level cache of 256 KiB or more.
std::int64_t tile_rows(const VisibleKeys& sees, std::int64_t tokens) {
  const std::int64_t fits = 49152 / std::max<std::int64_t>(score_stride(sees), 1);
  return std::min(tokens, std::max<std::int64_t>(fits / 6 * 6, 6));
}

/// Keys that follow the prefix without a gap are part of it.
VisibleKeys merged(VisibleKeys sees) {
  if (sees.own_count > 0 && sees.own == sees.prefix) return {sees.prefix + sees.own_count, 0, 0};
  return sees;
}

struct Shape {
  std::int64_t batch, queries, keys, heads, width, padded, key_stride;

  Shape(const Tensor& q, const Tensor& k)
      : batch(q.size(0)),
        queries(q.size(1)),
        keys(k.size(1)),
        heads(q.size(2)),
        width(q.size(3)),
        padded(padded_to_lane(width)),
        // A stretch may start anywhere and is read in whole lanes.
        key_stride(padded_to_lane(keys) + kLane) {}
  float scale() const { return 1.0F / std::sqrt(static_cast<float>(width)); }
};

/// Calls work(batch, head) for all of them, on LibTorch's threads.
template <typename Work>
void for_each_head(const Shape& shape, const Work& work) {
  at::parallel_for(0, shape.batch * shape.heads, 1, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i) work(i / shape.heads, i % shape.heads);
  });
}

/// Calls work(first query, rows, what they see) for every tile of one batch row.
template <typename Work>
void for_each_tile(const Visibility& visibility, const Shape& shape, std::int64_t batch, const Work& work) {
  const std::int64_t count = shape.queries / visibility.tokens;
  const bool by_row = static_cast<std::int64_t>(visibility.blocks.size()) > count;
  for (std::int64_t b = 0; b < count; ++b) {
    const VisibleKeys sees = merged(visibility.blocks[static_cast<std::size_t>(by_row ? batch * count + b : b)]);
    const std::int64_t rows = tile_rows(sees, visibility.tokens);
    for (std::int64_t first = 0; first < visibility.tokens; first += rows)
      work(b * visibility.tokens + first, std::min(rows, visibility.tokens - first), sees);
  }
}

/// What the forward pass needs, or (with gradients) everything.
PackedHead packed(const Shape& shape, const HeadView& k, const HeadView& v, bool gradients) {
  const std::int64_t rows = shape.keys * shape.padded, columns = shape.width * shape.key_stride;
  float* key_t = scratch(0, columns);
  float* value = scratch(1, rows);
  pack_columns(k, shape.keys, shape.key_stride, key_t);
  pack_rows(v, 0, shape.keys, shape.padded, 1.0F, value);
  PackedHead head{key_t, nullptr, nullptr, value, shape.keys, shape.key_stride, shape.width, shape.padded};
  if (!gradients) return head;
  float* key = scratch(2, rows);
  float* value_t = scratch(3, columns);
  pack_rows(k, 0, shape.keys, shape.padded, 1.0F, key);
  pack_columns(v, shape.keys, shape.key_stride, value_t);
  head.key = key;
  head.value_t = value_t;
  return head;
}

/// out: [B, N, H, head], log_sum: [B, H, N].
void attend_forward(const Tensor& q, const Tensor& k, const Tensor& v, const Visibility& visibility, Tensor& out,
                    Tensor& log_sum) {
  const Shape shape(q, k);
  for_each_head(shape, [&](std::int64_t b, std::int64_t h) {
    const PackedHead head = packed(shape, {k, b, h}, {v, b, h}, false);
    float* sums = log_sum.data_ptr<float>() + (b * shape.heads + h) * shape.queries;
    for_each_tile(visibility, shape, b, [&](std::int64_t first, std::int64_t rows, const VisibleKeys& sees) {
      float* query = scratch(4, rows * shape.padded);
      float* result = scratch(5, rows * shape.padded);
      pack_rows({q, b, h}, first, rows, shape.padded, shape.scale(), query);
      kernels().attend(head, {query, rows, sees}, result, sums + first, scratch(6, rows * score_stride(sees)));
      unpack_rows(result, first, rows, shape.padded, 1.0F, {out, b, h});
    });
  });
}

struct HeadGradients {
  Tensor q, k, v;
};

void attend_backward(const Tensor& q, const Tensor& k, const Tensor& v, const Tensor& out, const Tensor& log_sum,
                     const Tensor& grad, const Visibility& visibility, HeadGradients& result) {
  const Shape shape(q, k);
  for_each_head(shape, [&](std::int64_t b, std::int64_t h) {
    const PackedHead head = packed(shape, {k, b, h}, {v, b, h}, true);
    const float* sums = log_sum.data_ptr<float>() + (b * shape.heads + h) * shape.queries;
    const HeadView out_view(out, b, h), grad_view(grad, b, h);
    std::vector<float> grad_keys(static_cast<std::size_t>(2 * shape.keys * shape.padded));
    float* grad_values = grad_keys.data() + shape.keys * shape.padded;
    for_each_tile(visibility, shape, b, [&](std::int64_t first, std::int64_t rows, const VisibleKeys& sees) {
      float* room = scratch(4, rows * (3 * shape.padded + 1));
      float *query = room, *slope = query + rows * shape.padded, *grad_query = slope + rows * shape.padded;
      float* dots = grad_query + rows * shape.padded;
      pack_rows({q, b, h}, first, rows, shape.padded, shape.scale(), query);
      pack_rows(grad_view, first, rows, shape.padded, 1.0F, slope);
      for (std::int64_t r = 0; r < rows; ++r) {
        const float *a = out_view.at(first + r), *g = grad_view.at(first + r);
        dots[r] = 0;
        for (std::int64_t i = 0; i < shape.width; ++i) dots[r] += a[i] * g[i];
      }
      kernels().attend_backward(head, {query, rows, sees},
                                {slope, dots, sums + first, grad_query, grad_keys.data(), grad_values},
                                scratch(6, 2 * rows * score_stride(sees)));
      unpack_rows(grad_query, first, rows, shape.padded, shape.scale(), {result.q, b, h});
    });
    unpack_rows(grad_keys.data(), 0, shape.keys, shape.padded, 1.0F, {result.k, b, h});
    unpack_rows(grad_values, 0, shape.keys, shape.padded, 1.0F, {result.v, b, h});
  });
}

class AttendVisible : public torch::autograd::Function<AttendVisible> {
 public:
  static Tensor forward(AutogradContext* context, const Tensor& q, const Tensor& k, const Tensor& v,
                        std::shared_ptr<const Visibility> visibility) {
    Tensor out = at::empty(q.sizes(), q.options());
    Tensor log_sum = at::empty({q.size(0), q.size(2), q.size(1)}, q.options());
    attend_forward(q, k, v, *visibility, out, log_sum);
    context->save_for_backward({q, k, v, out, log_sum});
    context->saved_data["visibility"] = c10::IValue::make_capsule(c10::make_intrusive<Holder>(std::move(visibility)));
    return out;
  }
  static variable_list backward(AutogradContext* context, const variable_list& grads) {
    const auto saved = context->get_saved_variables();
    const auto holder = context->saved_data["visibility"].toCapsule();
    const auto& visibility = *static_cast<const Holder&>(*holder).value;
    HeadGradients result{at::empty(saved[0].sizes(), saved[0].options()),
                         at::empty(saved[1].sizes(), saved[1].options()),
                         at::empty(saved[2].sizes(), saved[2].options())};
    attend_backward(saved[0], saved[1], saved[2], saved[3], saved[4], grads[0].contiguous(), visibility, result);
    return {result.q, result.k, result.v, Tensor()};
  }

 private:
  struct Holder : torch::CustomClassHolder {
    explicit Holder(std::shared_ptr<const Visibility> v) : value(std::move(v)) {}
    std::shared_ptr<const Visibility> value;
  };
};

class NormModulate : public torch::autograd::Function<NormModulate> {
 public:
  static Tensor forward(AutogradContext* context, const Tensor& x, const Tensor& shift, const Tensor& scale) {
    const std::int64_t frames = x.size(0) * x.size(1), rows = x.size(2), width = x.size(3);
    Tensor out = at::empty_like(x), mean = at::empty({frames, rows}, x.options()), rstd = at::empty_like(mean);
    each_frame(frames, [&](std::int64_t f) {
      kernels().norm_modulate(at_row(x, f, rows * width), at_row(shift, f, width), at_row(scale, f, width), rows, width,
                              kEpsilon, at_row(out, f, rows * width), at_row(mean, f, rows), at_row(rstd, f, rows));
    });
    context->save_for_backward({x, scale, mean, rstd});
    return out;
  }
  static variable_list backward(AutogradContext* context, const variable_list& grads) {
    const auto saved = context->get_saved_variables();
    const Tensor &x = saved[0], &scale = saved[1], &mean = saved[2], &rstd = saved[3];
    const Tensor grad = grads[0].contiguous();
    const std::int64_t frames = x.size(0) * x.size(1), rows = x.size(2), width = x.size(3);
    Tensor grad_x = at::empty_like(x), grad_shift = at::zeros_like(scale), grad_scale = at::zeros_like(scale);
    each_frame(frames, [&](std::int64_t f) {
      kernels().norm_modulate_backward(at_row(x, f, rows * width), at_row(scale, f, width), at_row(mean, f, rows),
                                       at_row(rstd, f, rows), at_row(grad, f, rows * width), rows, width,
                                       at_row(grad_x, f, rows * width), at_row(grad_shift, f, width),
                                       at_row(grad_scale, f, width));
    });
    return {grad_x, grad_shift, grad_scale};
  }

 private:
  static float* at_row(const Tensor& t, std::int64_t row, std::int64_t width) {
    return t.data_ptr<float>() + row * width;
  }
  template <typename Work>
  static void each_frame(std::int64_t frames, const Work& work) {
    at::parallel_for(0, frames, 1, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t f = begin; f < end; ++f) work(f);
    });
  }
};

/// Calls work(first row, rows) for shares of at least 64 rows.
template <typename Work>
void share_rows(std::int64_t rows, const Work& work) {
  at::parallel_for(0, rows, 64, [&](std::int64_t begin, std::int64_t end) { work(begin, end - begin); });
}

class Swiglu : public torch::autograd::Function<Swiglu> {
 public:
  static Tensor forward(AutogradContext* context, const Tensor& gates) {
    std::vector<std::int64_t> shape = gates.sizes().vec();
    const std::int64_t width = shape.back() /= 2;
    Tensor out = at::empty(shape, gates.options());
    share_rows(out.numel() / width, [&](std::int64_t first, std::int64_t rows) {
      kernels().swiglu(gates.data_ptr<float>() + first * 2 * width, rows, width, out.data_ptr<float>() + first * width);
    });
    context->save_for_backward({gates});
    return out;
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

/// x: [B, N, H, head], its last two dimensions contiguous; cosine, sine: [N, 1, head / 2], or one such table a clip.
Tensor turned(const Tensor& x, const Tensor& cosine, const Tensor& sine) {
  Tensor out = at::empty(x.sizes(), x.options());
  const std::int64_t tokens = x.size(1), heads = x.size(2), pairs = x.size(3) / 2;
  const bool table_a_clip = cosine.dim() == 4;
  share_rows(x.size(0) * tokens, [&](std::int64_t first, std::int64_t rows) {
    for (std::int64_t i = first; i < first + rows; ++i) {
      const std::int64_t n = i % tokens, row = table_a_clip ? i : n;
      kernels().rotate(x.data_ptr<float>() + i / tokens * x.stride(0) + n * x.stride(1),
                       cosine.data_ptr<float>() + row * pairs, sine.data_ptr<float>() + row * pairs, heads, pairs,
                       out.data_ptr<float>() + i * heads * 2 * pairs);
    }
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

/// [blocks, M]: 0 where a block's queries see the key, -inf elsewhere.
Tensor dense_mask(const Visibility& visibility, std::int64_t keys) {
  Tensor mask =
      at::full({static_cast<std::int64_t>(visibility.blocks.size()), keys}, -std::numeric_limits<float>::infinity());
  for (std::size_t b = 0; b < visibility.blocks.size(); ++b) {
    const VisibleKeys& sees = visibility.blocks[b];
    const Tensor row = mask[static_cast<std::int64_t>(b)];
    row.slice(0, 0, sees.prefix).zero_();
    row.slice(0, sees.own, sees.own + sees.own_count).zero_();
  }
  return mask;
}

bool only_own_blocks(const Visibility& visibility, std::int64_t keys) {
  for (std::size_t b = 0; b < visibility.blocks.size(); ++b) {
    const VisibleKeys& sees = visibility.blocks[b];
    const auto first = static_cast<std::int64_t>(b) * visibility.tokens;
    if (sees.prefix != 0 || sees.own != first || sees.own_count != visibility.tokens) return false;
  }
  return keys == static_cast<std::int64_t>(visibility.blocks.size()) * visibility.tokens;
}

void check_visibility(const Tensor& q, const Tensor& k, const Visibility& visibility) {
  const std::int64_t count = q.size(1) / visibility.tokens, rows = static_cast<std::int64_t>(visibility.blocks.size());
  BITEMARK_CHECK(count * visibility.tokens == q.size(1) && (rows == count || rows == count * q.size(0)));
  for (const VisibleKeys& sees : visibility.blocks)
    BITEMARK_CHECK(sees.prefix >= 0 && sees.own_count >= 0 && sees.prefix + sees.own_count > 0 &&
                   sees.prefix <= k.size(1) && sees.own + sees.own_count <= k.size(1) &&
                   (sees.own_count == 0 || sees.own >= sees.prefix));
}

Tensor dense_tail(const Tensor& t, int dims) {
  bool dense = t.stride(-1) == 1;
  if (dims == 2) dense = dense && t.stride(-2) == t.size(-1);
  return dense ? t : t.contiguous();
}

}  // namespace

Tensor attend_visible(const Tensor& q, const Tensor& k, const Tensor& v, const Visibility& visibility) {
  check_visibility(q, k, visibility);
  if (!is_ours(q)) return attend_visible_plain(q, k, v, visibility);
  return AttendVisible::apply(dense_tail(q, 1), dense_tail(k, 1), dense_tail(v, 1),
                              std::make_shared<const Visibility>(visibility))
      .flatten(2);
}

Tensor attend_visible_plain(const Tensor& q, const Tensor& k, const Tensor& v, const Visibility& visibility) {
  const auto by_head = [](const Tensor& t) { return t.transpose(1, 2); };
  if (only_own_blocks(visibility, k.size(1))) {
    const auto by_block = [&](const Tensor& t) {
      return t.reshape({-1, visibility.tokens, t.size(2), t.size(3)}).transpose(1, 2);
    };
    return attend(by_block(q), by_block(k), by_block(v)).transpose(1, 2).reshape({q.size(0), q.size(1), -1});
  }
  const std::int64_t count = q.size(1) / visibility.tokens;
  const Tensor mask =
      dense_mask(visibility, k.size(1)).view({-1, 1, count, k.size(1)}).repeat_interleave(visibility.tokens, 2);
  return attend(by_head(q), by_head(k), by_head(v), mask.to(q.device(), q.scalar_type())).transpose(1, 2).flatten(2);
}

Tensor norm_modulate(const Tensor& x, const Tensor& shift, const Tensor& scale) {
  if (!is_ours(x)) return norm_modulate_plain(x, shift, scale);
  return NormModulate::apply(x.contiguous(), shift.contiguous(), scale.contiguous());
}

Tensor norm_modulate_plain(const Tensor& x, const Tensor& shift, const Tensor& scale) {
  return at::addcmul(shift.unsqueeze(2), at::layer_norm(x, {x.size(-1)}, {}, {}, kEpsilon), 1.0 + scale.unsqueeze(2));
}

Tensor swiglu(const Tensor& gates) { return is_ours(gates) ? Swiglu::apply(gates.contiguous()) : swiglu_plain(gates); }

Tensor swiglu_plain(const Tensor& gates) {
  const auto halves = gates.chunk(2, -1);
  return at::silu(halves[0]) * halves[1];
}

Tensor rotate(const Tensor& x, const RopeTable& table) {
  return is_ours(x) ? Rotate::apply(dense_tail(x, 2), table.cos.contiguous(), table.sin.contiguous())
                    : rotate_plain(x, table);
}

Tensor rotate_plain(const Tensor& x, const RopeTable& table) {
  const std::int64_t pairs = x.size(-1) / 2;
  const Tensor a = x.slice(-1, 0, pairs), b = x.slice(-1, pairs);
  return at::cat({a * table.cos - b * table.sin, b * table.cos + a * table.sin}, -1);
}

}  // namespace bitemark::model
