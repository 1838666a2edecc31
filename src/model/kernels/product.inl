// Matrix products whose tiles stay in registers. Included by kernels_isa.cpp alone, once for each instruction set.

[[gnu::always_inline]] inline Addend at_row(const Addend& a, Index r) {
  return {a.data == nullptr ? nullptr : a.data + r * a.stride, a.stride};
}
[[gnu::always_inline]] inline Addend at_column(const Addend& a, Index c) {
  return {a.data == nullptr ? nullptr : a.data + c, a.stride};
}

/// Memory that is fetched into the second-level cache while a product goes on, some lines at each step of its sums:
/// a few rows do not give the hardware time to fetch all weights of a network.
struct Fetch {
  static constexpr Index kLine = 64 / sizeof(float);
  const float* at;
  Index left;   ///< lines
  Index lines;  ///< a step

  void step() {
    for (Index i = 0; i < lines && left > 0; ++i, --left, at += kLine) __builtin_prefetch(at, 0, 2);
  }
};

/// What needs no fetching, and costs nothing.
struct NoFetch {
  void step() {}
};

/// c[ROWS, VECTORS * kWide] = a[ROWS, depth] b[depth, ...] + base: the whole tile stays in registers. Inlined, since
/// what a call puts on the stack is read back in other pieces than it was written in, and waits for that.
template <int ROWS, int VECTORS, typename Ahead>
[[gnu::always_inline]] inline void multiply_tile(LeftSide a, const float* b, Index b_stride, Index depth, Addend base,
                                                 float* c, Index c_stride, Ahead& ahead) {
  Vec sums[ROWS][VECTORS];
  for (int r = 0; r < ROWS; ++r)
    for (int v = 0; v < VECTORS; ++v) {
      sums[r][v] = Vec{};
      __builtin_prefetch(c + r * c_stride + v * kWide, 1, 3);  // is there when the sums are
    }
  for (Index k = 0; k < depth; ++k) {
    ahead.step();
    Vec right[VECTORS];
    for (int v = 0; v < VECTORS; ++v) right[v] = load(b + k * b_stride + v * kWide);
    for (int r = 0; r < ROWS; ++r) {
      const Vec left = splat(a.data[r * a.row + k * a.column]);
      for (int v = 0; v < VECTORS; ++v) sums[r][v] += left * right[v];
    }
  }
  if (base.data != nullptr)
    for (int r = 0; r < ROWS; ++r)
      for (int v = 0; v < VECTORS; ++v) sums[r][v] += load(base.data + r * base.stride + v * kWide);
  for (int r = 0; r < ROWS; ++r)
    for (int v = 0; v < VECTORS; ++v) store(c + r * c_stride + v * kWide, sums[r][v]);
}

/// As many rows as tiles of ROWS have, from row r on.
template <int ROWS, int VECTORS, typename Ahead>
[[gnu::always_inline]] inline void multiply_rows(LeftSide a, Index rows, const float* b, Index b_stride, Index depth,
                                                 Addend base, float* c, Index c_stride, Ahead& ahead, Index& r) {
  for (; r + ROWS <= rows; r += ROWS)
    multiply_tile<ROWS, VECTORS>({a.data + r * a.row, a.row, a.column}, b, b_stride, depth, at_row(base, r),
                                 c + r * c_stride, c_stride, ahead);
}

template <int VECTORS, typename Ahead>
void multiply_columns(const LeftSide& a, Index rows, const float* b, Index b_stride, Index depth, const Addend& base,
                      float* c, Index c_stride, Ahead& ahead) {
  Index r = 0;
  multiply_rows<tile_rows(VECTORS), VECTORS>(a, rows, b, b_stride, depth, base, c, c_stride, ahead, r);
  multiply_rows<4, VECTORS>(a, rows, b, b_stride, depth, base, c, c_stride, ahead, r);
  multiply_rows<2, VECTORS>(a, rows, b, b_stride, depth, base, c, c_stride, ahead, r);
  multiply_rows<1, VECTORS>(a, rows, b, b_stride, depth, base, c, c_stride, ahead, r);
}

/// c[rows, columns] = a[rows, depth] b[depth, columns] + base; columns a multiple of kLane, rows of b and c contiguous.
template <typename Ahead = NoFetch>
void multiply(const LeftSide& a, Index rows, const float* b, Index b_stride, Index depth, Index columns,
              const Addend& base, float* c, Index c_stride, Ahead ahead = {}) {
  Index x = 0;
  const auto vectors = [&]<int VECTORS>(Index end) {
    for (; x + VECTORS * kWide <= end; x += VECTORS * kWide)
      multiply_columns<VECTORS>(a, rows, b + x, b_stride, depth, at_column(base, x), c + x, c_stride, ahead);
  };
  if constexpr (kWide == kLane) {
    vectors.template operator()<4>(wide_panels(columns / kLane) * kWidestPanel);
    vectors.template operator()<3>(columns);
  }
  vectors.template operator()<2>(columns);
  vectors.template operator()<1>(columns);
}

void multiply_by_panel(const LeftSide& a, Index rows, Index depth, const RightPanel& panel, const Addend& base,
                       float* out, Index stride) {
  if (panel.next == nullptr)
    return multiply(a, rows, panel.data, panel.columns, depth, panel.columns, base, out, stride);
  constexpr Index kTallest = tile_rows(2), kWidest = 2 * kWide;
  const Index lines = panel.columns * depth / Fetch::kLine;
  const Index steps = (rows + kTallest - 1) / kTallest * depth * ((panel.columns + kWidest - 1) / kWidest);
  multiply(a, rows, panel.data, panel.columns, depth, panel.columns, base, out, stride,
           Fetch{panel.next, lines, (lines + steps - 1) / steps});
}
