#include "sim/stage.h"

#include <algorithm>
#include <cmath>

#include "base/random.h"
#include "sim/palette.h"
#include "sim/voxel/mesher.h"
#include "sim/wobble.h"

namespace bitemark::sim {
namespace {

Surface make_surface(const BodySpec& body) {
  Surface surface;
  surface.material = material_from_name(body.material);
  surface.color = to_linear(body.info.color);
  surface.texture_cos = static_cast<float>(std::cos(body.texture_turn));
  surface.texture_sin = static_cast<float>(std::sin(body.texture_turn));
  surface.texture_shift = to_float(body.texture_shift);
  surface.size = to_float(body.size);
  return surface;
}

/// Chips at random places that keep apart from each other, by rejection.
std::vector<V3> scatter_chips(double radius, std::uint64_t seed) {
  Pcg32 random = stream_for(seed, "cookie/chips");
  std::vector<V3> chips;
  for (int attempt = 0; attempt < 400 && chips.size() < 11; ++attempt) {
    const double angle = random.uniform(0, 2 * M_PI), distance = 0.86 * radius * std::sqrt(random.uniform());
    const V3 chip{static_cast<float>(distance * std::cos(angle)), static_cast<float>(distance * std::sin(angle)),
                  static_cast<float>(radius * random.uniform(0.075, 0.125))};
    const bool free = std::all_of(chips.begin(), chips.end(), [&](const V3& other) {
      return std::hypot(chip.x - other.x, chip.y - other.y) > 0.36F * static_cast<float>(radius);
    });
    if (free) chips.push_back(chip);
  }
  return chips;
}

Mesh mesh_of(const BodySpec& body, bool fine) {
  if (body.info.shape == "sphere") return make_icosphere(body.size[0], fine ? 3 : 2);
  if (body.info.shape == "box") return make_box(body.size);
  if (body.info.shape == "plane") return make_plane(2 * body.size[0], 2 * body.size[1]);
  return make_cylinder(body.size[0], body.size[2], fine ? 64 : 32);
}

}  // namespace

Stage::Stage(const SceneSpec& scene, const Motion& motion, bool fine) : scene_(scene) {
  if (scene.voxels) {
    add_voxel_looks(motion);
    return;
  }
  for (std::size_t i = 0; i < scene.bodies.size(); ++i) looks_.push_back(make_look(i, motion, fine));
}

Stage::Look Stage::make_look(std::size_t index, const Motion& motion, bool fine) const {
  const BodySpec& body = scene_.bodies[index];
  Look look;
  look.casts_shadow = body.info.shape != "plane";
  if (body.info.shape == "sphere") look.dimming_radius = static_cast<float>(body.size[0]);
  Surface surface = make_surface(body);
  if (body.info.shape == "mesh") {
    const bool upper = static_cast<int>(index) == scene_.upper_jaw;
    const double r = scene_.bites.front().radius;
    Surface enamel = surface;
    enamel.material = Material::kEnamel;
    enamel.color = to_linear({244, 240, 228});
    look.forms = {{{std::make_shared<Mesh>(make_gum(r, upper)), surface, true},
                   {std::make_shared<Mesh>(make_teeth(r, upper)), enamel, false}}};
    return look;
  }
  if (body.info.shape != "sdf") {
    look.forms = {{{std::make_shared<Mesh>(mesh_of(body, fine)), surface, true}}};
    return look;
  }
  surface.chips = scatter_chips(body.size[0], scene_.seed);
  for (const BodyForm& form : motion.forms[index]) {
    look.forms.push_back({{std::make_shared<Mesh>(form.solid->mesh()), surface, true}});
  }
  return look;
}

/// Agent and overlay have no surface in the world: their forms have no parts.
void Stage::add_voxel_looks(const Motion& motion) {
  const auto versions = mesh_versions(*scene_.voxels, *motion.voxels);
  Surface surface;
  surface.material = Material::kBlocks;
  for (std::size_t b = 0; b < scene_.bodies.size(); ++b) {
    Look look;
    look.in_world = true;
    for (const auto& version : versions) {
      look.forms.emplace_back();
      if (!scene_.voxels->is_block(static_cast<int>(b))) continue;
      for (const auto& mesh : version[b]) {
        if (mesh) look.forms.back().push_back({mesh, surface, false});
      }
    }
    looks_.push_back(std::move(look));
  }
}

std::vector<DrawItem> Stage::items(const FrameWorld& world) const {
  std::vector<DrawItem> items;
  for (std::size_t i = 0; i < world.bodies.size(); ++i) {
    const BodyFrame& body = world.bodies[i];
    if (!body.alive) continue;
    const Look& look = looks_[i];
    for (const Part& part : look.forms[static_cast<std::size_t>(body.form)]) {
      const Pose X_WB = look.in_world ? Pose{} : body.X_WB;
      DrawItem item{part.mesh, part.surface, X_WB, static_cast<int>(i), look.casts_shadow, look.dimming_radius};
      if (world.voxels.aiming) {
        item.surface.aim = {true, to_float(center_of(world.voxels.aim) - Vec3{0.5, 0.5, 0.5}),
                            static_cast<float>(world.voxels.breaking)};
      }
      if (part.tinted) item.surface.color = to_linear(body.color);
      if (body.wobble > 0) {
        item.mesh = std::make_shared<Mesh>(wobbled(*part.mesh, scene_.bodies[i].info.shape == "plane",
                                                   scene_.bodies[i].info.radius_m, body.wobble, world.time_s));
      }
      items.push_back(std::move(item));
    }
  }
  return items;
}

Lighting Stage::lighting() const {
  Lighting lighting{to_float(scene_.light_from), to_float(scene_.camera.look_at),
                    static_cast<float>(scene_.stage_radius)};
  if (scene_.voxels) {
    lighting.sky = true;
    lighting.fog_from = static_cast<float>(scene_.voxels->fog_from);
    lighting.fog_to = static_cast<float>(scene_.voxels->fog_to);
  }
  return lighting;
}

}  // namespace bitemark::sim
