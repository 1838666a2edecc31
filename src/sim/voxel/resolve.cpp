#include "sim/voxel/resolve.h"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <stdexcept>

#include "base/error.h"
#include "base/random.h"
#include "sim/palette.h"
#include "sim/voxel/terrain.h"
#include "sim/voxel/world.h"

namespace bitemark::sim {
namespace {

constexpr double kTurn_deg = 36000;  // turns beyond this are a mistake
constexpr double kNever_s = 1e6;
constexpr double kPress_s = 0.12;  // how long a key is pressed that is not held

double radians(double degrees) { return degrees * std::numbers::pi / 180; }

class VoxelResolver {
 public:
  VoxelResolver(const Resolver& in, SceneSpec& scene) : in_(in), scene_(scene), spec_(std::make_shared<VoxelSpec>()) {}

  void run() {
    check_gravity();
    make_ground();
    resolve_agent();
    resolve_blocks();
    resolve_hotbar();
    add_body("agent", "box", "grey").info.fixed = false;
    spec_->agent_body = last_body();
    add_body("overlay", "overlay", "charcoal");
    spec_->overlay_body = last_body();
    resolve_policy();
    scene_.camera.position = spec_->feet + Vec3{0, 0, spec_->agent.eye_height};
    scene_.camera.look_at = scene_.camera.position + direction_of(spec_->view);
    scene_.camera.fov = spec_->fov;
    scene_.voxels = spec_;
  }

 private:
  [[noreturn]] void refuse(const Resolver& in, const std::string& key, const std::string& problem) const {
    throw InputError(in.file(), in.pointer() + "/" + key, problem);
  }

  int whole(const Resolver& in, const std::string& key, double value, int low, int high) const {
    if (!(value >= low && value <= high)) {
      refuse(in, key,
             "is " + std::to_string(value) + ", expected " + std::to_string(low) + " to " + std::to_string(high));
    }
    return static_cast<int>(std::lround(value));
  }
  double bounded(const Resolver& in, const std::string& key, double fallback, double low, double high) const {
    const double value = in.number(key, fallback);
    if (value >= low && value <= high) return value;
    refuse(in, key,
           "is " + std::to_string(value) + ", expected " + std::to_string(low) + " to " + std::to_string(high));
  }

  void check_gravity() const {
    const Vec3& g = scene_.physics.gravity;
    if (g[0] == 0 && g[1] == 0 && g[2] < 0 && g[2] >= -100) return;
    throw InputError(in_.file(), "/gravity", "is not downward, expected (0, 0, g) with g from -100 to below 0");
  }

  BodySpec& add_body(const std::string& name, const std::string& shape, const std::string& color) {
    BodySpec body;
    body.info.name = name;
    body.info.shape = shape;
    body.info.fixed = true;
    body.info.color = *find_color(color);
    body.material = "blocks";
    body.ghost = true;
    scene_.bodies.push_back(body);
    return scene_.bodies.back();
  }
  int last_body() const { return static_cast<int>(scene_.bodies.size()) - 1; }

  void make_ground() {
    TerrainSpec terrain;
    const Vec3 size = in_.vector("size", {72, 72, 32});
    terrain.nx = whole(in_, "size/0", size[0], VoxelGrid::kMinSide, VoxelGrid::kMaxSide);
    terrain.ny = whole(in_, "size/1", size[1], VoxelGrid::kMinSide, VoxelGrid::kMaxSide);
    terrain.nz = whole(in_, "size/2", size[2], VoxelGrid::kMinHeight, VoxelGrid::kMaxHeight);
    terrain.base = bounded(in_, "base", 12, 2, terrain.nz - 12);
    terrain.relief = bounded(in_, "relief", 3, 0, terrain.nz);
    terrain.wavelength = bounded(in_, "wavelength", 26, 4, 200);
    terrain.trees = bounded(in_, "trees", 0.6, 0, 1);
    terrain.sand = bounded(in_, "sand", 0.25, 0, 1);
    terrain.clearing = bounded(in_, "clearing", 6, 2, 100);
    terrain.start_x = terrain.nx / 2;
    terrain.start_y = terrain.ny / 2;
    add_body("ground", "voxels", "green").info.radius_m = 0.5 * std::hypot(terrain.nx, terrain.ny, terrain.nz);
    add_body("trees", "voxels", "green").info.radius_m = scene_.bodies.front().info.radius_m;
    spec_->grid = make_terrain(terrain, stream_for(scene_.seed, "voxels/terrain").next(),
                               static_cast<std::uint8_t>(spec_->ground), static_cast<std::uint8_t>(spec_->trees));
    untouched_ = spec_->grid;
    spec_->feet = {terrain.start_x + 0.5, terrain.start_y + 0.5,
                   static_cast<double>(spec_->grid.surface(terrain.start_x, terrain.start_y))};
    const double half = 0.5 * std::min(terrain.nx, terrain.ny);
    spec_->fog_to = half - 2;
    spec_->fog_from = 0.55 * half;
    scene_.stage_radius = std::min(half, 30.0);
  }

  void resolve_agent() {
    spec_->view = {radians(bounded(in_, "yaw_deg", 0, -kTurn_deg, kTurn_deg)),
                   radians(bounded(in_, "pitch_deg", 0, -89, 89))};
    spec_->fov = radians(bounded(in_, "fov_deg", 70, 20, 120));
    spec_->agent.walk_speed = bounded(in_, "walk_speed", 4.3, 0, 20);
    spec_->agent.jump_height = bounded(in_, "jump_height", 1.25, 0, 4);
    spec_->auto_jump = !in_.has("auto_jump") || in_.flag("auto_jump");
  }

  /// The cell so far ahead, to the left and above the ground, as the agent stands at the start; its heading is taken
  /// as the nearest quarter turn, so that walls are straight.
  Cell cell_at(const Resolver& in, const std::string& key) const {
    const Vec3 at = in.vector(key);
    for (const double x : at) {
      if (!(std::abs(x) <= VoxelGrid::kMaxSide)) refuse(in, key, "lies outside the world");
    }
    const double quarter = std::round(spec_->view.yaw / (std::numbers::pi / 2)) * (std::numbers::pi / 2);
    const double c = std::round(std::cos(quarter)), s = std::round(std::sin(quarter));
    const double x = spec_->feet[0] + c * at[0] - s * at[1], y = spec_->feet[1] + s * at[0] + c * at[1];
    Cell cell{static_cast<int>(std::floor(x)), static_cast<int>(std::floor(y)), 0};
    if (!untouched_.contains(cell)) refuse(in, key, "lies outside the world");
    cell[2] = untouched_.surface(cell[0], cell[1]) + static_cast<int>(std::lround(at[2]));
    if (!untouched_.contains(cell)) refuse(in, key, "lies outside the world");
    return cell;
  }

  std::uint8_t kind_of(const Resolver& in) {
    try {
      return spec_->kinds.find_or_add(in.text("kind", ""), in.text("color", ""));
    } catch (const std::invalid_argument& problem) {
      refuse(in, "kind", problem.what());
    }
  }

  void resolve_blocks() {
    int named = 0;
    in_.each("blocks", [&](const Resolver& in) {
      const std::uint8_t kind = kind_of(in);
      if (!in.has("name")) {
        put(in, kind, spec_->ground);
        return;
      }
      if (++named > VoxelSpec::kMaxNamed) {
        refuse(in_, "blocks", "names more than " + std::to_string(VoxelSpec::kMaxNamed) + " blocks");
      }
      const std::string color = in.text("color", "");
      BodySpec& body = add_body(in.text("name", ""), "voxels", color.empty() ? "grey" : color);
      body.info.radius_m = 0.5 * std::sqrt(3.0);
      body.info.tracked = in.flag("tracked");
      if (body.info.tracked) body.info.color_name = color;
      if (in.has("at")) body.rigid.X_WB.position = center_of(put(in, kind, last_body()));
    });
  }

  Cell put(const Resolver& in, std::uint8_t kind, int body) {
    const Cell cell = cell_at(in, "at");
    spec_->grid.set(cell, kind, static_cast<std::uint8_t>(body));
    if (AgentBody(spec_->agent, spec_->feet, 1).overlaps(cell)) refuse(in, "at", "is where the agent stands");
    return cell;
  }

  void resolve_hotbar() {
    int index = 0;
    in_.each("hotbar", [&](const Resolver& in) {
      if (index >= kHotbarSlots) refuse(in_, "hotbar", "has more than 9 slots");
      HotbarSlot& slot = spec_->hotbar[static_cast<std::size_t>(index++)];
      slot = {kind_of(in), whole(in, "count", in.number("count", 1), 1, 64)};
    });
    spec_->selected = whole(in_, "selected", in_.number("selected", 1), 1, kHotbarSlots) - 1;
  }

  void resolve_policy() {
    in_.each("policy", [&](const Resolver& in) {
      spec_->policy.push_back(resolve_step(in));
      if (static_cast<int>(spec_->policy.size()) > VoxelSpec::kMaxPolicy) {
        refuse(in_, "policy", "has more than " + std::to_string(VoxelSpec::kMaxPolicy) + " steps");
      }
    });
  }

  double time_of(const Resolver& in, const std::string& key) const {
    const double time = in.number(key);  // a missing one is told
    return bounded(in, key, time, -kNever_s, kNever_s);
  }

  PolicyStep resolve_step(const Resolver& in) const {
    using Do = PolicyStep::Do;
    const std::string what = in.text("do", "");
    PolicyStep step;
    const bool press = what == "jump" || what == "place" || what == "select";
    step.from_s = time_of(in, press ? "at_s" : "from_s");
    step.to_s = press ? step.from_s + kPress_s : what == "break" && !in.has("to_s") ? kNever_s : time_of(in, "to_s");
    if (what == "turn") {
      step.what = Do::kTurn;
      step.yaw = radians(bounded(in, "yaw_deg", 0, -kTurn_deg, kTurn_deg));
      step.pitch = radians(bounded(in, "pitch_deg", 0, -kTurn_deg, kTurn_deg));
    } else if (what == "look-at") {
      step.what = Do::kLookAt;
      step.target = looked_at(in);
      if (in.text("face", "middle") == "top") step.aim = {0, 0, 0.5};
    } else if (what == "walk") {
      step.keys = walking_keys(in);
    } else if (what == "jump") {
      step.keys = kKeyJump;
    } else if (what == "break") {
      step.what = Do::kBreak;
      step.keys = kKeyAttack;
      step.until_broken = !in.has("to_s");
    } else if (what == "place") {
      step.what = Do::kPlace;
      step.keys = kKeyUse;
      if (in.has("becomes")) step.becomes = named_block(in, "becomes");
    } else if (what == "select") {
      step.what = Do::kSelect;
      step.slot = whole(in, "slot", in.number("slot"), 1, kHotbarSlots) - 1;
      step.keys = kKeyHotbar1 << step.slot;
    } else {
      refuse(in, "do", "is '" + what + "', expected turn, look-at, walk, jump, break, place or select");
    }
    return step;
  }

  std::uint32_t walking_keys(const Resolver& in) const {
    const std::string way = in.text("direction", "forward");
    const std::uint32_t key = way == "forward" ? kKeyForward
                              : way == "back"  ? kKeyBack
                              : way == "left"  ? kKeyLeft
                                               : kKeyRight;
    if (key == kKeyRight && way != "right")
      refuse(in, "direction", "is '" + way + "', expected forward, back, left or right");
    return key | (in.flag("sprint") ? kKeySprint : 0U) | (in.flag("sneak") ? kKeySneak : 0U);
  }

  int named_block(const Resolver& in, const std::string& key) const {
    const int body = scene_.find(in.text(key, ""));
    if (body < 2 || body >= spec_->agent_body) refuse(in, key, "names no block");
    return body;
  }

  Cell looked_at(const Resolver& in) const {
    if (!in.has("block")) return cell_at(in, "at");
    const Vec3& p = scene_.bodies[static_cast<std::size_t>(named_block(in, "block"))].rigid.X_WB.position;
    if (p[2] == 0) refuse(in, "block", "names a block that is placed later: look at a place, \"at\"");
    return {static_cast<int>(p[0]), static_cast<int>(p[1]), static_cast<int>(p[2])};
  }

  const Resolver& in_;
  SceneSpec& scene_;
  std::shared_ptr<VoxelSpec> spec_;
  VoxelGrid untouched_;  ///< before blocks were put: "above the ground" does not mean above other blocks
};

}  // namespace

void resolve_voxels(const Resolver& in, SceneSpec& scene) {
  VoxelResolver(in, scene).run();
  std::uint16_t id = 1;
  for (BodySpec& body : scene.bodies) body.info.id = id++;
}

void perturb_voxels(SceneSpec& scene, std::uint64_t seed) {
  constexpr double kNear_m = 3;
  auto spec = std::make_shared<VoxelSpec>(*scene.voxels);
  Pcg32 random = stream_for(seed, "bodies/agent");
  const double quarter = 0.25 * kNear_m * std::tan(spec->fov / 2) / 32;  // [m]
  const double turn = random.uniform(0, 2 * std::numbers::pi), change = random.uniform(-1, 1) * quarter;
  spec->feet = spec->feet + quarter * Vec3{std::cos(turn), std::sin(turn), 0};
  spec->agent.walk_speed = std::max(0.0, spec->agent.walk_speed + change);
  scene.voxels = spec;
}

}  // namespace bitemark::sim
