#include "model/attention.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "base/error.h"
#include "model/cpu_floats.h"
#include "model/held.h"
#include "model/helpers.h"

namespace bitemark::model {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

std::int64_t padded_to_lane(std::int64_t n) { return (n + kLane - 1) / kLane * kLane; }

/// Room that a thread keeps from call to call.
float* scratch(std::size_t slot, std::int64_t floats) {
  thread_local std::vector<float> rooms[8];
  auto& room = rooms[slot];
  if (room.size() < static_cast<std::size_t>(floats)) room.resize(static_cast<std::size_t>(floats));
  return room.data();
}

/// One head of one batch row of [B, N, H, head].
struct HeadView : HeadRows {
  std::int64_t width;

  HeadView(const HeadRows& rows, std::int64_t head_width) : HeadRows(rows), width(head_width) {}
  HeadView(const Tensor& t, std::int64_t batch, std::int64_t head)
      : HeadRows{t.data_ptr<float>() + batch * t.stride(0) + head * t.stride(2), t.stride(1)}, width(t.size(3)) {}
};

/// -> [count, padded], times `scale`, zeros behind the width.
void pack_rows(const HeadView& from, std::int64_t first, std::int64_t count, std::int64_t padded, float scale,
               float* to) {
  kernels().scale_rows(from.at(first), from.row, count, from.width, scale, to, padded);
  if (padded == from.width) return;
  for (std::int64_t n = 0; n < count; ++n, to += padded) std::fill(to + from.width, to + padded, 0.0F);
}

/// -> [width, stride], columns from 0 to `count`.
void put_columns(const HeadView& from, std::int64_t count, std::int64_t stride, float* to) {
  kernels().transpose(from.data, from.row, count, from.width, to, stride);
}

/// The same with zeros behind the count.
void pack_columns(const HeadView& from, std::int64_t count, std::int64_t stride, float* to) {
  for (std::int64_t i = 0; i < from.width; ++i) std::fill(to + i * stride + count, to + (i + 1) * stride, 0.0F);
  put_columns(from, count, stride, to);
}

void unpack_rows(const float* from, std::int64_t first, std::int64_t count, std::int64_t padded, float scale,
                 const HeadView& to) {
  kernels().scale_rows(from, padded, count, to.width, scale, to.at(first), to.row);
}

/// Rows a tile: equally many in each, whole tiles of the product, and their scores stay in a second-level cache of
/// 256 KiB or more.
std::int64_t tile_rows(const VisibleKeys& sees, std::int64_t tokens) {
  constexpr std::int64_t kStep = 8;
  const std::int64_t fits = std::max(49152 / std::max<std::int64_t>(score_stride(sees), 1), kStep);
  const std::int64_t tiles = (tokens + fits - 1) / fits;
  return ((tokens + tiles - 1) / tiles + kStep - 1) / kStep * kStep;
}

/// Keys that follow the prefix without a gap are part of it.
VisibleKeys merged(VisibleKeys sees) {
  if (sees.own_count > 0 && sees.own == sees.prefix) return {sees.prefix + sees.own_count, 0, 0};
  return sees;
}

/// Calls work(first query, rows) for tiles of queries that see the same.
template <typename Work>
void for_each_part(std::int64_t queries, const VisibleKeys& sees, const Work& work) {
  const std::int64_t rows = tile_rows(sees, queries);
  for (std::int64_t first = 0; first < queries; first += rows) work(first, std::min(rows, queries - first));
}

struct Shape {
  std::int64_t batch, queries, keys, heads, width, padded, key_stride;

  Shape(const Tensor& q, const Tensor& k) : Shape(q, k.size(1)) {}
  Shape(const Tensor& q, std::int64_t key_count)
      : batch(q.size(0)),
        queries(q.size(1)),
        keys(key_count),
        heads(q.size(2)),
        width(q.size(3)),
        padded(padded_to_lane(width)),
        // A stretch may start anywhere and is read in whole lanes.
        key_stride(padded_to_lane(keys) + kLane) {}
  float scale() const { return 1.0F / std::sqrt(static_cast<float>(width)); }
};

/// Calls work(batch, head) for all of them, on several threads.
template <typename Work>
void for_each_head(const Shape& shape, const Work& work) {
  for_shares(shape.batch * shape.heads, 1, [&](std::int64_t begin, std::int64_t end) {
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
    for_each_part(visibility.tokens, sees,
                  [&](std::int64_t first, std::int64_t rows) { work(b * visibility.tokens + first, rows, sees); });
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

/// Queries [first, first + rows) of one head; log_sum: [N].
void attend_tile(const PackedHead& head, const HeadView& q, std::int64_t first, std::int64_t rows,
                 const VisibleKeys& sees, const HeadView& out, float* log_sum) {
  const float scale = 1.0F / std::sqrt(static_cast<float>(head.width));
  float* query = scratch(4, rows * head.padded);
  float* result = scratch(5, rows * head.padded);
  pack_rows(q, first, rows, head.padded, scale, query);
  kernels().attend(head, {query, rows, sees}, result, log_sum + first, scratch(6, rows * (score_stride(sees) + 1)));
  unpack_rows(result, first, rows, head.padded, 1.0F, out);
}

/// All queries of one head of one batch row. out: [B, N, H, head], log_sum: [N].
void attend_head(const Shape& shape, const PackedHead& head, const Tensor& q, std::int64_t b, std::int64_t h,
                 const Visibility& visibility, const Tensor& out, float* log_sum) {
  for_each_tile(visibility, shape, b, [&](std::int64_t first, std::int64_t rows, const VisibleKeys& sees) {
    attend_tile(head, {q, b, h}, first, rows, sees, {out, b, h}, log_sum);
  });
}

struct Attended {
  Tensor out, log_sum;  ///< [B, N, H, head] and [B, H, N]
};

Attended attend_forward(const Tensor& q, const Tensor& k, const Tensor& v, const Visibility& visibility) {
  const Shape shape(q, k);
  const Attended result{at::empty(q.sizes(), q.options()), at::empty({q.size(0), q.size(2), q.size(1)}, q.options())};
  for_each_head(shape, [&](std::int64_t b, std::int64_t h) {
    const PackedHead head = packed(shape, {k, b, h}, {v, b, h}, false);
    float* sums = result.log_sum.data_ptr<float>() + (b * shape.heads + h) * shape.queries;
    attend_head(shape, head, q, b, h, visibility, result.out, sums);
  });
  return result;
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
    const std::int64_t sums_of_keys = shape.keys * shape.padded;
    float *grad_keys = scratch(7, 2 * sums_of_keys), *grad_values = grad_keys + sums_of_keys;
    std::fill_n(grad_keys, 2 * sums_of_keys, 0.0F);
    for_each_tile(visibility, shape, b, [&](std::int64_t first, std::int64_t rows, const VisibleKeys& sees) {
      float* room = scratch(4, rows * 3 * shape.padded);
      float *query = room, *slope = query + rows * shape.padded, *grad_query = slope + rows * shape.padded;
      pack_rows({q, b, h}, first, rows, shape.padded, shape.scale(), query);
      pack_rows(grad_view, first, rows, shape.padded, 1.0F, slope);
      kernels().attend_backward(
          head, {query, rows, sees},
          {slope, out_view.at(first), out_view.row, sums + first, grad_query, grad_keys, grad_values},
          scratch(6, rows * (2 * score_stride(sees) + 1)));
      unpack_rows(grad_query, first, rows, shape.padded, shape.scale(), {result.q, b, h});
    });
    unpack_rows(grad_keys, 0, shape.keys, shape.padded, 1.0F, {result.k, b, h});
    unpack_rows(grad_values, 0, shape.keys, shape.padded, 1.0F, {result.v, b, h});
  });
}

class AttendVisible : public torch::autograd::Function<AttendVisible> {
 public:
  static Tensor forward(AutogradContext* context, const Tensor& q, const Tensor& k, const Tensor& v,
                        std::shared_ptr<const Visibility> visibility) {
    const auto [out, log_sum] = attend_forward(q, k, v, *visibility);
    context->save_for_backward({q, k, v, out, log_sum});
    context->saved_data["visibility"] = held(std::move(visibility));
    return out;
  }
  static variable_list backward(AutogradContext* context, const variable_list& grads) {
    const auto saved = context->get_saved_variables();
    const auto& visibility = *held_in<std::shared_ptr<const Visibility>>(context->saved_data["visibility"]);
    HeadGradients result{at::empty(saved[0].sizes(), saved[0].options()),
                         at::empty(saved[1].sizes(), saved[1].options()),
                         at::empty(saved[2].sizes(), saved[2].options())};
    attend_backward(saved[0], saved[1], saved[2], saved[3], saved[4], grads[0].contiguous(), visibility, result);
    return {result.q, result.k, result.v, Tensor()};
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

void check_visibility(const Tensor& q, std::int64_t keys, const Visibility& visibility) {
  const std::int64_t count = q.size(1) / visibility.tokens, rows = static_cast<std::int64_t>(visibility.blocks.size());
  BITEMARK_CHECK(count * visibility.tokens == q.size(1) && (rows == count || rows == count * q.size(0)));
  for (const VisibleKeys& sees : visibility.blocks)
    BITEMARK_CHECK(sees.prefix >= 0 && sees.own_count >= 0 && sees.prefix + sees.own_count > 0 && sees.prefix <= keys &&
                   sees.own + sees.own_count <= keys && (sees.own_count == 0 || sees.own >= sees.prefix));
}

}  // namespace

Tensor attend_visible(const Tensor& q, const Tensor& k, const Tensor& v, const Visibility& visibility) {
  check_visibility(q, k.size(1), visibility);
  if (!is_ours(q)) return attend_visible_plain(q, k, v, visibility);
  const Tensor query = dense_tail(q, 1), key = dense_tail(k, 1), value = dense_tail(v, 1);
  if (!c10::GradMode::is_enabled()) return attend_forward(query, key, value, visibility).out.flatten(2);
  return AttendVisible::apply(query, key, value, std::make_shared<const Visibility>(visibility)).flatten(2);
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

SeenKeys::SeenKeys(std::int64_t count, const Tensor& example) : count_(count), width_(example.size(3)) {
  const std::int64_t batch = example.size(0), heads = example.size(2);
  if (!is_ours(example)) {
    keys_ = at::zeros({batch, count, heads, width_}, example.options());
    values_ = at::zeros_like(keys_);
    return;
  }
  const Shape shape(example, count);
  keys_ = at::zeros({batch, heads, width_, shape.key_stride}, example.options());
  values_ = at::zeros({batch, heads, count, shape.padded}, example.options());
}

SeenKeys::Places SeenKeys::places(std::int64_t batch, std::int64_t head) const {
  const auto of_head = [&](const Tensor& all) {
    return all.data_ptr<float>() + batch * all.stride(0) + head * all.stride(1);
  };
  return {of_head(keys_), of_head(values_)};
}

PackedHead SeenKeys::packed(std::int64_t batch, std::int64_t head) const {
  const Places p = places(batch, head);
  const bool another = head + 1 < keys_.size(1);
  return {p.key, nullptr, nullptr, p.value, count_, keys_.size(3), width_, values_.size(3), another};
}

void SeenKeys::put(const Tensor& k, const Tensor& v, std::int64_t first) {
  const std::int64_t count = k.size(1);
  BITEMARK_CHECK(first >= 0 && first + count <= count_);
  if (!is_ours(k)) {
    keys_.slice(1, first, first + count).copy_(k);
    values_.slice(1, first, first + count).copy_(v);
    return;
  }
  const Tensor key = dense_tail(k, 1), value = dense_tail(v, 1);
  for (std::int64_t b = 0; b < key.size(0); ++b)
    for (std::int64_t h = 0; h < key.size(2); ++h)
      put_into(places(b, h), HeadView(key, b, h), HeadView(value, b, h), count, first);
}

void SeenKeys::put(std::int64_t head, const HeadRows& k, const HeadRows& v, std::int64_t count, std::int64_t first) {
  BITEMARK_CHECK(first >= 0 && first + count <= count_);
  put_into(places(0, head), k, v, count, first);
}

void SeenKeys::put_into(const Places& to, const HeadRows& k, const HeadRows& v, std::int64_t count,
                        std::int64_t first) {
  put_columns({k, width_}, count, keys_.size(3), to.key + first);
  pack_rows({v, width_}, 0, count, values_.size(3), 1.0F, to.value + first * values_.size(3));
}

Tensor SeenKeys::attend(const Tensor& q, const Visibility& visibility) const {
  check_visibility(q, count_, visibility);
  if (!is_ours(q)) return attend_visible_plain(q, keys_, values_, visibility);
  const Tensor query = dense_tail(q, 1);
  const Shape shape(query, count_);
  Tensor out = at::empty(q.sizes(), q.options());
  for_each_head(shape, [&](std::int64_t b, std::int64_t h) {
    attend_head(shape, packed(b, h), query, b, h, visibility, out, scratch(7, shape.queries));
  });
  return out.flatten(2);
}

void SeenKeys::attend(std::int64_t head, const HeadRows& q, std::int64_t queries, const VisibleKeys& sees,
                      const HeadRows& out) const {
  float* log_sum = scratch(7, queries);
  for_each_part(queries, sees, [&](std::int64_t first, std::int64_t rows) {
    attend_tile(packed(0, head), {q, width_}, first, rows, sees, {out, width_}, log_sum);
  });
}

}  // namespace bitemark::model
