#include "sim/shade.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <utility>

#include "sim/palette.h"
#include "sim/shade_batch.h"

namespace bitemark::sim {
namespace {

constexpr int kSegment = 8;             // pixels that are kept or shaded together
constexpr int kStretch = 8 * kSegment;  // asked for first: most of a picture is kept in longer pieces

}  // namespace

const Frame& Shader::render(const std::vector<DrawItem>& items, const Camera& camera, const Lighting& lighting,
                            int width, int height, int grid, VisibilityBuffer* seen) {
  const bool whole = std::exchange(whole_, false);
  std::swap(now_, before_);  // the buffers of two pictures ago are filled again
  now_.items = items;
  now_.camera = camera;
  now_.lighting = lighting;
  grid_ = grid;
  const int shadow_texels = std::clamp((lighting.sky ? 4 : 2) * std::max(width, height), 256, 1024);
  draw_shadow_map(now_.items, lighting, shadow_texels);
  prepare(now_.items, camera);
  projector_ = {false, static_cast<float>(grid * camera.fx), static_cast<float>(grid * camera.fy),
                static_cast<float>(grid * camera.cx), static_cast<float>(grid * camera.cy)};
  if (seen != nullptr) {
    std::swap(now_.samples, *seen);
  } else {
    now_.samples.clear(grid * width, grid * height);
    rasterizer_.draw(poses_, projector_, now_.samples);
  }
  sample_angle_ = 1.0F / projector_.fx;
  aim_rays(now_.samples.width, now_.samples.height);
  reuse_ = {};
  if (whole) reuse_.compare(before_, now_, projector_, X_WC_, shadow_from_camera_, shadow_projector_);
  if (last_.width != width || last_.height != height) last_ = Frame(width, height);
  kept_pixels_ = 0;
  for (int y = 0; y < height; ++y) shade_row(y, last_);
  kept_ = static_cast<double>(kept_pixels_) / (static_cast<double>(width) * height);
  whole_ = true;
  return last_;
}

/// Pixels of a row that have to be shaded, until there are enough for one go.
struct Shader::Pending {
  int row = 0, pixels = 0;
  std::array<int, kLanes> column;
};

/// Segments that nothing has changed stay as they are.
void Shader::shade_row(int row, Frame& frame) {
  const int most = kLanes / (grid_ * grid_);
  Pending pending;
  pending.row = row;
  const auto keeps = [&](int first, int end) {
    return reuse_.keeps(before_, now_, grid_ * first, grid_ * end, grid_ * row, grid_ * (row + 1));
  };
  int kept_until = 0;
  for (int first = 0; first < frame.width; first += kSegment) {
    const int end = std::min(first + kSegment, frame.width), far = std::min(first + kStretch, frame.width);
    if (first % kStretch == 0 && keeps(first, far)) kept_until = far;
    if (first < kept_until || keeps(first, end)) {
      kept_pixels_ += end - first;
      continue;
    }
    for (int x = first; x < end; ++x) {
      pending.column[static_cast<std::size_t>(pending.pixels++)] = x;
      if (pending.pixels == most) shade_pixels(pending, frame);
    }
  }
  if (pending.pixels > 0) shade_pixels(pending, frame);
}

/// Samples of one item are shaded together.
void Shader::shade_pixels(Pending& pending, Frame& frame) {
  Samples samples;
  find_samples(pending, samples);
  Batch batch;
  Lanes3 color;
  std::array<bool, kLanes> done{};
  for (int i = 0; i < samples.count; ++i) {
    if (done[static_cast<std::size_t>(i)]) continue;
    const std::uint32_t surface = samples.surface[static_cast<std::size_t>(i)];
    if (surface == kNoSurface) {
      color.set(i, background(samples.ray_x[i], samples.ray_y[i]));
      continue;
    }
    collect(i, samples, done, batch);
    shade(now_.prepared[VisibilityBuffer::item_of(surface)], batch);
    for (int n = 0; n < batch.count; ++n) color.set(batch.place[static_cast<std::size_t>(n)], batch.color.at(n));
  }
  write(pending, color, frame);
  pending.pixels = 0;
}

void Shader::find_samples(const Pending& pending, Samples& samples) const {
  int n = 0;
  for (int i = 0; i < pending.pixels; ++i) {
    for (int k = 0; k < grid_ * grid_; ++k, ++n) {
      const auto x = static_cast<std::size_t>(grid_ * pending.column[static_cast<std::size_t>(i)] + (k & (grid_ - 1)));
      const auto y = static_cast<std::size_t>(grid_ * pending.row + (k >> (grid_ - 1)));
      const std::size_t at = y * static_cast<std::size_t>(now_.samples.width) + x;
      samples.surface[static_cast<std::size_t>(n)] = now_.samples.surface[at];
      samples.closeness[n] = now_.samples.closeness[at];
      samples.ray_x[n] = ray_x_[x];
      samples.ray_y[n] = ray_y_[y];
    }
  }
  samples.count = n;
}

/// All samples from `from` on that show the item of that one, in order.
void Shader::collect(int from, const Samples& samples, std::array<bool, kLanes>& done, Batch& batch) {
  const std::uint32_t item = VisibilityBuffer::item_of(samples.surface[static_cast<std::size_t>(from)]);
  int n = 0;
  for (int k = from; k < samples.count; ++k) {
    const std::uint32_t other = samples.surface[static_cast<std::size_t>(k)];
    const bool mine = VisibilityBuffer::item_of(other) == item;
    done[static_cast<std::size_t>(k)] |= mine;
    batch.place[static_cast<std::size_t>(n)] = k;  // overwritten by the next unless it is mine
    batch.triangle[static_cast<std::size_t>(n)] = VisibilityBuffer::triangle_of(other);
    batch.closeness[n] = samples.closeness[k];
    batch.ray_x[n] = samples.ray_x[k];
    batch.ray_y[n] = samples.ray_y[k];
    n += mine ? 1 : 0;
  }
  batch.count = n;
}

namespace {

/// Places in the table of sRGB of the means of `per_pixel` neighbours each.
BITEMARK_WIDE void places_of_means(const float* light, int per_pixel, int pixels, std::int32_t* place) {
  if (per_pixel == 1) {
    for (int i = 0; i < pixels; ++i) place[i] = srgb_place(light[i]);
    return;
  }
  for (int i = 0; i < pixels; ++i, light += 4) {
    place[i] = srgb_place(0.25F * (light[0] + light[1] + light[2] + light[3]));
  }
}

}  // namespace

/// The mean of each pixel's samples.
void Shader::write(const Pending& pending, const Lanes3& color, Frame& frame) const {
  const int per_pixel = grid_ * grid_;
  std::array<std::array<std::int32_t, kLanes>, 3> place;
  places_of_means(color.x.value.data(), per_pixel, pending.pixels, place[0].data());
  places_of_means(color.y.value.data(), per_pixel, pending.pixels, place[1].data());
  places_of_means(color.z.value.data(), per_pixel, pending.pixels, place[2].data());
  const std::uint8_t* table = srgb_table();
  for (std::size_t i = 0; i < static_cast<std::size_t>(pending.pixels); ++i) {
    std::uint8_t* out = frame.at(pending.column[i], pending.row);
    out[0] = table[place[0][i]];
    out[1] = table[place[1][i]];
    out[2] = table[place[2][i]];
  }
}

/// Directions of the samples' columns and rows, at z = 1.
void Shader::aim_rays(int columns, int rows) {
  ray_x_.resize(static_cast<std::size_t>(columns));
  ray_y_.resize(static_cast<std::size_t>(rows));
  for (int x = 0; x < columns; ++x)
    ray_x_[static_cast<std::size_t>(x)] = (static_cast<float>(x) + 0.5F - projector_.cx) / projector_.fx;
  for (int y = 0; y < rows; ++y)
    ray_y_[static_cast<std::size_t>(y)] = (static_cast<float>(y) + 0.5F - projector_.cy) / projector_.fy;
}

void Shader::draw_shadow_map(const std::vector<DrawItem>& items, const Lighting& lighting, int size) {
  const V3 l = lighting.towards_light;
  const Vec3 z{-static_cast<double>(l.x), -static_cast<double>(l.y), -static_cast<double>(l.z)};
  const Vec3 side = std::abs(z[2]) > 0.9 ? Vec3{1, 0, 0} : Vec3{0, 0, 1};
  const Vec3 x = normalized(cross(side, z));
  const Vec3 y = cross(z, x);
  const V3 c = lighting.stage_center;
  const Pose X_WL{{c.x, c.y, c.z}, from_columns(x, y, z)};
  const Pose X_LW = inverse(X_WL);
  X_LW_ = to_affine(X_LW);
  const float scale = static_cast<float>(size) / (2 * lighting.stage_radius);
  shadow_projector_ = {
      true, scale, scale, static_cast<float>(size) / 2, static_cast<float>(size) / 2, 0, 2 * lighting.stage_radius};
  poses_.clear();
  for (const DrawItem& item : items) {
    if (item.casts_shadow) poses_.push_back({item.mesh.get(), to_affine(compose(X_LW, item.X_WB))});
  }
  shadows_.draw(poses_, shadow_projector_, size, now_.shadow);
}

void Shader::prepare(const std::vector<DrawItem>& items, const Camera& camera) {
  now_.prepared.clear();
  poses_.clear();
  const Pose X_CW = inverse(camera.X_WC);
  X_WC_ = to_affine(camera.X_WC);
  for (const DrawItem& item : items) {
    const Pose X_BW = inverse(item.X_WB);
    const Affine to_body = to_affine(X_BW);
    PreparedItem p;
    p.item = &item;
    p.X_BC = to_affine(compose(X_BW, camera.X_WC));
    p.X_WB = to_affine(item.X_WB);
    p.light_B = to_body.vector(now_.lighting.towards_light);
    p.up_B = to_body.vector({0, 0, 1});
    p.eye_B = p.X_BC.t;
    now_.prepared.push_back(p);
    poses_.push_back({item.mesh.get(), to_affine(compose(X_CW, item.X_WB))});
  }
  const Affine& L = X_LW_;
  Affine combined;
  for (int r = 0; r < 3; ++r) {
    const V3 row = L.row[r];
    combined.row[r] = row.x * X_WC_.row[0] + row.y * X_WC_.row[1] + row.z * X_WC_.row[2];
  }
  combined.t = L.point(X_WC_.t);
  shadow_from_camera_ = combined;
}

}  // namespace bitemark::sim
