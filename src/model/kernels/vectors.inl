// The vectors of an instruction set, and loops over rows of floats. Included by kernels_isa.cpp alone, once for each
// instruction set.

// The widest vector of this instruction set, and the rows of a tile of sums, so many vectors wide, that stay in its
// registers (32, or 16) beside a row of the right side.
#if defined(__AVX512F__)
constexpr int kWide = 16;
constexpr int tile_rows(int vectors) { return vectors == 4 ? 6 : 8; }
#else
#if defined(__AVX2__)
constexpr int kWide = 8;
#else
constexpr int kWide = 4;
#endif
constexpr int tile_rows(int) { return 6; }
#endif
using Vec = float __attribute__((vector_size(kWide * 4), aligned(4), may_alias));
using Int = std::int32_t __attribute__((vector_size(kWide * 4), aligned(4), may_alias));
using Index = std::int64_t;

Vec load(const float* p) { return *reinterpret_cast<const Vec*>(p); }
void store(float* p, Vec v) { *reinterpret_cast<Vec*>(p) = v; }
Vec splat(float x) { return x - Vec{}; }

template <typename Number>
Number larger(Number a, Number b) {
  return a > b ? a : b;
}

/// All numbers of a vector joined, halves with halves.
template <int WIDTH, typename Join>
[[gnu::always_inline]] inline float folded(const float (&numbers)[WIDTH], const Join& join) {
  if constexpr (WIDTH == 1) {
    return numbers[0];
  } else {
    float half[WIDTH / 2];
    for (int i = 0; i < WIDTH / 2; ++i) half[i] = join(numbers[i], numbers[i + WIDTH / 2]);
    return folded(half, join);
  }
}
[[gnu::always_inline]] inline float sum_of(Vec v) {
  float numbers[kWide];
  store(numbers, v);
  return folded(numbers, [](float a, float b) { return a + b; });
}
[[gnu::always_inline]] inline float largest_of(Vec v) {
  float numbers[kWide];
  store(numbers, v);
  return folded(numbers, [](float a, float b) { return larger(a, b); });
}

/// A square's rows become its columns: as often as kWide can be halved, each row is dealt out in turn with the one half
/// a square further down.
[[gnu::always_inline]] inline void transpose_square(Vec (&rows)[kWide]) {
  Int low, high;  // of two rows, the later one's numbers from kWide on
  for (int i = 0; i < kWide; ++i) {
    low[i] = i / 2 + i % 2 * kWide;
    high[i] = low[i] + kWide / 2;
  }
#pragma GCC unroll 4
  for (int times = kWide; times > 1; times /= 2) {
    Vec dealt[kWide];
#pragma GCC unroll 8
    for (int r = 0; r < kWide / 2; ++r) {
      dealt[2 * r] = __builtin_shuffle(rows[r], rows[r + kWide / 2], low);
      dealt[2 * r + 1] = __builtin_shuffle(rows[r], rows[r + kWide / 2], high);
    }
#pragma GCC unroll 16
    for (int r = 0; r < kWide; ++r) rows[r] = dealt[r];
  }
}

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

/// Whole vectors, or single floats behind them: lane(p) reads, lane(p, x) writes.
struct WholeLane {
  Vec operator()(const float* p) const { return load(p); }
  void operator()(float* p, Vec x) const { store(p, x); }
};
struct SingleLane {
  float operator()(const float* p) const { return *p; }
  void operator()(float* p, float x) const { *p = x; }
};

/// Calls each(i, lane) for the whole vectors of `count` floats and then for what is left over.
template <typename Each>
void over_lanes(Index count, const Each& each) {
  Index i = 0;
  for (; i + kWide <= count; i += kWide) each(i, WholeLane{});
  for (; i < count; ++i) each(i, SingleLane{});
}

/// A sum of what lanes give.
struct Sum {
  Vec vectors{};
  float singles = 0;
  void add(Vec x) { vectors += x; }
  void add(float x) { singles += x; }
  float total() const { return sum_of(vectors) + singles; }
};
