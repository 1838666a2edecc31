// Compiled for AVX-512 and AMX: no header of the standard library beyond <cstdint>, as in kernels_isa.cpp.
#include <immintrin.h>

#include "model/kernels/split_kernels.h"

namespace bitemark::model {
namespace {

using Index = std::int64_t;

constexpr Index kTileRows = 16, kTileRowBytes = 64, kTileFloats = kTileRows * kTileRowBytes / 4;
constexpr Index kLine = 64 / sizeof(float);

/// Greater and lesser parts of sixteen numbers, each in the low half of its word.
struct Parts {
  __m512i greater, lesser;
};

__m512i rounded(__m512 x) { return _mm512_cvtepu16_epi32(reinterpret_cast<__m256i>(_mm512_cvtneps_pbh(x))); }

Parts parts_of(__m512 x) {
  const __m512i greater = rounded(x);
  return {greater, rounded(x - _mm512_castsi512_ps(_mm512_slli_epi32(greater, 16)))};
}

/// The words of two in turn: those of `even` below.
__m512i paired(__m512i even, __m512i odd) { return _mm512_or_si512(even, _mm512_slli_epi32(odd, 16)); }

/// Thirty-two numbers in the order that they have.
Parts run_of(__m512 first, __m512 second) {
  const Parts a = parts_of(first), b = parts_of(second);
  const auto joined = [](__m512i low, __m512i high) {
    return _mm512_inserti64x4(_mm512_castsi256_si512(_mm512_cvtepi32_epi16(low)), _mm512_cvtepi32_epi16(high), 1);
  };
  return {joined(a.greater, b.greater), joined(a.lesser, b.lesser)};
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

/// [depth, 16] from row k on -> sixteen rows of its transpose.
void load_transposed(const float* from, Index stride, Index k, Index depth, __m512i (&rows)[16]) {
  for (Index r = 0; r < kLane; ++r)
    rows[r] = k + r < depth ? _mm512_loadu_si512(from + (k + r) * stride) : _mm512_setzero_si512();
  transpose(rows);
}

void split_transpose(const float* from, Index stride, Index depth, Index columns, float* to) {
  const Index row = in_split_runs(depth);
  for (Index k = 0; k < depth; k += kSplitRun) {
    for (Index c = 0; c < columns; c += kLane) {
      __m512i first[16], second[16];
      load_transposed(from + c, stride, k, depth, first);
      load_transposed(from + c, stride, k + kLane, depth, second);
      for (Index i = 0; i < kLane; ++i) {
        const Parts run = run_of(_mm512_castsi512_ps(first[i]), _mm512_castsi512_ps(second[i]));
        store(to + (c + i) * row + k, run.greater);
        store(to + (c + i) * row + k + kLane, run.lesser);
      }
    }
  }
}

/// A panel's tiles lie by depth, then by columns, greater parts before lesser ones. A tile has sixteen pairs of depths
/// as its rows, and the pairs of sixteen columns in them.
void pack(const float* from, Index stride, Index depth, Index columns, float* to) {
  for (Index k = 0; k < depth; k += kSplitRun) {
    for (Index c = 0; c < columns; c += kLane, to += 2 * kTileFloats) {
      for (Index p = 0; p < kTileRows; ++p) {
        const Index even = k + 2 * p;
        const auto at = [&](Index row) { return row < depth ? load(from + row * stride + c) : _mm512_setzero_ps(); };
        const Parts a = parts_of(at(even)), b = parts_of(at(even + 1));
        store(to + p * kLane, paired(a.greater, b.greater));
        store(to + kTileFloats + p * kLane, paired(a.lesser, b.lesser));
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
