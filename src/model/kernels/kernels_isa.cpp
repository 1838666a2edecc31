// Compiled once for each instruction set (BITEMARK_ISA names it). No header of the standard library beyond <cstdint>:
// an inline function compiled here for AVX-512 must not be the one that the linker keeps for everybody.
#include "model/kernels/kernels.h"

namespace bitemark::model {
namespace {

// The widest vector of this instruction set, and the registers that the tile of a product may fill with it.
#if defined(__AVX512F__)
constexpr int kWide = 16, kRows = 6, kVectors = 4;
#elif defined(__AVX2__)
constexpr int kWide = 8, kRows = 6, kVectors = 2;
#else
constexpr int kWide = 4, kRows = 6, kVectors = 2;
#endif
using Vec = float __attribute__((vector_size(kWide * 4), aligned(4), may_alias));
using Int = std::int32_t __attribute__((vector_size(kWide * 4), aligned(4), may_alias));
using Index = std::int64_t;

Vec load(const float* p) { return *reinterpret_cast<const Vec*>(p); }
void store(float* p, Vec v) { *reinterpret_cast<Vec*>(p) = v; }
Vec splat(float x) { return x - Vec{}; }

float sum_of(Vec v) {
  float sum = 0;
  for (int i = 0; i < kWide; ++i) sum += v[i];
  return sum;
}

Vec larger(Vec a, Vec b) { return a > b ? a : b; }

/// e^x to 2 units in the last place for x in [-87, 88], and the ends' values beyond; NaN stays NaN. Cody and Waite's
/// reduction, the polynomial of Cephes' expf.
Vec exponential(Vec x) {
  x = x < -87.0F ? splat(-87.0F) : x;
  x = x > 88.0F ? splat(88.0F) : x;
  const Vec shifted = x * 1.44269504F + 12582912.0F;  // 1.5 * 2^23: rounds to an integer in the low bits
  const Vec n = shifted - 12582912.0F;
  const Vec r = (x - n * 0.693359375F) + n * 2.12194440e-4F;
  Vec p = splat(1.9875691500e-4F);
  p = p * r + 1.3981999507e-3F;
  p = p * r + 8.3334519073e-3F;
  p = p * r + 4.1665795894e-2F;
  p = p * r + 1.6666665459e-1F;
  p = p * r + 5.0000001201e-1F;
  p = p * (r * r) + r + 1.0F;
  const Int power = (reinterpret_cast<const Int&>(shifted) << 23) + (127 << 23);
  return p * reinterpret_cast<const Vec&>(power);
}

struct Matrix {
  const float* data;
  Index row, column;  ///< strides
};

/// c[ROWS, VECTORS * kWide] (+)= a[ROWS, depth] b[depth, ...]: the whole tile stays in registers.
template <int ROWS, int VECTORS>
void multiply_tile(Matrix a, const float* b, Index b_stride, Index depth, float* c, Index c_stride, bool add) {
  Vec sums[ROWS][VECTORS];
  for (int r = 0; r < ROWS; ++r)
    for (int v = 0; v < VECTORS; ++v) sums[r][v] = add ? load(c + r * c_stride + v * kWide) : Vec{};
  for (Index k = 0; k < depth; ++k) {
    Vec right[VECTORS];
    for (int v = 0; v < VECTORS; ++v) right[v] = load(b + k * b_stride + v * kWide);
    for (int r = 0; r < ROWS; ++r) {
      const Vec left = splat(a.data[r * a.row + k * a.column]);
      for (int v = 0; v < VECTORS; ++v) sums[r][v] += left * right[v];
    }
  }
  for (int r = 0; r < ROWS; ++r)
    for (int v = 0; v < VECTORS; ++v) store(c + r * c_stride + v * kWide, sums[r][v]);
}

template <int VECTORS>
void multiply_panel(Matrix a, Index rows, const float* b, Index b_stride, Index depth, float* c, Index c_stride,
                    bool add) {
  Index r = 0;
  const auto at = [&](Index row) { return Matrix{a.data + row * a.row, a.row, a.column}; };
  for (; r + kRows <= rows; r += kRows)
    multiply_tile<kRows, VECTORS>(at(r), b, b_stride, depth, c + r * c_stride, c_stride, add);
  for (; r + 4 <= rows; r += 4) multiply_tile<4, VECTORS>(at(r), b, b_stride, depth, c + r * c_stride, c_stride, add);
  for (; r + 2 <= rows; r += 2) multiply_tile<2, VECTORS>(at(r), b, b_stride, depth, c + r * c_stride, c_stride, add);
  if (r < rows) multiply_tile<1, VECTORS>(at(r), b, b_stride, depth, c + r * c_stride, c_stride, add);
}

/// c[rows, columns] (+)= a[rows, depth] b[depth, columns]; columns a multiple of kLane, rows of b and c contiguous.
void multiply(Matrix a, Index rows, const float* b, Index b_stride, Index depth, Index columns, float* c,
              Index c_stride, bool add) {
  Index x = 0;
  for (; x + kVectors * kWide <= columns; x += kVectors * kWide)
    multiply_panel<kVectors>(a, rows, b + x, b_stride, depth, c + x, c_stride, add);
  for (; x + 2 * kWide <= columns; x += 2 * kWide)
    multiply_panel<2>(a, rows, b + x, b_stride, depth, c + x, c_stride, add);
  for (; x < columns; x += kWide) multiply_panel<1>(a, rows, b + x, b_stride, depth, c + x, c_stride, add);
}

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

/// scores[rows, stride] = query key^T, over the stretches. Columns beyond a stretch's count are of other keys.
void score(const PackedHead& head, const QueryTile& tile, const Stretches& s, float* scores) {
  for (const Stretch& part : s.part)
    if (part.count > 0)
      multiply({tile.query, head.padded, 1}, tile.rows, head.key_t + part.first, head.key_stride, head.width,
               padded_to_lane(part.count), scores + part.column, s.stride, false);
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
  largest = most_rest;
  for (int i = 0; i < kWide; ++i) largest = most[i] > largest ? most[i] : largest;
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
  for (Index r = 0; r < tile.rows; ++r) {
    float largest = 0, sum = 0;
    float* row = scores + r * s.stride;
    soften(s, row, largest, sum);
    log_sum[r] = largest + __builtin_logf(sum);
    const float scale = 1.0F / sum;
    over_row(
        s, row, [&](float* p) { store(p, load(p) * scale); }, [&](float* p) { *p *= scale; });
  }
  bool add = false;
  for (const Stretch& part : s.part) {
    if (part.count == 0) continue;
    multiply({scores + part.column, s.stride, 1}, tile.rows, head.value + part.first * head.padded, head.padded,
             part.count, head.padded, out, head.padded, add);
    add = true;
  }
}

void attend_backward(const PackedHead& head, const QueryTile& tile, const TileGradients& g, float* scores) {
  const Stretches s = stretches_of(tile.sees);
  float* weights = scores;
  float* slopes = scores + tile.rows * s.stride;  // gradient of the weights, then of the scores
  score(head, tile, s, weights);
  bool add = false;
  for (const Stretch& part : s.part) {
    if (part.count == 0) continue;
    multiply({g.out, head.padded, 1}, tile.rows, head.value_t + part.first, head.key_stride, head.width,
             padded_to_lane(part.count), slopes + part.column, s.stride, false);
    for (Index r = 0; r < tile.rows; ++r) {
      float* w = weights + r * s.stride + part.column;
      float* d = slopes + r * s.stride + part.column;
      Index i = 0;
      for (; i + kWide <= part.count; i += kWide) {
        const Vec e = exponential(load(w + i) - g.log_sum[r]);
        store(w + i, e);
        store(d + i, e * (load(d + i) - g.out_dot[r]));
      }
      for (; i < part.count; ++i) {
        w[i] = exponential_of(w[i] - g.log_sum[r]);
        d[i] = w[i] * (d[i] - g.out_dot[r]);
      }
    }
    const Index first = part.first * head.padded;
    multiply({slopes + part.column, s.stride, 1}, tile.rows, head.key + first, head.padded, part.count, head.padded,
             g.query, head.padded, add);
    multiply({slopes + part.column, 1, s.stride}, part.count, tile.query, head.padded, tile.rows, head.padded,
             g.key + first, head.padded, true);
    multiply({weights + part.column, 1, s.stride}, part.count, g.out, head.padded, tile.rows, head.padded,
             g.value + first, head.padded, true);
    add = true;
  }
}

/// Sum over a row of `width` floats of f(vector), where f is given a loader of vector or float at i.
template <typename Term>
float row_sum(Index width, const Term& term) {
  Vec sums{};
  Index i = 0;
  for (; i + kWide <= width; i += kWide) sums += term.whole(i);
  float rest = 0;
  for (; i < width; ++i) rest += term.one(i);
  return sum_of(sums) + rest;
}

struct SumOf {
  const float* x;
  Vec whole(Index i) const { return load(x + i); }
  float one(Index i) const { return x[i]; }
};
struct SquaresAbout {
  const float* x;
  float mean;
  Vec whole(Index i) const {
    const Vec d = load(x + i) - mean;
    return d * d;
  }
  float one(Index i) const { return (x[i] - mean) * (x[i] - mean); }
};

/// Of a row: mean and 1 / deviation.
struct Moments {
  float mean, rstd;
};

Moments moments_of(const float* x, Index width, float epsilon) {
  const float share = 1.0F / static_cast<float>(width);
  const float mean = row_sum(width, SumOf{x}) * share;
  return {mean, 1.0F / __builtin_sqrtf(row_sum(width, SquaresAbout{x, mean}) * share + epsilon)};
}

void norm_modulate(const float* x, const float* shift, const float* scale, Index rows, Index width, float epsilon,
                   float* out, float* means, float* rstds) {
  for (Index r = 0; r < rows; ++r) {
    const float* in = x + r * width;
    float* to = out + r * width;
    const auto [mean, rstd] = moments_of(in, width, epsilon);
    means[r] = mean;
    rstds[r] = rstd;
    Index i = 0;
    for (; i + kWide <= width; i += kWide)
      store(to + i, (load(in + i) - mean) * rstd * (load(scale + i) + 1.0F) + load(shift + i));
    for (; i < width; ++i) to[i] = (in[i] - mean) * rstd * (scale[i] + 1.0F) + shift[i];
  }
}

/// With n = (x - mean) rstd and h = grad (1 + scale): dx = rstd (h - mean(h) - n mean(h n)).
struct ScaledGrad {
  const float *grad, *scale;
  Vec whole(Index i) const { return load(grad + i) * (load(scale + i) + 1.0F); }
  float one(Index i) const { return grad[i] * (scale[i] + 1.0F); }
};
struct ScaledGradTimesNorm {
  ScaledGrad h;
  const float* x;
  float mean, rstd;
  Vec whole(Index i) const { return h.whole(i) * ((load(x + i) - mean) * rstd); }
  float one(Index i) const { return h.one(i) * ((x[i] - mean) * rstd); }
};

void norm_modulate_backward(const float* x, const float* scale, const float* means, const float* rstds,
                            const float* grad, Index rows, Index width, float* grad_x, float* grad_shift,
                            float* grad_scale) {
  const float share = 1.0F / static_cast<float>(width);
  for (Index r = 0; r < rows; ++r) {
    const float* in = x + r * width;
    const float* g = grad + r * width;
    float* to = grad_x + r * width;
    const float mean = means[r], rstd = rstds[r];
    const ScaledGrad h{g, scale};
    const ScaledGradTimesNorm hn{h, in, mean, rstd};
    const float mean_h = row_sum(width, h) * share, mean_hn = row_sum(width, hn) * share;
    Index i = 0;
    for (; i + kWide <= width; i += kWide) {
      const Vec n = (load(in + i) - mean) * rstd, gi = load(g + i);
      store(to + i, (h.whole(i) - mean_h - n * mean_hn) * rstd);
      store(grad_shift + i, load(grad_shift + i) + gi);
      store(grad_scale + i, load(grad_scale + i) + gi * n);
    }
    for (; i < width; ++i) {
      const float n = (in[i] - mean) * rstd;
      to[i] = (h.one(i) - mean_h - n * mean_hn) * rstd;
      grad_shift[i] += g[i];
      grad_scale[i] += g[i] * n;
    }
  }
}

Vec sigmoid(Vec x) { return 1.0F / (1.0F + exponential(-x)); }

void swiglu(const float* gates, Index rows, Index width, float* out) {
  for (Index r = 0; r < rows; ++r) {
    const float *a = gates + r * 2 * width, *b = a + width;
    float* to = out + r * width;
    Index i = 0;
    for (; i + kWide <= width; i += kWide) store(to + i, load(a + i) * sigmoid(load(a + i)) * load(b + i));
    for (; i < width; ++i) to[i] = a[i] * sigmoid(splat(a[i]))[0] * b[i];
  }
}

void swiglu_backward(const float* gates, const float* grad, Index rows, Index width, float* grad_gates) {
  for (Index r = 0; r < rows; ++r) {
    const float *a = gates + r * 2 * width, *b = a + width, *g = grad + r * width;
    float *to_a = grad_gates + r * 2 * width, *to_b = to_a + width;
    const auto both = [&](Vec x, Vec y, Vec d, Vec& da, Vec& db) {
      const Vec s = sigmoid(x);
      da = d * y * s * (1.0F + x * (1.0F - s));
      db = d * x * s;
    };
    Index i = 0;
    Vec da, db;
    for (; i + kWide <= width; i += kWide) {
      both(load(a + i), load(b + i), load(g + i), da, db);
      store(to_a + i, da);
      store(to_b + i, db);
    }
    for (; i < width; ++i) {
      both(splat(a[i]), splat(b[i]), splat(g[i]), da, db);
      to_a[i] = da[0];
      to_b[i] = db[0];
    }
  }
}

void linear(const float* x, Index rows, Index depth, const float* panel, const float* bias, Index columns, float* out,
            Index stride) {
  if (bias != nullptr)
    for (Index r = 0; r < rows; ++r)
      for (Index c = 0; c < columns; ++c) out[r * stride + c] = bias[c];
  multiply({x, depth, 1}, rows, panel, columns, depth, columns, out, stride, bias != nullptr);
}

/// The two halves of a row as real and imaginary parts, turned by the row's angles.
void rotate(const float* x, const float* cosine, const float* sine, Index heads, Index pairs, float* out) {
  for (Index h = 0; h < heads; ++h) {
    const float *a = x + h * 2 * pairs, *b = a + pairs;
    float *to_a = out + h * 2 * pairs, *to_b = to_a + pairs;
    Index i = 0;
    for (; i + kWide <= pairs; i += kWide) {
      const Vec c = load(cosine + i), s = load(sine + i), u = load(a + i), v = load(b + i);
      store(to_a + i, u * c - v * s);
      store(to_b + i, v * c + u * s);
    }
    for (; i < pairs; ++i) {
      const float u = a[i], v = b[i];
      to_a[i] = u * cosine[i] - v * sine[i];
      to_b[i] = v * cosine[i] + u * sine[i];
    }
  }
}

/// Calls `each(i, lane)` for whole vectors of `count` floats and then for single ones: lane(p) reads, lane(p, x)
/// writes.
struct WholeLane {
  Vec operator()(const float* p) const { return load(p); }
  void operator()(float* p, Vec x) const { store(p, x); }
};
struct SingleLane {
  float operator()(const float* p) const { return *p; }
  void operator()(float* p, float x) const { *p = x; }
};
template <typename Each>
void over_lanes(Index count, const Each& each) {
  Index i = 0;
  for (; i + kWide <= count; i += kWide) each(i, WholeLane{});
  for (; i < count; ++i) each(i, SingleLane{});
}

void norm_rotate(const float* x, const float* scale, const float* cosine, const float* sine, Index heads, Index pairs,
                 float epsilon, float* out) {
  for (Index h = 0; h < heads; ++h) {
    const float *a = x + h * 2 * pairs, *b = a + pairs;
    float *to_a = out + h * 2 * pairs, *to_b = to_a + pairs;
    const Moments m = moments_of(a, 2 * pairs, epsilon);
    over_lanes(pairs, [&](Index i, auto lane) {
      const auto c = lane(cosine + i), s = lane(sine + i);
      const auto u = (lane(a + i) - m.mean) * m.rstd * lane(scale + i);
      const auto v = (lane(b + i) - m.mean) * m.rstd * lane(scale + pairs + i);
      lane(to_a + i, u * c - v * s);
      lane(to_b + i, v * c + u * s);
    });
  }
}

/// Turned back, the gradient is that of n scale with n = (x - mean) rstd; then as in norm_modulate_backward.
void norm_rotate_backward(const float* x, const float* scale, const float* cosine, const float* sine, const float* grad,
                          Index heads, Index pairs, float epsilon, float* grad_x, float* grad_scale) {
  const Index width = 2 * pairs;
  const float share = 1.0F / static_cast<float>(width);
  for (Index h = 0; h < heads; ++h) {
    const float *in = x + h * width, *g = grad + h * width;
    float* to = grad_x + h * width;
    const Moments m = moments_of(in, width, epsilon);
    Vec sums{}, sums_n{};
    float rest = 0, rest_n = 0;
    const auto add = [](auto value, Vec& vectors, float& single) {
      if constexpr (sizeof(value) == sizeof(Vec)) {
        vectors += value;
      } else {
        single += value;
      }
    };
    over_lanes(pairs, [&](Index i, auto lane) {
      const auto c = lane(cosine + i), s = lane(sine + i), p = lane(g + i), q = lane(g + pairs + i);
      const auto half = [&](Index at, auto turned_back) {
        const auto n = (lane(in + at) - m.mean) * m.rstd;
        const auto slope = turned_back * lane(scale + at);
        lane(grad_scale + at, lane(grad_scale + at) + turned_back * n);
        lane(to + at, slope);
        add(slope, sums, rest);
        add(slope * n, sums_n, rest_n);
      };
      half(i, p * c + q * s);
      half(pairs + i, q * c - p * s);
    });
    const float mean_slope = (sum_of(sums) + rest) * share, mean_slope_n = (sum_of(sums_n) + rest_n) * share;
    over_lanes(width, [&](Index i, auto lane) {
      lane(to + i, (lane(to + i) - mean_slope - (lane(in + i) - m.mean) * m.rstd * mean_slope_n) * m.rstd);
    });
  }
}

}  // namespace

#define BITEMARK_JOIN(a, b) a##b
#define BITEMARK_NAME(a, b) BITEMARK_JOIN(a, b)
#define BITEMARK_TEXT(a) #a
#define BITEMARK_STRING(a) BITEMARK_TEXT(a)

extern const Kernels BITEMARK_NAME(kernels_, BITEMARK_ISA);
const Kernels BITEMARK_NAME(kernels_, BITEMARK_ISA) = {BITEMARK_STRING(BITEMARK_ISA),
                                                       attend,
                                                       attend_backward,
                                                       norm_modulate,
                                                       norm_modulate_backward,
                                                       linear,
                                                       swiglu,
                                                       swiglu_backward,
                                                       rotate,
                                                       norm_rotate,
                                                       norm_rotate_backward};

}  // namespace bitemark::model
