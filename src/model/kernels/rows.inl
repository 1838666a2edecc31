// What a block does to rows: norms, SwiGLU, rotary positions. Included by kernels_isa.cpp alone, once for each
// instruction set.

void scale_rows(const float* from, Index from_stride, Index rows, Index width, float scale, float* to,
                Index to_stride) {
  for (Index r = 0; r < rows; ++r, from += from_stride, to += to_stride)
    over_lanes(width, [&](Index i, auto lane) { lane(to + i, lane(from + i) * scale); });
}

void sum_rows(const float* from, Index stride, Index rows, Index width, float* sums) {
  for (Index r = 0; r < rows; ++r, from += stride)
    over_lanes(width, [&](Index i, auto lane) { lane(sums + i, lane(sums + i) + lane(from + i)); });
}

void transpose(const float* from, Index from_stride, Index rows, Index columns, float* to, Index to_stride) {
  const Index whole_rows = rows / kWide * kWide, whole_columns = columns / kWide * kWide;
  for (Index c = 0; c < whole_columns; c += kWide) {
    for (Index r = 0; r < whole_rows; r += kWide) {
      Vec square[kWide];
      for (int i = 0; i < kWide; ++i) square[i] = load(from + (r + i) * from_stride + c);
      transpose_square(square);
      for (int i = 0; i < kWide; ++i) store(to + (c + i) * to_stride + r, square[i]);
    }
  }
  for (Index c = 0; c < columns; ++c)
    for (Index r = c < whole_columns ? whole_rows : 0; r < rows; ++r) to[c * to_stride + r] = from[r * from_stride + c];
}

/// Of a row: mean and 1 / deviation.
struct Moments {
  float mean, rstd;
};

Moments moments_of(const float* x, Index width, float epsilon) {
  const float share = 1.0F / static_cast<float>(width);
  Sum sum, squares;
  over_lanes(width, [&](Index i, auto lane) { sum.add(lane(x + i)); });
  const float mean = sum.total() * share;
  over_lanes(width, [&](Index i, auto lane) {
    const auto d = lane(x + i) - mean;
    squares.add(d * d);
  });
  return {mean, 1.0F / __builtin_sqrtf(squares.total() * share + epsilon)};
}

void norm_modulate(const float* x, const float* shift, const float* scale, Index rows, Index width, float epsilon,
                   float* out, float* means, float* rstds) {
  for (Index r = 0; r < rows; ++r) {
    const float* in = x + r * width;
    float* to = out + r * width;
    const Moments m = moments_of(in, width, epsilon);
    if (means != nullptr) means[r] = m.mean;
    if (rstds != nullptr) rstds[r] = m.rstd;
    over_lanes(width, [&](Index i, auto lane) {
      lane(to + i, (lane(in + i) - m.mean) * m.rstd * (lane(scale + i) + 1.0F) + lane(shift + i));
    });
  }
}

/// With n = (x - mean) rstd and h = grad (1 + scale): dx = rstd (h - mean(h) - n mean(h n)).
void norm_modulate_backward(const float* x, const float* scale, const float* means, const float* rstds,
                            const float* grad, const float* beside, Index rows, Index width, float* grad_x,
                            float* grad_shift, float* grad_scale) {
  const float share = 1.0F / static_cast<float>(width);
  for (Index r = 0; r < rows; ++r) {
    const float *in = x + r * width, *g = grad + r * width, *more = beside == nullptr ? nullptr : beside + r * width;
    float* to = grad_x + r * width;
    const float mean = means[r], rstd = rstds[r];
    const auto n = [&](Index i, auto lane) { return (lane(in + i) - mean) * rstd; };
    const auto h = [&](Index i, auto lane) { return lane(g + i) * (lane(scale + i) + 1.0F); };
    Sum sum_h, sum_hn;
    over_lanes(width, [&](Index i, auto lane) {
      sum_h.add(h(i, lane));
      sum_hn.add(h(i, lane) * n(i, lane));
    });
    const float mean_h = sum_h.total() * share, mean_hn = sum_hn.total() * share;
    over_lanes(width, [&](Index i, auto lane) {
      const auto slope = (h(i, lane) - mean_h - n(i, lane) * mean_hn) * rstd;
      lane(to + i, more == nullptr ? slope : slope + lane(more + i));
      lane(grad_shift + i, lane(grad_shift + i) + lane(g + i));
      lane(grad_scale + i, lane(grad_scale + i) + lane(g + i) * n(i, lane));
    });
  }
}

Vec sigmoid(Vec x) { return 1.0F / (1.0F + exponential(-x)); }
float sigmoid(float x) { return sigmoid(splat(x))[0]; }

void swiglu(const float* gates, Index rows, Index width, float* out) {
  for (Index r = 0; r < rows; ++r) {
    const float *a = gates + r * 2 * width, *b = a + width;
    float* to = out + r * width;
    over_lanes(width, [&](Index i, auto lane) {
      const auto x = lane(a + i);
      lane(to + i, x * sigmoid(x) * lane(b + i));
    });
  }
}

void swiglu_backward(const float* gates, const float* grad, Index rows, Index width, float* grad_gates) {
  for (Index r = 0; r < rows; ++r) {
    const float *a = gates + r * 2 * width, *b = a + width, *g = grad + r * width;
    float *to_a = grad_gates + r * 2 * width, *to_b = to_a + width;
    over_lanes(width, [&](Index i, auto lane) {
      const auto x = lane(a + i), d = lane(g + i), s = sigmoid(x);
      lane(to_a + i, d * lane(b + i) * s * (1.0F + x * (1.0F - s)));
      lane(to_b + i, d * x * s);
    });
  }
}

/// The two halves of a row as real and imaginary parts, turned by the row's angles.
void rotate(const float* x, const float* cosine, const float* sine, Index heads, Index pairs, float* out) {
  for (Index h = 0; h < heads; ++h) {
    const float *a = x + h * 2 * pairs, *b = a + pairs;
    float *to_a = out + h * 2 * pairs, *to_b = to_a + pairs;
    over_lanes(pairs, [&](Index i, auto lane) {
      const auto c = lane(cosine + i), s = lane(sine + i), u = lane(a + i), v = lane(b + i);
      lane(to_a + i, u * c - v * s);
      lane(to_b + i, v * c + u * s);
    });
  }
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
    const auto n = [&](Index i, auto lane) { return (lane(in + i) - m.mean) * m.rstd; };
    Sum sum_h, sum_hn;
    over_lanes(pairs, [&](Index i, auto lane) {
      const auto c = lane(cosine + i), s = lane(sine + i), p = lane(g + i), q = lane(g + pairs + i);
      const auto half = [&](Index at, auto turned_back) {
        const auto slope = turned_back * lane(scale + at);
        lane(grad_scale + at, lane(grad_scale + at) + turned_back * n(at, lane));
        lane(to + at, slope);
        sum_h.add(slope);
        sum_hn.add(slope * n(at, lane));
      };
      half(i, p * c + q * s);
      half(pairs + i, q * c - p * s);
    });
    const float mean_h = sum_h.total() * share, mean_hn = sum_hn.total() * share;
    over_lanes(width,
               [&](Index i, auto lane) { lane(to + i, (lane(to + i) - mean_h - n(i, lane) * mean_hn) * m.rstd); });
  }
}

void gate_backward(const float* a, const float* gate, const float* grad, Index rows, Index width, float* grad_a,
                   float* grad_gate) {
  for (Index r = 0; r < rows; ++r, a += width, grad += width, grad_a += width) {
    over_lanes(width, [&](Index i, auto lane) {
      lane(grad_a + i, lane(grad + i) * lane(gate + i));
      lane(grad_gate + i, lane(grad_gate + i) + lane(grad + i) * lane(a + i));
    });
  }
}
