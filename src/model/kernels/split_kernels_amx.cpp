// Compiled for AVX-512 and AMX: no header of the standard library beyond <cstdint>, as in kernels_isa.cpp.
#include <immintrin.h>

#include "model/kernels/split_kernels.h"

namespace bitemark::model {
namespace {

using Index = std::int64_t;

constexpr Index kTileRows = 16, kTileRowBytes = 64, kTileFloats = kTileRows * kTileRowBytes / 4;
constexpr Index kLine = 64 / sizeof(float);

/// Greater and lesser parts of thirty-two numbers.
struct Parts {
  __m512i greater, lesser;
};

__m512i rounded(__m512 first, __m512 second) { return reinterpret_cast<__m512i>(_mm512_cvtne2ps_pbh(second, first)); }

/// Sixteen words as the greater halves of numbers.
__m512 widened(__m256i words) { return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(words), 16)); }

/// In the order that they have.
Parts run_of(__m512 first, __m512 second) {
  const __m512i greater = rounded(first, second);
  return {greater, rounded(first - widened(_mm512_castsi512_si256(greater)),
                           second - widened(_mm512_extracti64x4_epi64(greater, 1)))};
}

/// The words of two in turn: those of `even` in the low halves.
Parts pairs_of(__m512 even, __m512 odd) {
  alignas(64) constexpr auto kOrder = [] {
    struct {
      std::uint16_t word[32];
    } order{};
    for (int i = 0; i < 32; ++i) order.word[i] = static_cast<std::uint16_t>(i / 2 + i % 2 * 16);
    return order;
  }();
  const __m512i in_turn = _mm512_load_si512(kOrder.word);
  const __m512i greater = _mm512_permutexvar_epi16(in_turn, rounded(even, odd));
  const __m512 low = _mm512_castsi512_ps(_mm512_slli_epi32(greater, 16));
  const __m512 high = _mm512_castsi512_ps(_mm512_and_si512(greater, _mm512_set1_epi32(static_cast<int>(0xffff0000U))));
  return {greater, _mm512_permutexvar_epi16(in_turn, rounded(even - low, odd - high))};
}

void store(float* to, __m512i x) { _mm512_storeu_si512(to, x); }

/// The first `count` of sixteen, zeros behind.
__m512 load(const float* from, Index count = kLane) {
  if (count >= kLane) return _mm512_loadu_ps(from);
  return _mm512_maskz_loadu_ps(static_cast<__mmask16>((1U << (count < 0 ? 0 : count)) - 1), from);
}

/// Exchanges the bit STEP of rows' and columns' numbers.
template <int STEP>
void exchange(__m512i (&rows)[16]) {
  alignas(64) constexpr auto kOrder = [] {
    struct {
      int low[16], high[16];
    } order{};
    for (int e = 0; e < 16; ++e) {
      const bool second = (e & STEP) != 0;
      order.low[e] = second ? 16 + e - STEP : e;
      order.high[e] = second ? 16 + e : e + STEP;
    }
    return order;
  }();
  const __m512i low = _mm512_loadu_si512(kOrder.low), high = _mm512_loadu_si512(kOrder.high);
#pragma GCC unroll 16
  for (int i = 0; i < 16; ++i) {
    if ((i & STEP) != 0) continue;
    const __m512i a = rows[i], b = rows[i + STEP];
    rows[i] = _mm512_permutex2var_epi32(a, low, b);
    rows[i + STEP] = _mm512_permutex2var_epi32(a, high, b);
  }
}

/// Sixteen rows of sixteen words.
void transpose(__m512i (&rows)[16]) {
  exchange<1>(rows);
  exchange<2>(rows);
  exchange<4>(rows);
  exchange<8>(rows);
}

void split(const float* from, Index count, float* to) {
  for (Index i = 0; i < count; i += kSplitRun) {
    const Parts run = run_of(load(from + i), load(from + i + kLane));
    store(to + i, run.greater);
    store(to + i + kLane, run.lesser);
  }
}

/// Of [depth, 16] from row k on: sixteen pairs of rows, the two numbers of a column side by side. Beyond the depth:
/// zeros.
struct Pairs {
  __m512i greater[16], lesser[16];
  __m512 sum;  ///< of all thirty-two rows

  Pairs(const float* from, Index stride, Index k, Index depth) : sum(_mm512_setzero_ps()) {
    for (Index p = 0; p < kTileRows; ++p) {
      const auto at = [&](Index row) { return row < depth ? load(from + row * stride) : _mm512_setzero_ps(); };
      const __m512 even = at(k + 2 * p), odd = at(k + 2 * p + 1);
      const Parts parts = pairs_of(even, odd);
      greater[p] = parts.greater;
      lesser[p] = parts.lesser;
      sum += even + odd;
    }
  }
};

void split_transpose(const float* from, Index stride, Index depth, Index columns, float* to, float* sums) {
  const Index row = in_split_runs(depth);
  for (Index c = 0; c < columns; c += kLane) {
    __m512 sum = _mm512_setzero_ps();
    for (Index k = 0; k < depth; k += kSplitRun) {
      Pairs pairs(from + c, stride, k, depth);
      sum += pairs.sum;
      transpose(pairs.greater);
      transpose(pairs.lesser);
      for (Index i = 0; i < kLane; ++i) {
        store(to + (c + i) * row + k, pairs.greater[i]);
        store(to + (c + i) * row + k + kLane, pairs.lesser[i]);
      }
    }
    _mm512_storeu_ps(sums + c, sum);
  }
}

/// A panel's tiles lie by depth, then by columns, greater parts before lesser ones. A tile has sixteen pairs of depths
/// as its rows, and the pairs of sixteen columns in them.
void pack(const float* from, Index stride, Index depth, Index columns, float* to) {
  for (Index k = 0; k < depth; k += kSplitRun) {
    for (Index c = 0; c < columns; c += kLane, to += 2 * kTileFloats) {
      const Pairs pairs(from + c, stride, k, depth);
      for (Index p = 0; p < kTileRows; ++p) {
        store(to + p * kLane, pairs.greater[p]);
        store(to + kTileFloats + p * kLane, pairs.lesser[p]);
      }
    }
  }
}

void pack_transpose(const float* from, Index stride, Index depth, Index columns, float* to) {
  for (Index k = 0; k < depth; k += kSplitRun) {
    for (Index c = 0; c < columns; c += kLane, to += 2 * kTileFloats) {
      __m512i greater[16], lesser[16];
      for (Index i = 0; i < kLane; ++i) {
        const float* column = from + (c + i) * stride + k;
        const Parts run = run_of(load(column, depth - k), load(column + kLane, depth - k - kLane));
        greater[i] = run.greater;
        lesser[i] = run.lesser;
      }
      transpose(greater);
      transpose(lesser);
      for (Index p = 0; p < kTileRows; ++p) {
        store(to + p * kLane, greater[p]);
        store(to + kTileFloats + p * kLane, lesser[p]);
      }
    }
  }
}

// The compiler's own names for these take a tile as text, which no template can give.
template <int TILE>
void tile_zero() {
  asm volatile("tilezero %%tmm%c0" : : "i"(TILE));
}
/// Rows lie `stride` bytes apart.
template <int TILE>
void tile_load(const float* from, Index stride) {
  asm volatile("tileloadd (%1,%2,1), %%tmm%c0" : : "i"(TILE), "r"(from), "r"(stride) : "memory");
}
template <int TILE>
void tile_store(float* to, Index stride) {
  asm volatile("tilestored %%tmm%c0, (%1,%2,1)" : : "i"(TILE), "r"(to), "r"(stride) : "memory");
}
template <int SUMS, int LEFT, int RIGHT>
void tile_add_product() {
  asm volatile("tdpbf16ps %%tmm%c2, %%tmm%c1, %%tmm%c0" : : "i"(SUMS), "i"(LEFT), "i"(RIGHT));
}

// What each tile holds: sums are tiles 0 to 3.
constexpr int kLeftGreater = 4, kLeftLesser = 5, kRightGreater = 6, kRightLesser = 7;

/// Of sums and of the left side, tiles have as many rows as there are.
void configure(Index rows) {
  alignas(64) struct {
    std::uint8_t palette = 1, start_row = 0, reserved[14] = {};
    std::uint16_t row_bytes[16] = {};
    std::uint8_t rows[16] = {};
  } config;
  for (int i = 0; i <= kRightLesser; ++i) {
    config.row_bytes[i] = 64;
    config.rows[i] = static_cast<std::uint8_t>(i < kRightGreater ? rows : kTileRows);
  }
  asm volatile("ldtilecfg %0" : : "m"(config));
}

/// The next panel's lines, fetched into the second-level cache some at each step.
struct Fetch {
  const float* at;
  Index left, lines;  ///< of 64 bytes: all, and a step's

  void step() {
    for (Index i = 0; i < lines && left > 0; ++i, --left, at += kLine) __builtin_prefetch(at, 0, 2);
  }
};

/// As many rows as the tiles are configured for, by columns of the sums' tiles LANE.
template <int... LANE>
void multiply_rows(const float* left, Index depth, const float* right, const float* bias, float* out, Index stride,
                   Fetch& fetch) {
  const Index row_bytes = depth * 4;
  // No distance between rows: the bias in each.
  (..., (bias == nullptr ? tile_zero<LANE>() : tile_load<LANE>(bias + LANE * kLane, 0)));
  for (Index k = 0; k < depth; k += kSplitRun, right += sizeof...(LANE) * 2 * kTileFloats) {
    fetch.step();
    tile_load<kLeftGreater>(left + k, row_bytes);
    tile_load<kLeftLesser>(left + k + kLane, row_bytes);
    const auto add = [&]<int SUMS>(const float* greater) {
      tile_load<kRightGreater>(greater, kTileRowBytes);
      tile_add_product<SUMS, kLeftGreater, kRightGreater>();
      tile_add_product<SUMS, kLeftLesser, kRightGreater>();
      tile_load<kRightLesser>(greater + kTileFloats, kTileRowBytes);
      tile_add_product<SUMS, kLeftGreater, kRightLesser>();
    };
    (..., add.template operator()<LANE>(right + LANE * 2 * kTileFloats));
  }
  (..., tile_store<LANE>(out + LANE * kLane, stride * 4));
}

void multiply(const float* left, Index rows, Index depth, const RightPanel& panel, const float* bias, float* out,
              Index stride) {
  const Index steps = (rows + kTileRows - 1) / kTileRows * (depth / kSplitRun);
  const Index lines = panel.next == nullptr ? 0 : panel.columns * depth / kLine;
  Fetch fetch{panel.next, lines, (lines + steps - 1) / steps};
  for (Index r = 0; r < rows; r += kTileRows) {
    if (r == 0 || r + kTileRows > rows) configure(rows - r < kTileRows ? rows - r : kTileRows);
    const float* from = left + r * depth;
    float* to = out + r * stride;
    switch (panel.columns / kLane) {
      case 1:
        multiply_rows<0>(from, depth, panel.data, bias, to, stride, fetch);
        break;
      case 2:
        multiply_rows<0, 1>(from, depth, panel.data, bias, to, stride, fetch);
        break;
      case 3:
        multiply_rows<0, 1, 2>(from, depth, panel.data, bias, to, stride, fetch);
        break;
      default:
        multiply_rows<0, 1, 2, 3>(from, depth, panel.data, bias, to, stride, fetch);
    }
  }
  asm volatile("tilerelease");
}

}  // namespace

extern const SplitKernels split_kernels_amx;
const SplitKernels split_kernels_amx = {"amx", split, split_transpose, pack, pack_transpose, multiply};

}  // namespace bitemark::model
