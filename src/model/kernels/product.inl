// Matrix products whose tiles stay in registers. Included by kernels_isa.cpp alone, once for each instruction set.

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

/// A product with packed weights.
void linear(const float* x, Index rows, Index depth, const float* panel, const float* bias, Index columns, float* out,
            Index stride) {
  if (bias != nullptr)
    for (Index r = 0; r < rows; ++r)
      for (Index c = 0; c < columns; ++c) out[r * stride + c] = bias[c];
  multiply({x, depth, 1}, rows, panel, columns, depth, columns, out, stride, bias != nullptr);
}
