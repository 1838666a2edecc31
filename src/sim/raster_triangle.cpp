#include "sim/raster_triangle.h"

#include <algorithm>
#include <cstring>

#include "sim/lanes.h"

namespace bitemark::sim {
namespace {

constexpr std::int64_t kHalf = kSubPixels / 2;    // samples lie in the middle
constexpr int kWide = 8;                          // samples of a row that a small triangle is tried at, side by side
constexpr std::int64_t kSmall = 32 * kSubPixels;  // products of such lengths fit 32 bits with room

std::int64_t floor_div(std::int64_t a, std::int64_t b) {  // b > 0
  const std::int64_t q = a / b;
  return q - (a % b < 0 ? 1 : 0);
}

/// Left edges go up (a > 0 in y-down coordinates), top edges are level and go right. All others give up ties.
template <typename T>
T tie(T a, T b) {
  return a > 0 || (a == 0 && b > 0) ? 0 : -1;
}

/// a x + b y + c >= 0 inside, in fixed point.
struct Edge {
  std::int64_t a = 0, b = 0, c = 0;

  Edge(std::int64_t x0, std::int64_t y0, std::int64_t x1, std::int64_t y1)
      : a(y0 - y1), b(x1 - x0), c(x0 * y1 - x1 * y0) {
    c += tie(a, b);
  }
  /// Narrows [first, last] to the samples of the row at fixed-point height y that lie inside.
  void narrow(std::int64_t y, int& first, int& last) const {
    const std::int64_t at_zero = a * kHalf + b * y + c;  // value at sample 0
    const std::int64_t slope = a * kSubPixels;
    if (slope > 0) {
      first = static_cast<int>(std::max<std::int64_t>(first, -floor_div(at_zero, slope)));
    } else if (slope < 0) {
      last = static_cast<int>(std::min<std::int64_t>(last, floor_div(at_zero, -slope)));
    } else if (at_zero < 0) {
      last = first - 1;
    }
  }
};

/// One triangle that faces the viewer, and the samples that it may cover.
struct Setup {
  std::int64_t xa, ya, xb, yb, xc, yc;
  std::int64_t area;  ///< twice
  int first_column, last_column, first_row, last_row;
  double closeness, sx, sy;  ///< at a, and what a sub-pixel step adds
  std::uint32_t surface;
};

/// False where it shows its back or covers nothing.
inline bool set_up(const SampleGrid& grid, const ScreenCorner& a, const ScreenCorner& b, const ScreenCorner& c,
                   Setup& s) {
  // Seen from outside, corners run counter-clockwise in space, so the signed area is negative where y points down.
  s.xa = a.x, s.ya = a.y, s.xb = c.x, s.yb = c.y, s.xc = b.x, s.yc = b.y;
  s.area = (s.xb - s.xa) * (s.yc - s.ya) - (s.yb - s.ya) * (s.xc - s.xa);
  if (s.area <= 0) return false;
  const std::int64_t low_x = std::min(std::min(s.xa, s.xb), s.xc), high_x = std::max(std::max(s.xa, s.xb), s.xc);
  const std::int64_t low_y = std::min(std::min(s.ya, s.yb), s.yc), high_y = std::max(std::max(s.ya, s.yb), s.yc);
  // The first sample at or behind the low end, the last at or before the high end; >> rounds down.
  const auto first = [](std::int64_t low) { return std::max<std::int64_t>(0, (low + kHalf - 1) >> 8); };
  const auto last = [](std::int64_t high, int count) { return std::min<std::int64_t>(count - 1, (high - kHalf) >> 8); };
  const std::int64_t first_column = first(low_x), last_column = last(high_x, grid.width);
  const std::int64_t first_row = first(low_y), last_row = last(high_y, grid.height);
  if (first_column > last_column || first_row > last_row) return false;
  s.first_column = static_cast<int>(first_column), s.last_column = static_cast<int>(last_column);
  s.first_row = static_cast<int>(first_row), s.last_row = static_cast<int>(last_row);
  // closeness = base + sx x + sy y over the plane through the three snapped corners
  const double scale = 1.0 / static_cast<double>(s.area);
  const double dab = c.closeness - a.closeness, dac = b.closeness - a.closeness;
  s.closeness = a.closeness;
  s.sx = (dab * static_cast<double>(s.yc - s.ya) - dac * static_cast<double>(s.yb - s.ya)) * scale;
  s.sy = (dac * static_cast<double>(s.xb - s.xa) - dab * static_cast<double>(s.xc - s.xa)) * scale;
  return true;
}

inline double closeness_at_start(const Setup& s, int row) {
  const std::int64_t y = row * kSubPixels + kHalf;
  return s.closeness + s.sy * static_cast<double>(y - s.ya) + s.sx * static_cast<double>(kHalf - s.xa);
}

/// Rows as spans, their ends by exact division.
inline int draw_spans(const SampleGrid& grid, const Setup& s) {
  const Edge edges[3] = {{s.xa, s.ya, s.xb, s.yb}, {s.xb, s.yb, s.xc, s.yc}, {s.xc, s.yc, s.xa, s.ya}};
  const double step = s.sx * static_cast<double>(kSubPixels);
  int newly = 0;
  for (int row = s.first_row; row <= s.last_row; ++row) {
    int first = s.first_column, last = s.last_column;
    for (const Edge& edge : edges) edge.narrow(row * kSubPixels + kHalf, first, last);
    if (first > last) continue;
    const std::size_t offset = static_cast<std::size_t>(row) * static_cast<std::size_t>(grid.width);
    const double base = closeness_at_start(s, row);
    float* __restrict closeness = grid.closeness + offset;
    if (grid.surface == nullptr) {
      for (int x = first; x <= last; ++x) {
        const auto value = static_cast<float>(base + step * x);
        closeness[x] = value > closeness[x] ? value : closeness[x];
      }
      continue;
    }
    std::uint32_t* __restrict surfaces = grid.surface + offset;
    for (int x = first; x <= last; ++x) {
      const auto value = static_cast<float>(base + step * x);
      const bool closer = value > closeness[x];
      closeness[x] = closer ? value : closeness[x];
      surfaces[x] = closer ? s.surface : surfaces[x];
    }
    if (grid.stamp == nullptr) continue;
    std::int32_t* __restrict stamps = grid.stamp + offset;
    for (int x = first; x <= last; ++x) {
      newly += stamps[x] != grid.owner ? 1 : 0;
      stamps[x] = grid.owner;
    }
  }
  return newly;
}

// Side by side, by the vectors of GCC and clang; a comparison gives all ones or nothing.
using Ints = std::int32_t __attribute__((vector_size(4 * kWide)));
using Floats = float __attribute__((vector_size(4 * kWide)));
using Doubles = double __attribute__((vector_size(8 * kWide)));
constexpr Ints kPlaces{0, 1, 2, 3, 4, 5, 6, 7};

/// At most kWide columns and short edges: all samples of a row are tried at once, in 32 bits, from the first on.
inline int draw_small(const SampleGrid& grid, const Setup& s) {
  const int start = std::min(s.first_column, grid.width - kWide);
  const std::int64_t x0 = start * kSubPixels + kHalf, y0 = s.first_row * kSubPixels + kHalf;
  const auto of_x = [x0](std::int64_t x) { return static_cast<std::int32_t>(x - x0); };
  const auto of_y = [y0](std::int64_t y) { return static_cast<std::int32_t>(y - y0); };
  const std::int32_t xa = of_x(s.xa), xb = of_x(s.xb), xc = of_x(s.xc), ya = of_y(s.ya), yb = of_y(s.yb),
                     yc = of_y(s.yc);
  constexpr auto kStep = static_cast<std::int32_t>(kSubPixels);
  const auto along_row = [](std::int32_t x1, std::int32_t y1, std::int32_t x2, std::int32_t y2, Ints& values) {
    const std::int32_t a = y1 - y2, b = x2 - x1;
    values = x1 * y2 - x2 * y1 + tie(a, b) + a * kStep * kPlaces;
  };
  Ints ab, bc, ca;  // the edges' values at the samples of the row
  along_row(xa, ya, xb, yb, ab);
  along_row(xb, yb, xc, yc, bc);
  along_row(xc, yc, xa, ya, ca);
  const std::int32_t ab_down = (xb - xa) * kStep, bc_down = (xc - xb) * kStep, ca_down = (xa - xc) * kStep;
  const double step = s.sx * static_cast<double>(kSubPixels);
  const Doubles along = step * __builtin_convertvector(start + kPlaces, Doubles);
  std::size_t offset =
      static_cast<std::size_t>(s.first_row) * static_cast<std::size_t>(grid.width) + static_cast<std::size_t>(start);
  Ints newly{};
  for (int row = s.first_row; row <= s.last_row; ++row, offset += static_cast<std::size_t>(grid.width)) {
    const Ints inside = (ab | bc | ca) >= 0;
    ab += ab_down, bc += bc_down, ca += ca_down;
    const Floats value = __builtin_convertvector(closeness_at_start(s, row) + along, Floats);
    Floats closeness;
    std::memcpy(&closeness, grid.closeness + offset, sizeof closeness);
    const Ints closer = inside & (value > closeness);
    closeness = closer ? value : closeness;
    std::memcpy(grid.closeness + offset, &closeness, sizeof closeness);
    if (grid.surface == nullptr) continue;
    Ints surface;
    std::memcpy(&surface, grid.surface + offset, sizeof surface);
    surface = closer ? static_cast<std::int32_t>(s.surface) + Ints{} : surface;
    std::memcpy(grid.surface + offset, &surface, sizeof surface);
    if (grid.stamp == nullptr) continue;
    Ints stamp;
    std::memcpy(&stamp, grid.stamp + offset, sizeof stamp);
    newly -= inside & (stamp != grid.owner);
    stamp = inside ? grid.owner + Ints{} : stamp;
    std::memcpy(grid.stamp + offset, &stamp, sizeof stamp);
  }
  int sum = 0;
  for (int k = 0; k < kWide; ++k) sum += newly[k];
  return sum;
}

inline bool is_small(const SampleGrid& grid, const Setup& s) {
  if (s.last_column - s.first_column >= kWide || grid.width < kWide) return false;
  const auto near_a = [](std::int64_t d) { return d < kSmall && d > -kSmall; };
  return near_a(s.xb - s.xa) && near_a(s.xc - s.xa) && near_a(s.yb - s.ya) && near_a(s.yc - s.ya);
}

}  // namespace

BITEMARK_WIDE int draw_triangles(const SampleGrid& grid, const std::array<std::uint32_t, 3>* triangles, int count,
                                 const ScreenCorner* corners, std::uint32_t surface) {
  int newly = 0;
  Setup s;
  for (int t = 0; t < count; ++t) {
    const auto& [a, b, c] = triangles[t];
    if (!set_up(grid, corners[a], corners[b], corners[c], s)) continue;
    s.surface = surface + static_cast<std::uint32_t>(t);
    newly += is_small(grid, s) ? draw_small(grid, s) : draw_spans(grid, s);
  }
  return newly;
}

}  // namespace bitemark::sim
