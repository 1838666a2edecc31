#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>

#include "sim/shade.h"
#include "sim/shade_batch.h"

namespace bitemark::sim {
namespace {

constexpr V3 kSun{1.06F, 1.00F, 0.90F};       // linear radiance times 1/pi of a white surface that faces the light
constexpr V3 kSky{0.46F, 0.49F, 0.54F};       // ambient from above
constexpr V3 kBounce{0.34F, 0.31F, 0.28F};    // ambient from below
constexpr V3 kBackdrop{0.33F, 0.36F, 0.40F};  // where nothing is
constexpr float kThickestHaze = 0.86F;        // what has a label can be made out
constexpr float kShadowSoftness = 1.6F;       // half width of the filter [texels]

/// The interpolated normal where p lies in a triangle of a smooth mesh.
V3 smooth_normal(const Mesh& mesh, std::uint32_t triangle, V3 p) {
  const auto& [a, b, c] = mesh.triangles[triangle];
  const V3 w = barycentric(p, mesh.positions[a], mesh.positions[b], mesh.positions[c]);
  return normalized(w.x * mesh.normals[a] + w.y * mesh.normals[b] + w.z * mesh.normals[c]);
}

/// x^32, Blinn-Phong's exponent for a satin paint.
float satin(float x) {
  x *= x;
  x *= x;
  x *= x;
  x *= x;
  return x * x;
}

}  // namespace

BITEMARK_WIDE void Shader::normals_of(const PreparedItem& prepared, Batch& batch) const {
  const Mesh& mesh = *prepared.item->mesh;
  const auto triangle = [&](int i) { return batch.triangle[static_cast<std::size_t>(i)]; };
  switch (mesh.surface) {
    case Mesh::Surface::kSphere:
      for (int i = 0; i < batch.count; ++i) batch.n_B.set(i, normalized(batch.p_B.at(i)));
      return;
    case Mesh::Surface::kFlat:
      for (int i = 0; i < batch.count; ++i) batch.n_B.set(i, mesh.face_normals[triangle(i)]);
      return;
    case Mesh::Surface::kSmooth:
      for (int i = 0; i < batch.count; ++i) batch.n_B.set(i, smooth_normal(mesh, triangle(i), batch.p_B.at(i)));
      return;
  }
}

/// Where a point of a body that deforms lies at rest: textures stay on it.
V3 Shader::rest_of(const PreparedItem& prepared, std::uint32_t triangle, V3 p) const {
  const Mesh& mesh = *prepared.item->mesh;
  const auto& [a, b, c] = mesh.triangles[triangle];
  const V3 w = barycentric(p, mesh.positions[a], mesh.positions[b], mesh.positions[c]);
  return w.x * mesh.rest[a] + w.y * mesh.rest[b] + w.z * mesh.rest[c];
}

namespace {

/// The light frame of one picture.
struct ShadowMap {
  const float* closeness;
  int size;
  float far;
};

using FourFloats = float __attribute__((vector_size(16)));
using FourInts = std::int32_t __attribute__((vector_size(16)));

/// Four texels of a row, each as its weight where light reaches past it to `mine`.
inline FourFloats lit_texels(const float* texels, float mine, const FourFloats& weights) {
  FourFloats nearest;
  std::memcpy(&nearest, texels, sizeof nearest);
  return reinterpret_cast<FourFloats>((nearest <= mine) & reinterpret_cast<FourInts>(weights));
}

/// The sums of four vectors, each from its first element on.
inline FourFloats sums_of(const FourFloats& p, const FourFloats& q, const FourFloats& r, const FourFloats& s) {
  const FourFloats pq_low = __builtin_shufflevector(p, q, 0, 4, 1, 5),
                   rs_low = __builtin_shufflevector(r, s, 0, 4, 1, 5);
  const FourFloats pq_high = __builtin_shufflevector(p, q, 2, 6, 3, 7),
                   rs_high = __builtin_shufflevector(r, s, 2, 6, 3, 7);
  return __builtin_shufflevector(pq_low, rs_low, 0, 1, 4, 5) + __builtin_shufflevector(pq_low, rs_low, 2, 3, 6, 7) +
         __builtin_shufflevector(pq_high, rs_high, 0, 1, 4, 5) + __builtin_shufflevector(pq_high, rs_high, 2, 3, 6, 7);
}

/// Part of the light that arrives at p (light frame, texels), by percentage-closer filtering (Reeves et al. 1987): a
/// tent over 4 x 4 texels, the centre 2 x 2 whole, the rim by how far the sample lies to each side. First all places,
/// then the texels of four samples at a time.
BITEMARK_WIDE void shadows_at(const ShadowMap& map, const Lanes3& p, const Lanes& bias, int count, Lanes& lit) {
  std::array<std::int32_t, kLanes> corner{};
  Lanes a, b, mine;
  const int size = map.size;
  const auto last = static_cast<float>(size - 5);
  for (int i = 0; i < count; ++i) {
    const bool outside = (p.x[i] < 4) | (p.y[i] < 4) | (p.x[i] > last) | (p.y[i] > last);
    const float fu = outside ? 4.0F : p.x[i] - 0.5F, fv = outside ? 4.0F : p.y[i] - 0.5F;
    const int column = static_cast<int>(fu), row = static_cast<int>(fv);
    a[i] = fu - static_cast<float>(column);
    b[i] = fv - static_cast<float>(row);
    corner[static_cast<std::size_t>(i)] = (row - 1) * size + column - 1;
    mine[i] = map.far - p.z[i] + bias[i] + 0.004F;
  }
  for (int i = count; i % 4 != 0; ++i) a[i] = b[i] = mine[i] = 0;
  for (int i = 0; i < count; i += 4) {
    FourFloats sum{}, down;
    std::memcpy(&down, &b[i], sizeof down);
    const FourFloats one = 1 + FourFloats{};
    for (int y = 0; y < 4; ++y) {
      const auto texels = [&](int k) {
        const FourFloats weights{1 - a[i + k], 1, 1, a[i + k]};
        return lit_texels(map.closeness + y * size + corner[static_cast<std::size_t>(i + k)], mine[i + k], weights);
      };
      const FourFloats weight = y == 0 ? 1 - down : y == 3 ? down : one;
      sum += weight * sums_of(texels(0), texels(1), texels(2), texels(3));
    }
    std::memcpy(&lit[i], &sum, sizeof sum);
  }
  for (int i = 0; i < count; ++i) {
    const bool outside = (p.x[i] < 4) | (p.y[i] < 4) | (p.x[i] > last) | (p.y[i] > last);
    lit[i] = outside ? 1.0F : lit[i] / 9;
  }
}

}  // namespace

BITEMARK_WIDE void Shader::sun_at(const PreparedItem& prepared, Batch& batch) const {
  const float texel = 1 / shadow_projector_.fx;
  Lanes bias, lit;
  Lanes3 p;
  bool any = false;
  for (int i = 0; i < batch.count; ++i) {
    const float facing = dot(batch.n_B.at(i), prepared.light_B);
    const float slope = std::min(std::sqrt(std::max(1 - facing * facing, 0.0F)) / std::max(facing, 0.1F), 4.0F);
    batch.facing[i] = facing;
    bias[i] = texel * (1.0F + kShadowSoftness * slope);
    const V3 light = shadow_from_camera_.point(batch.p_C.at(i));
    p.set(i, {shadow_projector_.fx * light.x + shadow_projector_.cx,
              shadow_projector_.fy * light.y + shadow_projector_.cy, light.z});
  }
  for (int i = 0; i < batch.count; ++i) any |= batch.facing[i] > 0;
  if (any) {
    shadows_at({now_.shadow.depth.closeness.data(), now_.shadow.depth.width, shadow_projector_.far}, p, bias,
               batch.count, lit);
  } else {
    for (int i = 0; i < batch.count; ++i) lit[i] = 0;
  }
  const float brightness = now_.lighting.brightness;
  for (int i = 0; i < batch.count; ++i) {
    const float facing = batch.facing[i];
    batch.sun[i] = facing > 0 ? brightness * facing * lit[i] : 0;
  }
}

/// Ambient light that bounding spheres of neighbours leave: 1 - cos * (r/d)^2 each (Quilez, "sphere ambient
/// occlusion").
BITEMARK_WIDE void Shader::ambient_at(const PreparedItem& prepared, Batch& batch) const {
  for (int i = 0; i < batch.count; ++i) batch.open[i] = 1;
  for (const PreparedItem& other : now_.prepared) {
    const float r = other.item->dimming_radius;
    if (r <= 0 || other.item->owner == prepared.item->owner) continue;
    for (int i = 0; i < batch.count; ++i) {
      const V3 d = other.X_WB.t - batch.p_W.at(i);
      const float d2 = dot(d, d);
      const float facing = dot(d, batch.n_W.at(i));
      const float left = 1 - std::min(1.0F, facing * r * r / (d2 * std::sqrt(d2)));
      batch.open[i] *= (facing <= 0) | (d2 > 16 * r * r) ? 1.0F : left;
    }
  }
  for (int i = 0; i < batch.count; ++i) batch.open[i] = std::max(batch.open[i], 0.25F);
}

V3 Shader::lamps_at(V3 p_W, V3 n_W) const {
  V3 sum;
  for (const PointLight& lamp : now_.lighting.lamps) {
    const V3 d = lamp.position - p_W;
    const float d2 = std::max(dot(d, d), 0.01F);
    const float facing = dot(d, n_W) / std::sqrt(d2);
    if (facing > 0) sum = sum + (facing / d2) * lamp.color;
  }
  return sum;
}

/// Albedo and ambient light, which belong to each face of a mesh of blocks.
void Shader::paint_blocks(const PreparedItem& prepared, Batch& batch) const {
  const Mesh& mesh = *prepared.item->mesh;
  for (int i = 0; i < batch.count; ++i) {
    const std::uint32_t face = batch.triangle[static_cast<std::size_t>(i)] / 2;
    const V3 p = batch.p_B.at(i);
    batch.albedo.set(
        i, block_albedo(mesh.block_faces[face], prepared.item->surface.aim, p, batch.n_B.at(i), batch.footprint[i]));
    batch.open[i] = block_light(mesh.block_faces[face], &mesh.positions[mesh.triangles[2 * face][0]], p);
  }
}

/// Haze: far things take the colour of the horizon.
void Shader::fade(Batch& batch) const {
  for (int i = 0; i < batch.count; ++i) {
    const V3 p = batch.p_C.at(i);
    const float far = (std::sqrt(dot(p, p)) - now_.lighting.fog_from) / (now_.lighting.fog_to - now_.lighting.fog_from);
    const float haze = kThickestHaze * std::clamp(far, 0.0F, 1.0F);
    batch.color.set(i, (1 - haze) * batch.color.at(i) + (now_.lighting.brightness * haze) * horizon_color());
  }
}

V3 Shader::background(float ray_x, float ray_y) const {
  if (!now_.lighting.sky) return now_.lighting.brightness * kBackdrop;
  return now_.lighting.brightness * sky_color(X_WC_.vector(normalized(V3{ray_x, ray_y, 1})));
}

BITEMARK_WIDE void Shader::shade(const PreparedItem& prepared, Batch& batch) const {
  const Surface& s = prepared.item->surface;
  const int count = batch.count;
  for (int i = 0; i < count; ++i) {
    const float z = 1 / batch.closeness[i];
    batch.p_C.set(i, {batch.ray_x[i] * z, batch.ray_y[i] * z, z});
    batch.p_B.set(i, prepared.X_BC.point(batch.p_C.at(i)));
  }
  normals_of(prepared, batch);
  for (int i = 0; i < count; ++i) {
    const V3 to_eye = normalized(prepared.eye_B - batch.p_B.at(i));
    const float tilt = std::max(std::abs(dot(batch.n_B.at(i), to_eye)), 0.25F);  // how obliquely the sample falls
    batch.to_eye.set(i, to_eye);
    batch.footprint[i] = sample_angle_ * batch.p_C.z[i] / tilt;
  }
  const bool blocks = s.material == Material::kBlocks;
  if (blocks) {
    paint_blocks(prepared, batch);
  } else {
    albedo_of(s, batch.p_B, batch.n_B, batch.footprint, count, batch.albedo);
  }
  if (s.marks != nullptr) {
    for (int i = 0; i < count; ++i) {
      if (batch.n_B.z[i] <= 0.9F) continue;
      V3 albedo = batch.albedo.at(i), normal = batch.n_B.at(i);
      apply_marks(*s.marks, batch.p_B.at(i), batch.footprint[i], albedo, normal);
      batch.albedo.set(i, albedo);
      batch.n_B.set(i, normal);
    }
  }
  sun_at(prepared, batch);
  for (int i = 0; i < count; ++i) {
    batch.p_W.set(i, X_WC_.point(batch.p_C.at(i)));
    batch.n_W.set(i, prepared.X_WB.vector(batch.n_B.at(i)));
  }
  if (!blocks) ambient_at(prepared, batch);
  for (int i = 0; i < count; ++i) {
    const float up = 0.5F + 0.5F * dot(batch.n_B.at(i), prepared.up_B);
    const V3 sky = (now_.lighting.brightness * batch.open[i]) * (up * kSky + (1 - up) * kBounce);
    batch.color.set(i, batch.sun[i] * kSun + sky);
  }
  if (!now_.lighting.lamps.empty()) {
    for (int i = 0; i < count; ++i) batch.color.set(i, batch.color.at(i) + lamps_at(batch.p_W.at(i), batch.n_W.at(i)));
  }
  for (int i = 0; i < count; ++i) batch.color.set(i, batch.albedo.at(i) * batch.color.at(i));
  if (prepared.item->glow > 0) {
    for (int i = 0; i < count; ++i) batch.color.set(i, batch.color.at(i) + prepared.item->glow * s.color);
  }
  if (now_.lighting.sky) fade(batch);
  const float gloss = gloss_of(s.material);
  if (gloss <= 0) return;
  for (int i = 0; i < count; ++i) {
    const float highlight = dot(batch.n_B.at(i), normalized(prepared.light_B + batch.to_eye.at(i)));
    const float strength = (batch.sun[i] > 0) & (highlight > 0) ? gloss * batch.sun[i] * satin(highlight) : 0;
    batch.color.set(i, batch.color.at(i) + strength * V3{1, 1, 1});
  }
}

}  // namespace bitemark::sim
