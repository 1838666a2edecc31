#include "model/blocks_pass.h"

#include <algorithm>

#include "model/kernels/split_kernels.h"
#include "model/team.h"

namespace bitemark::model {
namespace {

constexpr float kEpsilon = 1e-6F;

using Floats = std::vector<float>;

/// Room that all threads of the team write their parts of, row by row. What a product with split weights reads is split
/// where it lies: normed, attended and hidden are read by nothing else.
struct Shared {
  Tensor normed, qkv, queries, attended, hidden;
  SeenKeys within;               ///< the clip's own keys, in blocks that do not reach back
  std::vector<SeenKeys> across;  ///< the same in those that do, where there is no ring
};

/// The pass as one thread of the team goes through it.
class Member {
 public:
  Member(BlocksPass& pass, Shared& shared, const TeamMember& team)
      : pass_(pass),
        shared_(shared),
        team_(team),
        rows_(pass.frames * pass.tokens),
        head_(pass.width / pass.heads),
        // Few rows: enough tiles for threads to have equally much. Many: a panel of weights serves as many as the
        // second-level cache has room for.
        run_(rows_ <= 128 ? 32 : 192),
        keys_(size(pass.tokens * head_)),
        tile_(size(run_ * 2 * kWidestPanel)),
        zeros_(size(pass.width)),
        ones_(size(head_), 1.0F) {}

  void run() {
    if (pass_.ring_rope.cos.defined())
      team_.share(pass_.heads, [&](std::int64_t head) { pass_.ring->fill(pass_.ring_rope, head); });
    std::size_t depth = 0;
    for (const PackedBlock& block : pass_.blocks) {
      modulate(block);
      attend_to_frames(block);
      if (block.text_q.weights) attend_to_text(block);
      widen_and_narrow(block);
      if (++depth == (pass_.blocks.size() + 1) / 2 && team_.rank == 0) pass_.middle.copy_(pass_.x);
    }
  }

 private:
  static std::size_t size(std::int64_t n) { return static_cast<std::size_t>(n); }

  void modulate(const PackedBlock& block) {
    const float* given = pass_.modulation.data_ptr<float>();
    const std::int64_t width = 6 * pass_.width;
    modulation_.resize(size(pass_.frames * width));
    for (std::int64_t f = 0; f < pass_.frames; ++f)
      for (std::int64_t i = 0; i < width; ++i)
        modulation_[size(f * width + i)] = given[f * width + i] + block.modulation[i];
  }
  /// Shift, scale and gate of attention, and those of the MLP: a frame's part, 6 widths from the next frame's.
  const float* modulation(std::int64_t part) const { return modulation_.data() + part * pass_.width; }

  /// x, normed and modulated frame by frame, for products with a layer; the next frame's shift and scale are `stride`
  /// further on.
  const float* normed(const float* shift, const float* scale, std::int64_t stride, const PackedLayer& layer) {
    const float* x = pass_.x.data_ptr<float>();
    float* out = shared_.normed.data_ptr<float>();
    const std::int64_t runs = (pass_.tokens + kFew - 1) / kFew;
    team_.share(pass_.frames * runs, [&](std::int64_t i) {
      const std::int64_t frame = i / runs, first = i % runs * kFew, rows = std::min(kFew, pass_.tokens - first);
      const std::int64_t at = (frame * pass_.tokens + first) * pass_.width;
      kernels().norm_modulate(x + at, shift + frame * stride, scale + frame * stride, rows, pass_.width, kEpsilon,
                              out + at, nullptr, nullptr);
      make_ready(out + at, rows * pass_.width, layer);
    });
    return out;
  }
  const float* normed(std::int64_t part, const PackedLayer& layer) {
    return normed(modulation(part), modulation(part + 1), 6 * pass_.width, layer);
  }

  /// `count` numbers of the layer's left side.
  static void make_ready(float* left, std::int64_t count, const PackedLayer& layer) {
    if (layer.weights->split()) split_kernels()->split(left, count, left);
  }

  /// The heads' answers, which are narrower than what is split in one go.
  const float* attended(const PackedLayer& layer) {
    float* rows = shared_.attended.data_ptr<float>();
    if (layer.weights->split())
      team_.share((rows_ + kFew - 1) / kFew, [&](std::int64_t i) {
        make_ready(rows + i * kFew * pass_.width, std::min(kFew, rows_ - i * kFew) * pass_.width, layer);
      });
    return rows;
  }

  Tiles tiles(const float* left, const PackedLayer& layer) const {
    return {{left, rows_, *layer.weights, layer.bias}, run_};
  }

  /// What this thread begins the layer with is fetched before what comes before the layer.
  void expect(const PackedLayer& layer) const {
    const Tiles all = tiles(nullptr, layer);
    all.fetch(std::min(team_.first(all.count()), all.count() - 1));
  }

  void multiply(const float* left, const PackedLayer& layer, const Tensor& out) {
    const Tiles all = tiles(left, layer);
    const std::int64_t stride = out.size(1);
    team_.share(all.count(), [&](std::int64_t i) {
      const Tile tile = all.at(i);
      all.multiply(i, out.data_ptr<float>() + tile.row * stride + tile.column, stride);
    });
  }

  /// x += left layer, times `gate` (null: 1) by frame and column.
  void add_product(const float* left, const PackedLayer& layer, const float* gate) {
    const Tiles all = tiles(left, layer);
    float* x = pass_.x.data_ptr<float>();
    team_.share(all.count(), [&](std::int64_t i) {
      const Tile tile = all.at(i);
      const float* sums = tile_.data();
      all.multiply(i, tile_.data(), tile.columns);
      for (std::int64_t r = tile.row; r < tile.row + tile.rows; ++r, sums += tile.columns) {
        float* to = x + r * pass_.width + tile.column;
        const float* by = gate == nullptr ? nullptr : gate + r / pass_.tokens * 6 * pass_.width + tile.column;
        for (std::int64_t c = 0; c < tile.columns; ++c) to[c] += by == nullptr ? sums[c] : sums[c] * by[c];
      }
    });
  }

  /// Calls work(head, frame, the frame's first row): the frames of a head follow each other, so that its keys stay in
  /// the cache for them.
  template <typename Work>
  void each_head(const Work& work) {
    team_.share(pass_.heads * pass_.frames,
                [&](std::int64_t i) { work(i / pass_.frames, i % pass_.frames, i % pass_.frames * pass_.tokens); });
  }

  void attend_to_frames(const PackedBlock& block) {
    expect(block.qkv);
    multiply(normed(0, block.qkv), block.qkv, shared_.qkv);
    expect(block.proj);
    SeenKeys& seen = keys_seen(block);
    const FrameKv* kept = block.reaches_back ? &pass_.kept[back_block_++] : nullptr;
    const std::int64_t stride = 3 * pass_.width, before = seen.size() - rows_;
    each_head([&](std::int64_t h, std::int64_t frame, std::int64_t row) {
      float *q = shared_.qkv.data_ptr<float>() + row * stride + h * head_, *k = q + pass_.width, *v = k + pass_.width;
      if (kept != nullptr && frame == pass_.frames - 1) keep({k, stride}, {v, stride}, block.k_scale, h, *kept);
      place({q, stride}, block.q_scale, row, head_of(shared_.queries, h, row));
      place({k, stride}, block.k_scale, row, {keys_.data(), head_});
      seen.put(h, {keys_.data(), head_}, {v, stride}, pass_.tokens, before + row);
    });
    each_head([&](std::int64_t h, std::int64_t frame, std::int64_t row) {
      const VisibleKeys sees = block.reaches_back ? pass_.across[size(frame)] : VisibleKeys{0, row, pass_.tokens};
      seen.attend(h, head_of(shared_.queries, h, row), pass_.tokens, sees, head_of(shared_.attended, h, row));
    });
    add_product(attended(block.proj), block.proj, modulation(2));
  }

  void attend_to_text(const PackedBlock& block) {
    expect(block.text_q);
    multiply(normed(zeros_.data(), zeros_.data(), 0, block.text_q), block.text_q, shared_.queries);
    expect(block.text_proj);
    const SeenKeys& seen = (*pass_.text)[text_block_++];
    each_head([&](std::int64_t h, std::int64_t, std::int64_t row) {
      seen.attend(h, head_of(shared_.queries, h, row), pass_.tokens, {pass_.text_length, 0, 0},
                  head_of(shared_.attended, h, row));
    });
    add_product(attended(block.text_proj), block.text_proj, nullptr);
  }

  void widen_and_narrow(const PackedBlock& block) {
    expect(block.w1);
    const float* x = normed(3, block.w1);
    const Tiles gates = tiles(x, block.w1), values = tiles(x, block.w2);
    team_.share(gates.count(), [&](std::int64_t i) {
      const Tile tile = gates.at(i);
      gates.multiply(i, tile_.data(), 2 * tile.columns);
      values.multiply(i, tile_.data() + tile.columns, 2 * tile.columns);
      const std::int64_t hidden = shared_.hidden.size(1);
      float* out = shared_.hidden.data_ptr<float>() + tile.row * hidden + tile.column;
      for (std::int64_t r = 0; r < tile.rows; ++r) {
        kernels().swiglu(tile_.data() + r * 2 * tile.columns, 1, tile.columns, out + r * hidden);
        make_ready(out + r * hidden, tile.columns, block.w3);
      }
    });
    expect(block.w3);
    add_product(shared_.hidden.data_ptr<float>(), block.w3, modulation(5));
  }

  SeenKeys& keys_seen(const PackedBlock& block) {
    if (!block.reaches_back) return shared_.within;
    return shared_.across.empty() ? pass_.ring->ready(back_block_) : shared_.across[back_block_];
  }

  /// A head of a frame's tokens, the first of which has this row, normed and turned to its place.
  void place(const HeadRows& from, const float* scale, std::int64_t row, const HeadRows& to) const {
    const std::int64_t pairs = head_ / 2;
    const float* cosine = pass_.rope.cos.data_ptr<float>() + row * pairs;
    const float* sine = pass_.rope.sin.data_ptr<float>() + row * pairs;
    for (std::int64_t t = 0; t < pass_.tokens; ++t, cosine += pairs, sine += pairs) {
      if (scale == nullptr)
        kernels().rotate(from.at(t), cosine, sine, 1, pairs, to.at(t));
      else
        kernels().norm_rotate(from.at(t), scale, cosine, sine, 1, pairs, kEpsilon, to.at(t));
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

  HeadRows head_of(const Tensor& rows, std::int64_t head, std::int64_t row) const {
    return {rows.data_ptr<float>() + row * pass_.width + head * head_, pass_.width};
  }

  static constexpr std::int64_t kFew = 32;  ///< rows of which each thread takes some where there is little to do

  BlocksPass& pass_;
  Shared& shared_;
  const TeamMember& team_;
  std::int64_t rows_, head_, run_;               ///< all rows, a head's width, rows of a tile
  std::size_t back_block_ = 0, text_block_ = 0;  ///< next of these kinds
  Floats modulation_, keys_, tile_, zeros_, ones_;
};

}  // namespace

void run(BlocksPass& pass, int threads) {
  const std::int64_t rows = pass.frames * pass.tokens, head = pass.width / pass.heads;
  const auto room = [&](std::int64_t columns) { return at::empty({rows, columns}, pass.x.options()); };
  const Tensor example = at::empty({1, 1, pass.heads, head}, pass.x.options());
  const std::int64_t hidden = pass.blocks.front().w3.weights->depth();
  Shared shared{room(pass.width),
                room(3 * pass.width),
                room(pass.width),
                room(pass.width),
                room(hidden),
                SeenKeys(rows, example),
                {}};
  pass.middle = at::empty_like(pass.x);
  pass.kept.clear();
  for (const PackedBlock& block : pass.blocks) {
    if (!block.reaches_back) continue;
    const Tensor key = at::empty({1, pass.tokens, pass.heads, head}, pass.x.options());
    pass.kept.push_back({key, at::empty_like(key)});
    if (pass.ring == nullptr) shared.across.emplace_back(rows, example);
  }
  run_as_team(threads, [&](const TeamMember& member) { Member(pass, shared, member).run(); });
}

}  // namespace bitemark::model
