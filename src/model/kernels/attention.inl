// Softmax attention of one head over the keys that a tile of queries sees, and its gradient. Included by
// kernels_isa.cpp alone, once for each instruction set.

Index padded_to_lane(Index n) { return (n + kLane - 1) / kLane * kLane; }

/// One stretch of keys that a tile sees, and where its scores lie in the scratch.
struct Stretch {
  Index first, count, column;
};

/// The two stretches of `sees`; the second is empty when there is none.
struct Stretches {
  Stretch part[2];
  Index stride;
};

Stretches stretches_of(const VisibleKeys& sees) {
  return {{{0, sees.prefix, 0}, {sees.own, sees.own_count, padded_to_lane(sees.prefix)}}, score_stride(sees)};
}

/// Calls work(what is fetched meanwhile): if `wanted`, `floats` from `at` on, evenly over the product's steps.
template <typename Work>
void while_fetching(bool wanted, const float* at, Index floats, Index steps, const Work& work) {
  const Index lines = floats / Fetch::kLine;
  wanted ? work(Fetch{at, lines, (lines + steps - 1) / steps}) : work(NoFetch{});
}

/// scores[rows, stride] = query key^T, over the stretches. Columns beyond a stretch's count are of other keys.
void score(const PackedHead& head, const QueryTile& tile, const Stretches& s, float* scores) {
  const Index all = head.width * head.key_stride, tiles = (tile.rows + 7) / 8 * (s.stride / kWide / 3 + 1);
  while_fetching(head.another_follows, head.key_t + all, all, tiles * head.width, [&](auto ahead) {
    for (const Stretch& part : s.part)
      if (part.count > 0)
        multiply({tile.query, head.padded, 1}, tile.rows, head.key_t + part.first, head.key_stride, head.width,
                 padded_to_lane(part.count), {}, scores + part.column, s.stride, ahead);
  });
}

/// Calls `each(vector)` for whole vectors of a row's stretches and `rest(one)` for what is left over.
template <typename Whole, typename Rest>
void over_row(const Stretches& s, float* row, const Whole& each, const Rest& rest) {
  for (const Stretch& part : s.part) {
    float* p = row + part.column;
    Index i = 0;
    for (; i + kWide <= part.count; i += kWide) each(p + i);
    for (; i < part.count; ++i) rest(p + i);
  }
}

float exponential_of(float x) { return exponential(splat(x))[0]; }

/// Scores -> exp(score - largest); the sum and the largest.
void soften(const Stretches& s, float* row, float& largest, float& sum) {
  Vec most = splat(-__builtin_inff());
  float most_rest = -__builtin_inff();
  over_row(
      s, row, [&](float* p) { most = larger(most, load(p)); },
      [&](float* p) { most_rest = *p > most_rest ? *p : most_rest; });
  const float most_whole = largest_of(most);
  largest = most_whole > most_rest ? most_whole : most_rest;
  Vec sums{};
  float sum_rest = 0;
  const Vec top = splat(largest);
  over_row(
      s, row,
      [&](float* p) {
        const Vec e = exponential(load(p) - top);
        sums += e;
        store(p, e);
      },
      [&](float* p) { sum_rest += * p = exponential_of(*p - largest); });
  sum = sum_of(sums) + sum_rest;
}

void attend(const PackedHead& head, const QueryTile& tile, float* out, float* log_sum, float* scores) {
  const Stretches s = stretches_of(tile.sees);
  score(head, tile, s, scores);
  float* sums = scores + tile.rows * s.stride;
  for (Index r = 0; r < tile.rows; ++r) {
    float largest = 0;
    soften(s, scores + r * s.stride, largest, sums[r]);
    log_sum[r] = largest + __builtin_logf(sums[r]);
  }
  const Index all = head.keys * head.padded, tiles = (tile.rows + 7) / 8;
  while_fetching(head.another_follows, head.value + all, all, tiles * s.stride, [&](auto ahead) {
    Addend before;
    for (const Stretch& part : s.part) {
      if (part.count == 0) continue;
      multiply({scores + part.column, s.stride, 1}, tile.rows, head.value + part.first * head.padded, head.padded,
               part.count, head.padded, before, out, head.padded, ahead);
      before = {out, head.padded};
    }
  });
  // A head's numbers are fewer than the weights that would be divided.
  for (Index r = 0; r < tile.rows; ++r) {
    float* row = out + r * head.padded;
    const float share = 1.0F / sums[r];
    over_lanes(head.padded, [&](Index i, auto lane) { lane(row + i, lane(row + i) * share); });
  }
}

void attend_backward(const PackedHead& head, const QueryTile& tile, const TileGradients& g, float* scores) {
  const Stretches s = stretches_of(tile.sees);
  float* weights = scores;
  float* slopes = scores + tile.rows * s.stride;  // gradient of the weights, then of the scores
  float* dots = slopes + tile.rows * s.stride;    // of a row's output and its gradient
  for (Index r = 0; r < tile.rows; ++r) {
    const float *output = g.output + r * g.output_stride, *slope = g.out + r * head.padded;
    Sum dot;
    over_lanes(head.width, [&](Index i, auto lane) { dot.add(lane(output + i) * lane(slope + i)); });
    dots[r] = dot.total();
  }
  score(head, tile, s, weights);
  Addend before;
  for (const Stretch& part : s.part) {
    if (part.count == 0) continue;
    multiply({g.out, head.padded, 1}, tile.rows, head.value_t + part.first, head.key_stride, head.width,
             padded_to_lane(part.count), {}, slopes + part.column, s.stride);
    for (Index r = 0; r < tile.rows; ++r) {
      float* w = weights + r * s.stride + part.column;
      float* d = slopes + r * s.stride + part.column;
      Index i = 0;
      for (; i + kWide <= part.count; i += kWide) {
        const Vec e = exponential(load(w + i) - g.log_sum[r]);
        store(w + i, e);
        store(d + i, e * (load(d + i) - dots[r]));
      }
      for (; i < part.count; ++i) {
        w[i] = exponential_of(w[i] - g.log_sum[r]);
        d[i] = w[i] * (d[i] - dots[r]);
      }
    }
    const Index first = part.first * head.padded;
    multiply({slopes + part.column, s.stride, 1}, tile.rows, head.key + first, head.padded, part.count, head.padded,
             before, g.query, head.padded);
    before = {g.query, head.padded};
    const Addend keys{g.key + first, head.padded}, values{g.value + first, head.padded};
    multiply({slopes + part.column, 1, s.stride}, part.count, tile.query, head.padded, tile.rows, head.padded, keys,
             g.key + first, head.padded);
    multiply({weights + part.column, 1, s.stride}, part.count, g.out, head.padded, tile.rows, head.padded, values,
             g.value + first, head.padded);
  }
}
