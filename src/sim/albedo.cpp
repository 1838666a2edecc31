#include "sim/albedo.h"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <stdexcept>

#include "sim/sdf.h"
#include "sim/texture.h"

namespace bitemark::sim {
namespace {

float square(float x) { return x * x; }

/// The plane that a point of an upright or level face lies in, as texture coordinates [m].
void face_coordinates(V3 p, V3 n, float& u, float& v) {
  const float ax = std::abs(n.x), ay = std::abs(n.y), az = std::abs(n.z);
  const bool level = (az >= ax) & (az >= ay);
  u = !level & (ax >= ay) ? p.y : p.x;
  v = level ? p.y : p.z;
}

/// A painted texture that repeats after `period` metres. First all places, then all values: the places are computed
/// several at a time.
BITEMARK_WIDE void places_of(const Surface& s, float period, const Lanes3& p, const Lanes3& n, const Lanes& footprint,
                             int count, Lanes& u, Lanes& v, Lanes& wide) {
  const float c = s.texture_cos, r = s.texture_sin, shift_x = s.texture_shift.x, shift_y = s.texture_shift.y;
  for (int i = 0; i < count; ++i) {
    float along = 0, across = 0;
    face_coordinates(p.at(i), n.at(i), along, across);
    u[i] = (c * along - r * across + shift_x) / period;
    v[i] = (r * along + c * across + shift_y) / period;
    wide[i] = footprint[i] / period;
  }
}

void textured(const Texture& texture, float period, const Surface& s, const Lanes3& p, const Lanes3& n,
              const Lanes& footprint, int count, Lanes3& albedo) {
  Lanes u, v, wide, value;
  places_of(s, period, p, n, footprint, count, u, v, wide);
  texture.sample(u, v, wide, count, value);
  for (int i = 0; i < count; ++i) albedo.set(i, value[i] * s.color);
}

/// Crust with chocolate chips outside, pale crumb where a bite has opened it.
V3 cookie_albedo(const Surface& s, V3 p, float footprint) {
  const float grain = crumb_texture().sample(p.x / 0.35F + p.z, p.y / 0.35F - p.z, footprint / 0.35F);
  const bool inside = cookie_distance(p, s.size.x, s.size.z) < -0.008F;
  for (const V3& chip : s.chips) {
    if (square(p.x - chip.x) + square(p.y - chip.y) < square(chip.z * (inside ? 0.8F : 1.0F))) {
      return V3{0.055F, 0.022F, 0.012F};
    }
  }
  if (inside) return square(grain) * V3{0.80F, 0.56F, 0.26F};
  return grain * s.color;
}

constexpr float kRim = 1.7F;  // of a groove: how far the sand that it displaced reaches, in half widths

/// The point of a mark's line that lies nearest, and the unit vector from it.
struct Nearest {
  float distance = 1e9F, away_x = 0, away_y = 0;
};
Nearest nearest_on(const Mark& mark, V3 p) {
  float best = 1e18F, best_x = 0, best_y = 0;
  for (const Mark::Segment& s : mark.segments) {
    const float dx = s.bx - s.ax, dy = s.by - s.ay, length2 = dx * dx + dy * dy;
    const float part = length2 > 0 ? std::clamp(((p.x - s.ax) * dx + (p.y - s.ay) * dy) / length2, 0.0F, 1.0F) : 0.0F;
    const float x = p.x - (s.ax + part * dx), y = p.y - (s.ay + part * dy);
    const float d2 = x * x + y * y;
    if (d2 < best) best = d2, best_x = x, best_y = y;
  }
  const float d = std::sqrt(best);
  return d > 1e-6F ? Nearest{d, best_x / d, best_y / d} : Nearest{d, 0, 0};
}

}  // namespace

Material material_from_name(const std::string& name) {
  static const std::pair<const char*, Material> kNames[] = {
      {"plain", Material::kPlain},   {"octants", Material::kOctants}, {"wood", Material::kWood},
      {"tiles", Material::kTiles},   {"plaster", Material::kPlaster}, {"canvas", Material::kCanvas},
      {"cookie", Material::kCookie}, {"enamel", Material::kEnamel},   {"sand", Material::kSand},
      {"blocks", Material::kBlocks}};
  for (const auto& [known, material] : kNames) {
    if (name == known) return material;
  }
  throw std::invalid_argument("unknown material '" + name + "'");
}

void albedo_of(const Surface& s, const Lanes3& p, const Lanes3& n, const Lanes& footprint, int count, Lanes3& albedo) {
  const auto paint = [&](const Texture& texture, float period) {
    textured(texture, period, s, p, n, footprint, count, albedo);
  };
  switch (s.material) {
    case Material::kPlain:
    case Material::kEnamel:
      for (int i = 0; i < count; ++i) albedo.set(i, s.color);
      return;
    case Material::kOctants: {  // two tones of one hue, so that every rotation shows
      const V3 dark = 0.52F * s.color;
      for (int i = 0; i < count; ++i) {
        const bool light = (p.x[i] > 0) ^ (p.y[i] > 0) ^ (p.z[i] > 0);
        albedo.set(i, light ? s.color : dark);
      }
      return;
    }
    case Material::kWood:
      return paint(wood_texture(), 2.4F);
    case Material::kTiles:
      return paint(tiles_texture(), 2.8F);
    case Material::kPlaster:
      return paint(plaster_texture(), 1.7F);
    case Material::kCanvas:
      return paint(canvas_texture(), 1.3F);
    case Material::kSand:
      return paint(sand_texture(), 1.1F);
    case Material::kBlocks:  // by face: block_albedo()
      for (int i = 0; i < count; ++i) albedo.set(i, s.color);
      return;
    case Material::kCookie:
      for (int i = 0; i < count; ++i) albedo.set(i, cookie_albedo(s, p.at(i), footprint[i]));
      return;
  }
}

void apply_marks(const std::vector<Mark>& marks, V3 p, float footprint, V3& albedo, V3& normal) {
  for (const Mark& mark : marks) {
    const float margin = (mark.dent ? kRim : 1.0F) * mark.half_width + footprint;
    if (p.x < mark.low_x - margin || p.x > mark.high_x + margin || p.y < mark.low_y - margin ||
        p.y > mark.high_y + margin) {
      continue;
    }
    const Nearest nearest = nearest_on(mark, p);
    if (!mark.dent) {
      const float cover =
          std::clamp((mark.half_width - nearest.distance) / std::max(footprint, 1e-4F) + 0.5F, 0.0F, 1.0F);
      const float weave = canvas_texture().sample(p.x / 1.3F, p.y / 1.3F, footprint / 1.3F);
      albedo = (1 - cover) * albedo + (cover * (0.6F + 0.4F * weave)) * mark.color;
      continue;
    }
    const float t = nearest.distance / mark.half_width;
    if (t >= kRim) continue;
    const float pi = std::numbers::pi_v<float>;
    const float slope = t < 1 ? 0.95F * std::sin(pi * t) : -0.5F * std::sin(pi * (t - 1) / (kRim - 1));
    if (t < 1) albedo = 0.80F * albedo;
    normal = normalized(normal - V3{slope * nearest.away_x, slope * nearest.away_y, 0});
  }
}

float gloss_of(Material material) {
  return material == Material::kOctants ? 0.22F : material == Material::kEnamel ? 0.30F : 0.0F;
}

}  // namespace bitemark::sim
