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
  if (!body.pieces.empty()) return mesh_of(body.pieces);
  if (body.info.shape == "sphere") return make_icosphere(body.size[0], fine ? 3 : 2);
  if (body.info.shape == "box") return make_box(body.size);
  if (body.info.shape == "plane") return make_plane(2 * body.size[0], 2 * body.size[1]);
  if (body.info.shape == "cloth") return make_plane(body.size[0], body.size[1]);
  return make_cylinder(body.size[0], body.size[2], fine ? 64 : 32);
}

Mesh mesh_of(const PartSpec& part, bool fine) {
  if (part.shape == "sphere") return make_ellipsoid({0, 0, 0}, part.size, fine ? 3 : 2);
  if (part.shape == "box") return make_box(part.size);
  if (part.shape == "wedge") return mesh_of(std::vector<Polyhedron>{make_wedge(part.size)});
  return make_cone(part.size[0], part.size[1], part.size[2], fine ? 48 : 24);
}

Surface make_surface(const PartSpec& part) {
  Surface surface;
  surface.material = material_from_name(part.material);
  surface.color = to_linear(part.color);
  surface.size = to_float(part.size);
  return surface;
}

/// The trail up to a time, the last segment cut where the tip is.
Mark make_mark(const TrailSpec& spec, const Trail& trail, double step) {
  Mark mark;
  mark.half_width = static_cast<float>(spec.width / 2);
  mark.dent = spec.dent;
  mark.color = to_linear(spec.color);
  mark.low_x = mark.low_y = 1e9F;
  mark.high_x = mark.high_y = -1e9F;
  const auto reach = [&](float x, float y) {
    mark.low_x = std::min(mark.low_x, x), mark.high_x = std::max(mark.high_x, x);
    mark.low_y = std::min(mark.low_y, y), mark.high_y = std::max(mark.high_y, y);
  };
  for (std::size_t i = 0; i < trail.size() && static_cast<double>(trail[i].step) <= step; ++i) {
    const TrailPoint& from = trail[i];
    const bool goes_on = i + 1 < trail.size() && trail[i + 1].joined;
    const TrailPoint& to = goes_on ? trail[i + 1] : from;
    const double span = static_cast<double>(to.step - from.step);
    const double part = span > 0 ? std::min(1.0, (step - static_cast<double>(from.step)) / span) : 0;
    const Mark::Segment segment{static_cast<float>(from.x), static_cast<float>(from.y),
                                static_cast<float>(from.x + part * (to.x - from.x)),
                                static_cast<float>(from.y + part * (to.y - from.y))};
    if (!goes_on && from.joined) continue;  // the end of a segment that is there already
    mark.segments.push_back(segment);
    reach(segment.ax, segment.ay);
    reach(segment.bx, segment.by);
  }
  return mark;
}

}  // namespace

Stage::Stage(const SceneSpec& scene, const Motion& motion, bool fine) : scene_(scene), motion_(motion) {
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
  if (body.info.shape == "sphere" && body.dims) look.dimming_radius = static_cast<float>(body.size[0]);
  Surface surface = make_surface(body);
  if (body.info.shape == "mesh") {  // jaws
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
    for (const PartSpec& part : body.parts) {
      look.forms[0].push_back(
          {std::make_shared<Mesh>(mesh_of(part, fine)), make_surface(part), false, true, part.X_BP});
    }
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
      DrawItem item{part.mesh, part.surface, body.X_WB, static_cast<int>(i), look.casts_shadow, look.dimming_radius};
      if (look.in_world) item.X_WB = {};
      if (world.voxels.aiming) {
        item.surface.aim = {true, to_float(center_of(world.voxels.aim) - Vec3{0.5, 0.5, 0.5}),
                            static_cast<float>(world.voxels.breaking)};
      }
      if (part.tinted) {
        item.surface.color = to_linear(body.color);
        item.glow = static_cast<float>(body.glow);
        item.surface.marks = marks_on(static_cast<int>(i), world.time_s - world.marks_lag_s);
      }
      if (part.placed) {
        item.X_WB = compose(body.X_WB, part.X_BP);
        item.dimming_radius = 0;
      }
      item.surface.texture_shift = item.surface.texture_shift + static_cast<float>(body.swim) * V3{1, 0.6F, 0};
      if (body.mesh != nullptr) {
        item.mesh = body.mesh;
        item.deforms = true;
      }
      if (body.wobble > 0) {
        item.mesh = std::make_shared<Mesh>(wobbled(*part.mesh, scene_.bodies[i].info.shape == "plane",
                                                   scene_.bodies[i].info.radius_m, body.wobble, world.time_s));
      }
      items.push_back(std::move(item));
    }
  }
  return items;
}

std::shared_ptr<const std::vector<Mark>> Stage::marks_on(int body, double time_s) const {
  std::shared_ptr<std::vector<Mark>> marks;
  for (std::size_t k = 0; k < scene_.trails.size(); ++k) {
    if (scene_.trails[k].on != body) continue;
    Mark mark = make_mark(scene_.trails[k], motion_.trails[k], time_s * motion_.step_hz);
    if (mark.segments.empty()) continue;
    if (marks == nullptr) marks = std::make_shared<std::vector<Mark>>();
    marks->push_back(std::move(mark));
  }
  return marks;
}

Lighting Stage::lighting(const FrameWorld& world) const {
  Lighting lighting{to_float(scene_.light_from),
                    to_float(scene_.camera.look_at),
                    static_cast<float>(scene_.stage_radius),
                    static_cast<float>(world.brightness),
                    {}};
  for (std::size_t i = 0; i < scene_.bodies.size(); ++i) {
    const BodyFrame& body = world.bodies[i];
    if (scene_.bodies[i].lamp <= 0 || body.glow <= 0 || !body.alive) continue;
    const auto power = static_cast<float>(scene_.bodies[i].lamp * body.glow);
    lighting.lamps.push_back({to_float(body.X_WB.position), power * to_linear(body.color)});
  }
  if (scene_.voxels) {
    lighting.sky = true;
    lighting.fog_from = static_cast<float>(scene_.voxels->fog_from);
    lighting.fog_to = static_cast<float>(scene_.voxels->fog_to);
  }
  return lighting;
}

}  // namespace bitemark::sim
