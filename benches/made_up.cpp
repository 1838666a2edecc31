#include "made_up.h"

#include <fmt/format.h>

#include <cmath>

#include "sim/motion.h"
#include "sim/stage.h"
#include "sim/timeline.h"
#include "sim/world.h"

namespace bitemark {
namespace {

constexpr const char* kColors[] = {"red", "orange", "yellow", "green", "cyan", "blue", "purple", "white"};

Scenario scenario_of(const std::string& name, Json bodies, const Json& camera, double stage_radius) {
  Scenario scenario;
  scenario.name = scenario.family = scenario.summary = scenario.file = name;
  scenario.duration_s = 4;
  scenario.context_s = 0.5;
  scenario.modes = {"continuation"};
  scenario.document = {{"captions", {"things fall"}},
                       {"camera", camera},
                       {"light", {{"azimuth_deg", -60}, {"elevation_deg", 50}, {"stage_radius", stage_radius}}},
                       {"bodies", std::move(bodies)}};
  return scenario;
}

Json body(int index, const std::string& shape, double x, double y, double z, double half) {
  Json one{{"name", fmt::format("body_{}", index)},
           {"shape", shape},
           {"position", {x, y, z}},
           {"rotation_deg", {7 * (index % 5), 11 * (index % 3), 23 * (index % 4)}},
           {"material", index % 2 == 0 ? "octants" : "wood"},
           {"color", kColors[index % 8]},
           {"restitution", 0.5},
           {"friction", 0.5}};
  if (shape == "box") {
    one["size"] = {2 * half, 2 * half, 2 * half};
  } else {
    one["radius"] = half;
  }
  if (shape == "cylinder") one["height"] = 2 * half;
  return one;
}

Json ground(double side, const char* material) {
  return {{"name", "ground"},         {"shape", "box"},       {"fixed", true},    {"size", {side, side, 0.2}},
          {"position", {0, 0, -0.1}}, {"material", material}, {"restitution", 1}, {"color", "pale-wood"}};
}

}  // namespace

Scenario standard_scene() {
  Json bodies{ground(8, "wood")};
  for (int i = 0; i < 8; ++i) {
    const double x = -1.2 + 0.8 * (i % 4), y = i < 4 ? -0.35 : 0.45;
    bodies.push_back(body(i, i % 2 == 0 ? "box" : "sphere", x, y, 0.4 + 0.15 * i, 0.2));
  }
  return scenario_of("standard-scene", bodies, {{"position", {0, -4, 1.8}}, {"look_at", {0, 0, 0.3}}, {"fov_deg", 42}},
                     2.5);
}

Scenario crowd(int count, const std::string& shape) {
  const int side = static_cast<int>(std::ceil(std::sqrt(count)));
  const double pitch = 0.3, edge = pitch * side;
  Json bodies{ground(3 * edge, "tiles")};
  for (int i = 0; i < count; ++i) {
    const double x = pitch * (i % side + 0.5) - 0.5 * edge, y = pitch * (i / side + 0.5) - 0.5 * edge;
    bodies.push_back(body(i, shape, x, y, 0.25 + 0.02 * (i % 7), 0.1));
  }
  return scenario_of(fmt::format("crowd-{}-{}", count, shape), bodies,
                     {{"position", {0, -1.3 * edge - 1, 0.8 * edge + 0.6}}, {"look_at", {0, 0, 0}}, {"fov_deg", 45}},
                     edge);
}

int triangles_of(const Scenario& scenario, int width) {
  using namespace sim;
  World world;
  world.scene = resolve(scenario, "test", 0, 0);
  world.scene.duration_s = 0.1;
  world.motion = simulate(world.scene);
  world.timeline = make_timeline(world.scene, world.motion, {10, 1}, 1, width, width);
  const Stage stage(world.scene, world.motion, needs_fine_meshes(width));
  int sum = 0;
  for (const DrawItem& item : stage.items(world.timeline.front())) sum += static_cast<int>(item.mesh->triangles.size());
  return sum;
}

}  // namespace bitemark
