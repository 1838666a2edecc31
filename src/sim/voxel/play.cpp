#include "sim/voxel/play.h"

#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "sim/vec.h"
#include "sim/voxel/world.h"

namespace bitemark::sim {
namespace {

constexpr double kSprint_x = 1.3, kSneak_x = 0.3;

class Play {
 public:
  explicit Play(const SceneSpec& scene)
      : scene_(scene),
        spec_(*scene.voxels),
        dt_(1.0 / scene.physics.step_hz),
        body_(spec_.agent, spec_.feet, -scene.physics.gravity[2]),
        policy_(spec_.policy, spec_.view),
        history_(std::make_shared<VoxelHistory>()) {
    motion_.step_hz = scene.physics.step_hz;
    VoxelVersion start{spec_.grid, std::vector<bool>(scene.bodies.size(), true), 0, {}};
    for (int b = 0; b < static_cast<int>(scene.bodies.size()); ++b) {
      poses_.push_back(scene.bodies[static_cast<std::size_t>(b)].rigid.X_WB);
      start.alive[static_cast<std::size_t>(b)] = stands(b);
      motion_.forms.push_back({BodyForm{0, 0, center(b), nullptr}});
      motion_.lives.emplace_back();
    }
    history_->versions.push_back(std::move(start));
    history_->hotbars.push_back(spec_.hotbar);
    now_.view = spec_.view;
    now_.selected = spec_.selected;
    look();
  }

  Motion run() {
    const auto last = static_cast<std::int64_t>(std::ceil(scene_.duration_s * motion_.step_hz)) + 1;
    record();
    for (step_ = 1; step_ <= last; ++step_) {
      policy_.advance(static_cast<double>(step_) * dt_, eye());
      now_.view = policy_.view();
      now_.keys = policy_.keys();
      if (policy_.selecting() >= 0) now_.selected = policy_.selecting();
      walk();
      look();
      attack();
      place();
      record();
    }
    motion_.voxels = history_;
    return std::move(motion_);
  }

 private:
  /// Blocks that are yet to be placed do not stand.
  bool stands(int body) const {
    if (!spec_.is_block(body) || body == spec_.ground || body == spec_.trees) return true;
    const Vec3& p = poses_[static_cast<std::size_t>(body)].position;
    const Cell cell{static_cast<int>(p[0]), static_cast<int>(p[1]), static_cast<int>(p[2])};
    return spec_.grid.solid(cell) && spec_.grid.owner(cell) == body;
  }
  /// Of a body, in its frame.
  Vec3 center(int body) const {
    const Cell& n = spec_.grid.size();
    if (body == spec_.ground || body == spec_.trees) return {0.5 * n[0], 0.5 * n[1], 0.5 * n[2]};
    return {0, 0, body == spec_.agent_body ? 0.5 * spec_.agent.height : 0};
  }

  const VoxelGrid& grid() const { return history_->versions.back().grid; }
  Vec3 eye() const { return body_.position() + Vec3{0, 0, spec_.agent.eye_height}; }

  Vec3 wanted_velocity() const {
    const auto held = [&](std::uint32_t key) { return (now_.keys & key) != 0 ? 1.0 : 0.0; };
    const Vec3 ahead{std::cos(now_.view.yaw), std::sin(now_.view.yaw), 0};
    const Vec3 left{-ahead[1], ahead[0], 0};
    const Vec3 way = (held(kKeyForward) - held(kKeyBack)) * ahead + (held(kKeyLeft) - held(kKeyRight)) * left;
    const double length = norm(way);
    if (length == 0) return {0, 0, 0};
    const double pace = held(kKeySneak) > 0 ? kSneak_x : held(kKeySprint) > 0 ? kSprint_x : 1;
    return (spec_.agent.walk_speed * pace / length) * way;
  }

  /// A block of one metre stands in the way and there is room on it.
  bool can_step_up(const Vec3& wanted) const {
    if (!blocked_ || !body_.on_ground() || norm(wanted) == 0) return false;
    const Vec3 here = body_.position(), above = here + Vec3{0, 0, 1.01}, ahead = (0.2 / norm(wanted)) * wanted;
    return body_.overlaps(grid(), here + ahead) && !body_.overlaps(grid(), above) &&
           !body_.overlaps(grid(), above + ahead);
  }

  void walk() {
    AgentWish wish{wanted_velocity(), (now_.keys & kKeyJump) != 0};
    if (spec_.auto_jump && can_step_up(wish.velocity)) {
      wish.jump = true;
      now_.keys |= kKeyJump;
    }
    const AgentReport report = body_.step(grid(), wish, dt_);
    blocked_ = report.blocked;
    if (report.jumped) log("jump", body_.position());
    if (!report.landed) return;
    Event& event = log("landing", body_.position());
    event.normal = {0, 0, 1};
    event.more["speed_mps"] = report.landing_speed;
    event.more["fall_m"] = report.fall;
  }

  void look() {
    const auto hit = cast_ray(grid(), eye(), direction_of(now_.view), spec_.agent.reach);
    const bool same = hit && now_.aiming && hit->cell == now_.aim;
    now_.aiming = hit.has_value();
    if (!same) now_.breaking = 0;
    if (!hit) return;
    now_.aim = hit->cell;
    now_.aim_point = hit->point;
    before_ = hit->before;
  }

  void attack() {
    if ((now_.keys & kKeyAttack) == 0 || !now_.aiming) {
      now_.breaking = 0;
      return;
    }
    const std::uint8_t kind = grid().kind(now_.aim);
    now_.breaking += dt_ / spec_.kinds[kind].break_s;
    if (now_.breaking < 1) return;
    const std::uint8_t owner = grid().owner(now_.aim);
    edit("block_broken", now_.aim, kind, BlockKinds::kAir, owner);
    collect(kind);
    policy_.note_broken();
    look();
    now_.breaking = 0;
  }

  void place() {
    const PolicyStep* step = policy_.placing();
    if (step == nullptr || !now_.aiming) return;
    HotbarSlot slot = history_->hotbars.back()[static_cast<std::size_t>(now_.selected)];
    if (slot.count < 1 || !grid().contains(before_) || grid().solid(before_) || body_.overlaps(before_)) return;
    edit("block_placed", before_, slot.kind, slot.kind,
         static_cast<std::uint8_t>(step->becomes.value_or(spec_.ground)));
    if (--slot.count == 0) slot.kind = BlockKinds::kAir;
    Hotbar hotbar = history_->hotbars.back();
    hotbar[static_cast<std::size_t>(now_.selected)] = slot;
    history_->hotbars.push_back(hotbar);
    look();
  }

  /// A broken block goes into the slot of its kind, or into the first empty one.
  void collect(std::uint8_t kind) {
    Hotbar hotbar = history_->hotbars.back();
    auto slot = std::find_if(hotbar.begin(), hotbar.end(), [&](const HotbarSlot& s) { return s.kind == kind; });
    if (slot == hotbar.end()) {
      slot = std::find_if(hotbar.begin(), hotbar.end(), [](const HotbarSlot& s) { return s.count == 0; });
    }
    if (slot == hotbar.end() || slot->count >= 64) return;
    *slot = {kind, slot->count + 1};
    history_->hotbars.push_back(hotbar);
  }

  void edit(const char* what, const Cell& cell, std::uint8_t block, std::uint8_t becomes, std::uint8_t owner) {
    auto& versions = history_->versions;
    if (static_cast<int>(versions.size()) > VoxelSpec::kMaxEdits) {
      throw InputError("the agent edits the world more than " + std::to_string(VoxelSpec::kMaxEdits) +
                       " times in one take, expected at most that many blocks broken and placed");
    }
    poses_[owner].position = owner > 1 ? center_of(cell) : poses_[owner].position;
    versions.push_back(edited_version(versions, static_cast<int>(versions.size()) - 1, cell, becomes, owner));
    for (int b = 0; b < static_cast<int>(motion_.forms.size()); ++b) {
      if (!spec_.is_block(b)) continue;
      BodyForm form = motion_.forms[static_cast<std::size_t>(b)].back();
      form.from_step = step_;
      motion_.forms[static_cast<std::size_t>(b)].push_back(form);
    }
    Event& event = log(what, center_of(cell));
    event.ids.insert(event.ids.begin(), scene_.bodies[owner].info.id);
    event.more["block"] = spec_.kinds[block].name;
    if (!spec_.kinds[block].color.empty()) event.more["color"] = spec_.kinds[block].color;
    event.more["cell"] = cell;
    if (owner > 1) event.more["body"] = scene_.bodies[owner].info.name;
  }

  Event& log(const char* type, const Vec3& position) {
    Event event;
    event.type = type;
    event.step = step_;
    event.time_s = static_cast<double>(step_) / motion_.step_hz;
    event.ids = {scene_.bodies[static_cast<std::size_t>(spec_.agent_body)].info.id};
    event.position = position;
    if (event.type == "jump" || event.type == "landing") {
      event.more["cell"] = Cell{static_cast<int>(std::floor(position[0])), static_cast<int>(std::floor(position[1])),
                                static_cast<int>(std::floor(position[2] + 1e-6))};
    }
    motion_.events.push_back(event);
    return motion_.events.back();
  }

  void record() {
    std::vector<StepState> states(scene_.bodies.size());
    for (std::size_t b = 0; b < states.size(); ++b) states[b].X_WB = poses_[b];
    StepState& agent = states[static_cast<std::size_t>(spec_.agent_body)];
    agent.X_WB = {body_.position(), about_axis({0, 0, 1}, now_.view.yaw)};
    agent.velocity = body_.velocity();
    motion_.steps.push_back(std::move(states));
    now_.hotbar = static_cast<std::uint16_t>(history_->hotbars.size() - 1);
    history_->moments.push_back(now_);
  }

  const SceneSpec& scene_;
  const VoxelSpec& spec_;
  double dt_;
  AgentBody body_;
  Policy policy_;
  std::shared_ptr<VoxelHistory> history_;
  Motion motion_;
  AgentMoment now_;
  std::vector<Pose> poses_;  ///< by body; of the agent unused
  Cell before_{};            ///< the air in front of the aim
  bool blocked_ = false;
  std::int64_t step_ = 0;
};

}  // namespace

Motion play(const SceneSpec& scene) { return Play(scene).run(); }

}  // namespace bitemark::sim
