#include "model/frame_pass.h"

#include <algorithm>

#include "model/frame_team.h"

namespace bitemark::model {
namespace {

constexpr float kEpsilon = 1e-6F;
constexpr std::int64_t kRun = 32;  ///< rows of a tile: enough tiles for threads to have equally much

using Floats = std::vector<float>;

/// Room that all threads of the team write their parts of, row by row.
struct Shared {
  Tensor qkv, attended, gates, hidden, product;
  SeenKeys within;               ///< the frame's own keys, in blocks that do not reach back
  std::vector<SeenKeys> across;  ///< the same in those that do, where the ring is empty
};

/// The pass as one thread of the team goes through it.
class Member {
 public:
  Member(FramePass& pass, Shared& shared, const TeamMember& team)
      : pass_(pass),
        shared_(shared),
        team_(team),
        head_(pass.width / pass.heads),
        normed_(size(pass.tokens * pass.width)),
        queries_(size(pass.tokens * head_)),
        keys_(queries_.size()),
        zeros_(size(pass.width)),
        ones_(size(head_), 1.0F) {}

  void run() {
    if (pass_.ring_rope.cos.defined())
      team_.share(pass_.heads, [&](std::int64_t head) { pass_.ring->fill(pass_.ring_rope, head); });
    for (const PackedBlock& block : pass_.blocks) {
      modulation_.assign(block.modulation, block.modulation + 6 * pass_.width);
      const float* given = pass_.modulation.data_ptr<float>();
      for (std::size_t i = 0; i < modulation_.size(); ++i) modulation_[i] += given[i];
      attend_to_frames(block);
      if (block.text_q.weights) attend_to_text(block);
      widen_and_narrow(block);
    }
  }

 private:
  static std::size_t size(std::int64_t n) { return static_cast<std::size_t>(n); }
  /// Shift, scale and gate of attention, and those of the MLP.
  const float* modulation(std::int64_t part) const { return modulation_.data() + part * pass_.width; }

  /// Small enough for each thread to do all of it.
  const float* normed(const float* shift, const float* scale) {
    kernels().norm_modulate(pass_.x.data_ptr<float>(), shift, scale, pass_.tokens, pass_.width, kEpsilon,
                            normed_.data(), nullptr, nullptr);
    return normed_.data();
  }

  /// What this thread begins the layer with is fetched before what comes before the layer.
  void expect(const PackedLayer& layer) const {
    const Tiles tiles({nullptr, pass_.tokens, *layer.weights, nullptr, nullptr}, kRun);
    tiles.fetch(std::min(team_.first(tiles.count()), tiles.count() - 1));
  }

  template <typename Then>
  void multiply(const float* left, const PackedLayer& layer, const Tensor& out, const Then& then) {
    const Tiles tiles({left, pass_.tokens, *layer.weights, layer.bias, out.data_ptr<float>()}, kRun);
    team_.share(tiles.count(), [&](std::int64_t i) { then(tiles.multiply(i)); });
  }
  void multiply(const float* left, const PackedLayer& layer, const Tensor& out) {
    multiply(left, layer, out, [](const Tile&) {});
  }

  /// x += left layer, times `gate` (null: 1) by column.
  void add_product(const Tensor& left, const PackedLayer& layer, const float* gate) {
    const float* product = shared_.product.data_ptr<float>();
    float* x = pass_.x.data_ptr<float>();
    const std::int64_t width = pass_.width;
    multiply(left.data_ptr<float>(), layer, shared_.product, [=](const Tile& tile) {
      for (std::int64_t r = tile.row; r < tile.row + tile.rows; ++r)
        for (std::int64_t i = r * width + tile.column, c = 0; c < tile.columns; ++c)
          x[i + c] += gate == nullptr ? product[i + c] : product[i + c] * gate[tile.column + c];
    });
  }

  void attend_to_frames(const PackedBlock& block) {
    expect(block.qkv);
    multiply(normed(modulation(0), modulation(1)), block.qkv, shared_.qkv);
    expect(block.proj);
    SeenKeys& seen = keys_seen(block);
    const FrameKv* kept = block.reaches_back ? &pass_.kept[back_block_++] : nullptr;
    team_.share(pass_.heads, [&](std::int64_t h) {
      const std::int64_t row = 3 * pass_.width;
      float *q = shared_.qkv.data_ptr<float>() + h * head_, *k = q + pass_.width, *v = k + pass_.width;
      if (kept != nullptr) keep({k, row}, {v, row}, block.k_scale, h, *kept);
      place({q, row}, block.q_scale, queries_);
      place({k, row}, block.k_scale, keys_);
      seen.put(h, {keys_.data(), head_}, {v, row}, pass_.tokens, seen.size() - pass_.tokens);
      seen.attend(h, {queries_.data(), head_}, pass_.tokens, {seen.size(), 0, 0}, attended_by(h));
    });
    add_product(shared_.attended, block.proj, modulation(2));
  }

  void attend_to_text(const PackedBlock& block) {
    expect(block.text_q);
    multiply(normed(zeros_.data(), zeros_.data()), block.text_q, shared_.product);
    expect(block.text_proj);
    const SeenKeys& seen = (*pass_.text)[text_block_++];
    team_.share(pass_.heads, [&](std::int64_t h) {
      seen.attend(h, {shared_.product.data_ptr<float>() + h * head_, pass_.width}, pass_.tokens,
                  {pass_.text_length, 0, 0}, attended_by(h));
    });
    add_product(shared_.attended, block.text_proj, nullptr);
  }

  void widen_and_narrow(const PackedBlock& block) {
    expect(block.w12);
    multiply(normed(modulation(3), modulation(4)), block.w12, shared_.gates);
    expect(block.w3);
    const std::int64_t hidden = shared_.hidden.size(1), runs = (pass_.tokens + kRun - 1) / kRun;
    const float* gates = shared_.gates.data_ptr<float>();
    float* out = shared_.hidden.data_ptr<float>();
    team_.share(runs, [&](std::int64_t run) {
      const std::int64_t first = run * kRun, rows = std::min(kRun, pass_.tokens - first);
      kernels().swiglu(gates + first * 2 * hidden, rows, hidden, out + first * hidden);
    });
    add_product(shared_.hidden, block.w3, modulation(5));
  }

  SeenKeys& keys_seen(const PackedBlock& block) {
    if (!block.reaches_back) return shared_.within;
    return shared_.across.empty() ? pass_.ring->ready(back_block_) : shared_.across[back_block_];
  }

  /// A head of every token, normed and turned to its place.
  void place(const HeadRows& from, const float* scale, Floats& to) const {
    const float *cosine = pass_.rope.cos.data_ptr<float>(), *sine = pass_.rope.sin.data_ptr<float>();
    const std::int64_t pairs = head_ / 2;
    for (std::int64_t t = 0; t < pass_.tokens; ++t) {
      float* out = to.data() + t * head_;
      if (scale == nullptr)
        kernels().rotate(from.at(t), cosine + t * pairs, sine + t * pairs, 1, pairs, out);
      else
        kernels().norm_rotate(from.at(t), scale, cosine + t * pairs, sine + t * pairs, 1, pairs, kEpsilon, out);
    }
  }

  /// Keys before their places and values, for later frames.
  void keep(const HeadRows& k, const HeadRows& v, const float* scale, std::int64_t head, const FrameKv& kept) const {
    float *key = kept.key.data_ptr<float>() + head * head_, *value = kept.value.data_ptr<float>() + head * head_;
    for (std::int64_t t = 0; t < pass_.tokens; ++t, key += pass_.width, value += pass_.width) {
      if (scale == nullptr)
        std::copy_n(k.at(t), head_, key);
      else  // turned by no angle
        kernels().norm_rotate(k.at(t), scale, ones_.data(), zeros_.data(), 1, head_ / 2, kEpsilon, key);
      std::copy_n(v.at(t), head_, value);
    }
  }

  HeadRows attended_by(std::int64_t head) const {
    return {shared_.attended.data_ptr<float>() + head * head_, pass_.width};
  }

  FramePass& pass_;
  Shared& shared_;
  const TeamMember& team_;
  std::int64_t head_;                            ///< a head's width
  std::size_t back_block_ = 0, text_block_ = 0;  ///< next of these kinds
  Floats modulation_, normed_, queries_, keys_, zeros_, ones_;
};

}  // namespace

void run(FramePass& pass, int threads) {
  const auto room = [&](std::int64_t columns) { return at::empty({pass.tokens, columns}, pass.x.options()); };
  const Tensor example = at::empty({1, 1, pass.heads, pass.width / pass.heads}, pass.x.options());
  const std::int64_t gates = pass.blocks.front().w12.weights->columns();
  Shared shared{room(3 * pass.width), room(pass.width), room(gates), room(gates / 2), room(pass.width),
                SeenKeys(pass.tokens, example), {}};
  pass.kept.clear();
  for (const PackedBlock& block : pass.blocks) {
    if (!block.reaches_back) continue;
    const Tensor key = at::empty({1, pass.tokens, pass.heads, pass.width / pass.heads}, pass.x.options());
    pass.kept.push_back({key, at::empty_like(key)});
    if (pass.ring->empty()) shared.across.emplace_back(pass.tokens, example);
  }
  run_as_team(threads, [&](const TeamMember& member) { Member(pass, shared, member).run(); });
}

}  // namespace bitemark::model
