#include "sim/shade.h"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <stdexcept>

#include "sim/palette.h"
#include "sim/sdf.h"
#include "sim/texture.h"

namespace bitemark::sim {
namespace {

constexpr V3 kSun{1.06F, 1.00F, 0.90F};       // linear radiance times 1/pi of a white surface that faces the light
constexpr V3 kSky{0.46F, 0.49F, 0.54F};       // ambient from above
constexpr V3 kBounce{0.34F, 0.31F, 0.28F};    // ambient from below
constexpr V3 kBackdrop{0.33F, 0.36F, 0.40F};  // where nothing is
constexpr float kShadowSoftness = 1.6F;       // half width of the filter [texels]

float square(float x) { return x * x; }

/// The plane that a point of an upright or level face lies in, as texture coordinates [m].
void face_coordinates(V3 p, V3 n, float& u, float& v) {
  const float ax = std::abs(n.x), ay = std::abs(n.y), az = std::abs(n.z);
  if (az >= ax && az >= ay) {
    u = p.x, v = p.y;
  } else if (ax >= ay) {
    u = p.y, v = p.z;
  } else {
    u = p.x, v = p.z;
  }
}

float textured(const Texture& texture, const Surface& s, V3 p, V3 n, float footprint, float period) {
  float u = 0, v = 0;
  face_coordinates(p, n, u, v);
  const float turned_u = s.texture_cos * u - s.texture_sin * v + s.texture_shift.x;
  const float turned_v = s.texture_sin * u + s.texture_cos * v + s.texture_shift.y;
  return texture.sample(turned_u / period, turned_v / period, footprint / period);
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

V3 albedo_of(const Surface& s, V3 p, V3 n, float footprint) {
  switch (s.material) {
    case Material::kPlain:
    case Material::kEnamel:
      return s.color;
    case Material::kOctants:  // two tones of one hue, so that every rotation shows
      return ((p.x > 0) ^ (p.y > 0) ^ (p.z > 0)) ? s.color : 0.52F * s.color;
    case Material::kWood:
      return textured(wood_texture(), s, p, n, footprint, 2.4F) * s.color;
    case Material::kTiles:
      return textured(tiles_texture(), s, p, n, footprint, 2.8F) * s.color;
    case Material::kPlaster:
      return textured(plaster_texture(), s, p, n, footprint, 1.7F) * s.color;
    case Material::kCanvas:
      return textured(canvas_texture(), s, p, n, footprint, 1.3F) * s.color;
    case Material::kSand:
      return textured(sand_texture(), s, p, n, footprint, 1.1F) * s.color;
    case Material::kCookie:
      return cookie_albedo(s, p, footprint);
  }
  return s.color;
}

/// Paint covers, with an edge as wide as a sample; what is dented is darker, as pressed sand is. Then the normal leans
/// away from the middle of a groove inside and from its rim outside.
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

/// x^32, Blinn-Phong's exponent for a satin paint.
float satin(float x) {
  x *= x;
  x *= x;
  x *= x;
  x *= x;
  return x * x;
}

}  // namespace

Material material_from_name(const std::string& name) {
  static const std::pair<const char*, Material> kNames[] = {
      {"plain", Material::kPlain},   {"octants", Material::kOctants}, {"wood", Material::kWood},
      {"tiles", Material::kTiles},   {"plaster", Material::kPlaster}, {"canvas", Material::kCanvas},
      {"cookie", Material::kCookie}, {"enamel", Material::kEnamel},   {"sand", Material::kSand}};
  for (const auto& [known, material] : kNames) {
    if (name == known) return material;
  }
  throw std::invalid_argument("unknown material '" + name + "'");
}

Frame Shader::render(const std::vector<DrawItem>& items, const Camera& camera, const Lighting& lighting, int width,
                     int height) {
  lighting_ = lighting;
  draw_shadow_map(items, lighting, std::clamp(2 * std::max(width, height), 256, 1024));
  prepare(items, camera, lighting);
  const Projector projector{false, static_cast<float>(2 * camera.fx), static_cast<float>(2 * camera.fy),
                            static_cast<float>(2 * camera.cx), static_cast<float>(2 * camera.cy)};
  samples_.clear(2 * width, 2 * height);
  rasterizer_.draw(poses_, projector, samples_);
  sample_angle_ = 1.0F / projector.fx;

  Frame frame(width, height);
  for (int y = 0; y < height; ++y) {
    for (int x = 0; x < width; ++x) {
      V3 sum;
      for (int k = 0; k < 4; ++k) {
        const int sx = 2 * x + (k & 1), sy = 2 * y + (k >> 1);
        const std::size_t at =
            static_cast<std::size_t>(sy) * static_cast<std::size_t>(2 * width) + static_cast<std::size_t>(sx);
        const float ray_x = (static_cast<float>(sx) + 0.5F - projector.cx) / projector.fx;
        const float ray_y = (static_cast<float>(sy) + 0.5F - projector.cy) / projector.fy;
        sum = sum + (samples_.surface[at] == kNoSurface
                         ? lighting_.brightness * kBackdrop
                         : shade(samples_.surface[at], samples_.closeness[at], ray_x, ray_y));
      }
      std::uint8_t* out = frame.at(x, y);
      out[0] = to_srgb8(0.25F * sum.x);
      out[1] = to_srgb8(0.25F * sum.y);
      out[2] = to_srgb8(0.25F * sum.z);
    }
  }
  return frame;
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
  shadow_.clear(size, size);
  rasterizer_.draw(poses_, shadow_projector_, shadow_);
}

void Shader::prepare(const std::vector<DrawItem>& items, const Camera& camera, const Lighting& lighting) {
  prepared_.clear();
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
    p.light_B = to_body.vector(lighting.towards_light);
    p.up_B = to_body.vector({0, 0, 1});
    p.eye_B = p.X_BC.t;
    prepared_.push_back(p);
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

V3 Shader::normal_of(const PreparedItem& prepared, std::uint32_t triangle, V3 p) const {
  const Mesh& mesh = *prepared.item->mesh;
  if (mesh.surface == Mesh::Surface::kSphere) return normalized(p);
  if (mesh.surface == Mesh::Surface::kFlat) return mesh.face_normals[triangle];
  const auto& [a, b, c] = mesh.triangles[triangle];
  const V3 e1 = mesh.positions[b] - mesh.positions[a], e2 = mesh.positions[c] - mesh.positions[a];
  const V3 q = p - mesh.positions[a];
  const float d11 = dot(e1, e1), d12 = dot(e1, e2), d22 = dot(e2, e2), q1 = dot(q, e1), q2 = dot(q, e2);
  const float det = d11 * d22 - d12 * d12;
  if (det <= 0) return mesh.normals[a];
  const float v = (d22 * q1 - d12 * q2) / det, w = (d11 * q2 - d12 * q1) / det;
  return normalized((1 - v - w) * mesh.normals[a] + v * mesh.normals[b] + w * mesh.normals[c]);
}

/// Where a point of a body that deforms lies at rest: textures stay on it.
V3 Shader::rest_of(const PreparedItem& prepared, std::uint32_t triangle, V3 p) const {
  const Mesh& mesh = *prepared.item->mesh;
  const auto& [a, b, c] = mesh.triangles[triangle];
  const V3 w = barycentric(p, mesh.positions[a], mesh.positions[b], mesh.positions[c]);
  return w.x * mesh.rest[a] + w.y * mesh.rest[b] + w.z * mesh.rest[c];
}

/// Part of the light that arrives, by percentage-closer filtering over 3 x 3 taps (Reeves et al. 1987).
float Shader::shadow_at(V3 p_C, float slope) const {
  const V3 p = shadow_from_camera_.point(p_C);
  const float u = shadow_projector_.fx * p.x + shadow_projector_.cx;
  const float v = shadow_projector_.fy * p.y + shadow_projector_.cy;
  const int size = shadow_.width;
  if (u < 4 || v < 4 || u > static_cast<float>(size - 5) || v > static_cast<float>(size - 5)) return 1;
  const float texel = 1 / shadow_projector_.fx;
  const float mine = shadow_projector_.far - p.z + texel * (1.0F + kShadowSoftness * slope) + 0.004F;
  // A tent over 4 x 4 texels: the centre 2 x 2 whole, the rim by how far the sample lies to each side.
  const float fu = u - 0.5F, fv = v - 0.5F;
  const int i = static_cast<int>(fu), j = static_cast<int>(fv);
  const float a = fu - static_cast<float>(i), b = fv - static_cast<float>(j);
  const float wu[4] = {1 - a, 1, 1, a}, wv[4] = {1 - b, 1, 1, b};
  float lit = 0;
  for (int y = 0; y < 4; ++y) {
    const float* row = shadow_.closeness.data() + static_cast<std::size_t>(j - 1 + y) * static_cast<std::size_t>(size) +
                       static_cast<std::size_t>(i - 1);
    const float sum = (row[0] <= mine ? wu[0] : 0) + (row[1] <= mine ? wu[1] : 0) + (row[2] <= mine ? wu[2] : 0) +
                      (row[3] <= mine ? wu[3] : 0);
    lit += wv[y] * sum;
  }
  return lit / 9;
}

/// Ambient light that bounding spheres of neighbours leave: 1 - cos * (r/d)^2 each (Quilez, "sphere ambient
/// occlusion").
float Shader::ambient_at(const PreparedItem& prepared, V3 p_W, V3 n_W) const {
  float open = 1;
  for (const PreparedItem& other : prepared_) {
    const float r = other.item->dimming_radius;
    if (r <= 0 || other.item->owner == prepared.item->owner) continue;
    const V3 d = other.X_WB.t - p_W;
    const float d2 = dot(d, d);
    const float facing = dot(d, n_W);
    if (facing <= 0 || d2 > 16 * r * r) continue;
    open *= 1 - std::min(1.0F, facing * r * r / (d2 * std::sqrt(d2)));
  }
  return std::max(open, 0.25F);
}

V3 Shader::lamps_at(V3 p_W, V3 n_W) const {
  V3 sum;
  for (const PointLight& lamp : lighting_.lamps) {
    const V3 d = lamp.position - p_W;
    const float d2 = std::max(dot(d, d), 0.01F);
    const float facing = dot(d, n_W) / std::sqrt(d2);
    if (facing > 0) sum = sum + (facing / d2) * lamp.color;
  }
  return sum;
}

V3 Shader::shade(std::uint32_t surface, float closeness, float ray_x, float ray_y) const {
  const PreparedItem& prepared = prepared_[VisibilityBuffer::item_of(surface)];
  const Surface& s = prepared.item->surface;
  const float z = 1 / closeness;
  const V3 p_C{ray_x * z, ray_y * z, z};
  const V3 p_B = prepared.X_BC.point(p_C);
  V3 n_B = normal_of(prepared, VisibilityBuffer::triangle_of(surface), p_B);
  const V3 to_eye = normalized(prepared.eye_B - p_B);
  const float tilt = std::max(std::abs(dot(n_B, to_eye)), 0.25F);  // how obliquely the sample falls
  const bool deforms = prepared.item->deforms;
  V3 albedo = deforms ? albedo_of(s, rest_of(prepared, VisibilityBuffer::triangle_of(surface), p_B), {0, 0, 1},
                                  sample_angle_ * z / tilt)
                      : albedo_of(s, p_B, n_B, sample_angle_ * z / tilt);
  if (s.marks != nullptr && n_B.z > 0.9F) apply_marks(*s.marks, p_B, sample_angle_ * z / tilt, albedo, n_B);

  const float facing = dot(n_B, prepared.light_B);
  const float slope = std::min(std::sqrt(std::max(1 - facing * facing, 0.0F)) / std::max(facing, 0.1F), 4.0F);
  const float sun = facing > 0 ? lighting_.brightness * facing * shadow_at(p_C, slope) : 0;
  const float up = 0.5F + 0.5F * dot(n_B, prepared.up_B);
  const float open = ambient_at(prepared, X_WC_.point(p_C), prepared.X_WB.vector(n_B));
  V3 light = sun * kSun + (lighting_.brightness * open) * (up * kSky + (1 - up) * kBounce);
  if (!lighting_.lamps.empty()) light = light + lamps_at(X_WC_.point(p_C), prepared.X_WB.vector(n_B));
  V3 color = albedo * light;
  if (prepared.item->glow > 0) color = color + prepared.item->glow * s.color;
  const float gloss = gloss_of(s.material);
  if (gloss > 0 && sun > 0) {
    const float highlight = dot(n_B, normalized(prepared.light_B + to_eye));
    if (highlight > 0) color = color + (gloss * sun * satin(highlight)) * V3{1, 1, 1};
  }
  return color;
}

}  // namespace bitemark::sim
