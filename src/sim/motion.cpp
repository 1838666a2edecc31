#include "sim/motion.h"

#include <algorithm>
#include <cmath>
#include <map>

#include "sim/cloth.h"
#include "sim/jaws.h"
#include "sim/marks.h"
#include "sim/scripted.h"
#include "sim/vec.h"
#include "sim/voxel/play.h"

namespace bitemark::sim {
namespace {

/// Contacts that lapse for less than this are one contact: a rolling ball leaves the floor by micrometres.
constexpr double kContactGap_s = 1.0 / 60;
constexpr double kCookieDensity = 600;  // [kg/m^3]
constexpr double kBurst_per_s = 3;      // shards fly apart at this speed for each metre from the centre [1/s]
constexpr std::int64_t kNever = std::numeric_limits<std::int64_t>::max();
constexpr double kTouch_m = 0.002;  // scripted bodies that come so near touch

struct OpenContact {
  std::size_t event = 0;  ///< index of its begin
  std::int64_t last_step = 0;
  double impulse = 0;
};

class Simulation {
 public:
  Simulation(const SceneSpec& scene, const std::vector<Push>& pushes)
      : scene_(scene),
        pushes_(pushes),
        world_(scene.physics),
        index_(scene.bodies.size(), -1),
        X_BP_(scene.bodies.size()) {
    motion_.step_hz = scene.physics.step_hz;
    for (std::size_t i = 0; i < scene.bodies.size(); ++i) add(i);
    join();
  }

  Motion run() {
    const auto last = static_cast<std::int64_t>(std::ceil(scene_.duration_s * motion_.step_hz)) + 1;
    record(0);
    log_shots();
    for (std::int64_t step = 1; step <= last; ++step) {
      for (const Push& push : pushes_) {
        const int body = index_[static_cast<std::size_t>(push.body)];
        if (body < 0 || std::llround(push.at_s * motion_.step_hz) != step) continue;
        world_.add_velocity(body, push.velocity_change);
      }
      drive(step);
      push(step);
      world_.step();
      note_contacts(step);
      bite(step);
      shatter(step);
      switch_lights(step);
      record(step);
    }
    close_contacts(last, true);
    motion_.trails = follow_trails(scene_, motion_);
    motion_.cloths = drape(scene_, motion_);
    for (Event& event : stroke_events(scene_, motion_)) motion_.events.push_back(std::move(event));
    std::stable_sort(motion_.events.begin(), motion_.events.end(),
                     [](const Event& a, const Event& b) { return a.step < b.step; });
    return std::move(motion_);
  }

 private:
  void add(std::size_t i) {
    const BodySpec& body = scene_.bodies[i];
    BodyForm form{0, body.rigid.mass, {0, 0, 0}, nullptr};
    RigidBody rigid = body.rigid;
    if (body.info.shape == "sdf") {
      form.solid = std::make_shared<SdfGrid>(SdfGrid::cookie(body.size[0], body.size[2]));
      weigh(form);
      rigid.shape = shape_about_center(form);
      rigid.inertia = kCookieDensity * form.solid->mass_properties().second_moment;
      if (!body.info.fixed) rigid.mass = form.mass;
    }
    if (!body.pieces.empty() && !body.info.fixed) weigh_pieces(body, form, rigid, X_BP_[i]);
    motion_.forms.push_back({form});
    motion_.lives.emplace_back();
    if (!body.present) motion_.lives.back() = {kNever, kNever};
    if (body.shard_of >= 0) motion_.lives.back().born = kNever;
    if (body.ghost || !body.present || body.shard_of >= 0) return;
    add_to_world(i, rigid);
  }

  void add_to_world(std::size_t i, const RigidBody& rigid) {
    index_[i] = world_.add(rigid);
    by_physics_.push_back(static_cast<int>(i));
  }

  /// Bullet wants principal axes for a body's frame; X_BP maps from them.
  static void weigh_pieces(const BodySpec& body, BodyForm& form, RigidBody& rigid, Pose& X_BP) {
    std::vector<SolidMoments> parts;
    for (const Polyhedron& piece : body.pieces) parts.push_back(moments_of(piece));
    const SolidMoments whole = combined(parts);
    const PrincipalAxes principal = principal_axes(whole.inertia);
    X_BP = {whole.center, principal.axes};
    const Pose X_PB = inverse(X_BP);
    rigid.shape = {CollisionShape::Kind::kHulls, {0, 0, 0}, {}, {}};
    for (const Polyhedron& piece : body.pieces) {
      std::vector<Vec3> corners = eroded_corners(piece, kHullMargin);
      for (Vec3& corner : corners) corner = transform(X_PB, corner);
      rigid.shape.hulls.push_back(std::move(corners));
    }
    form.center = whole.center;
    form.mass = rigid.mass = body.density * whole.volume;
    rigid.inertia = body.density * principal.moments;
    rigid.X_WB = compose(body.rigid.X_WB, X_BP);
    rigid.velocity =
        body.rigid.velocity + cross(body.rigid.angular_velocity, rotate(body.rigid.X_WB.rotation, whole.center));
  }

  static void weigh(BodyForm& form) {
    const MassProperties properties = form.solid->mass_properties();
    form.mass = kCookieDensity * properties.volume;
    form.center = properties.center;
  }
  static CollisionShape shape_about_center(const BodyForm& form) {
    CollisionShape shape = form.solid->collision_shape();
    for (CollisionShape::Part& part : shape.boxes) part.center = part.center - form.center;
    return shape;
  }

  void record(std::int64_t step) {
    std::vector<StepState> states(scene_.bodies.size());
    for (std::size_t i = 0; i < states.size(); ++i) {
      if (index_[i] < 0) continue;
      Pose X = world_.pose(index_[i]);
      if (!scene_.bodies[i].pieces.empty()) {
        states[i] = {compose(X, inverse(X_BP_[i])), world_.velocity(index_[i]), world_.angular_velocity(index_[i])};
        continue;
      }
      X.position = X.position - rotate(X.rotation, motion_.forms[i].back().center);
      states[i] = {X, world_.velocity(index_[i]), world_.angular_velocity(index_[i])};
    }
    if (scene_.upper_jaw >= 0) place_jaws(states, static_cast<double>(step) / motion_.step_hz);
    motion_.steps.push_back(std::move(states));
  }

  void place_jaws(std::vector<StepState>& states, double time_s) const {
    const Pose& X_WTarget = states[static_cast<std::size_t>(scene_.bites.front().target)].X_WB;
    const double dt = world_.step_s();
    const JawState now = jaws_at(scene_, X_WTarget, time_s), next = jaws_at(scene_, X_WTarget, time_s + dt);
    StepState& upper = states[static_cast<std::size_t>(scene_.upper_jaw)];
    StepState& lower = states[static_cast<std::size_t>(scene_.lower_jaw)];
    upper.X_WB = now.X_WU;
    lower.X_WB = now.X_WL;
    if (!now.present || !next.present) return;
    upper.velocity = (1 / dt) * (next.X_WU.position - now.X_WU.position);
    lower.velocity = (1 / dt) * (next.X_WL.position - now.X_WL.position);
  }

  void join() {
    for (const JointSpec& joint : scene_.joints) {
      const int body = index_[static_cast<std::size_t>(joint.body)];
      if (body < 0) continue;
      if (norm(joint.axis) > 0) {
        world_.hinge(body, joint.pivot, joint.axis);
      } else {
        world_.pin(body, joint.pivot);
      }
    }
  }

  void log_shots() {
    for (const ShotSpec& shot : scene_.shots) {
      if (shot.from_s >= scene_.duration_s) continue;
      motion_.events.push_back(event_at(std::llround(shot.from_s * motion_.step_hz), "cut"));
    }
  }

  void drive(std::int64_t step) {
    for (std::size_t i = 0; i < scene_.bodies.size(); ++i) {
      if (index_[i] < 0 || scene_.bodies[i].path.empty()) continue;
      world_.drive(index_[i], pose_on_path(scene_.bodies[i], static_cast<double>(step) / motion_.step_hz));
    }
  }

  void push(std::int64_t step) {
    for (const PushSpec& spec : scene_.pushes) {
      const auto body = static_cast<std::size_t>(spec.body);
      if (std::llround(spec.at_s * motion_.step_hz) != step || index_[body] < 0) continue;
      Event event = event_at(step, "push");
      event.ids = {scene_.bodies[body].info.id};
      event.position = world_.pose(index_[body]).position;
      event.impulse_Ns = motion_.forms[body].back().mass * norm(spec.velocity);
      event.more["velocity"] = spec.velocity;
      motion_.events.push_back(event);
      world_.add_velocity(index_[body], spec.velocity);
    }
  }

  /// A glass goes to pieces after a step in which something pushed it too hard. Each shard goes on as that part of the
  /// glass moved; besides, they fly apart from the centre of mass, in proportion to their distance, which keeps
  /// momentum and angular momentum.
  void shatter(std::int64_t step) {
    for (std::size_t i = 0; i < scene_.bodies.size(); ++i) {
      if (scene_.bodies[i].shards_from < 0 || index_[i] < 0 || !motion_.lives[i].at(step)) continue;
      for (const Contact& contact : world_.contacts()) {
        if (contact.a != index_[i] && contact.b != index_[i]) continue;
        if (contact.impulse < scene_.bodies[i].break_impulse) continue;
        break_up(step, i, contact);
        break;
      }
    }
  }

  void break_up(std::int64_t step, std::size_t glass, const Contact& contact) {
    const BodySpec& whole = scene_.bodies[glass];
    const Pose X_WP = world_.pose(index_[glass]);
    const Pose X_WB = compose(X_WP, inverse(X_BP_[glass]));
    const Vec3 v = world_.velocity(index_[glass]), w = world_.angular_velocity(index_[glass]);
    Event event = event_at(step, "shatter");
    event.ids = {whole.info.id};
    event.position = contact.position;
    event.normal = contact.normal;
    event.impulse_Ns = contact.impulse;
    world_.remove(index_[glass]);
    motion_.lives[glass].gone = step;
    for (std::size_t k = 0; k < whole.pieces.size(); ++k) {
      const std::size_t shard = static_cast<std::size_t>(whole.shards_from) + k;
      BodySpec spec = scene_.bodies[shard];
      spec.rigid.X_WB = X_WB;
      spec.rigid.velocity = {0, 0, 0};
      RigidBody rigid = spec.rigid;
      BodyForm form{step, 0, {0, 0, 0}, nullptr};
      weigh_pieces(spec, form, rigid, X_BP_[shard]);
      const Vec3 arm = rigid.X_WB.position - X_WP.position;
      rigid.velocity = v + cross(w, arm) + kBurst_per_s * arm;
      rigid.angular_velocity = w;
      add_to_world(shard, rigid);
      motion_.forms[shard] = {form};
      motion_.lives[shard].born = step;
      event.ids.push_back(spec.info.id);
    }
    motion_.events.push_back(event);
  }

  void switch_lights(std::int64_t step) {
    switched_.resize(scene_.switches.size(), false);
    for (std::size_t k = 0; k < scene_.switches.size(); ++k) {
      const SwitchSpec& spec = scene_.switches[k];
      if (switched_[k] || !is_due(spec, step)) continue;
      switched_[k] = true;
      motion_.lights.push_back({step, spec.lamp, spec.brightness});
      Event event = event_at(step, "switch");
      for (const int body : {spec.lamp, spec.by, spec.on}) {
        if (body >= 0) event.ids.push_back(scene_.bodies[static_cast<std::size_t>(body)].info.id);
      }
      event.more["brightness"] = spec.brightness;
      motion_.events.push_back(event);
    }
  }

  bool is_due(const SwitchSpec& spec, std::int64_t step) {
    if (spec.by < 0) return std::llround(spec.at_s * motion_.step_hz) == step;
    const int by = index_[static_cast<std::size_t>(spec.by)], on = index_[static_cast<std::size_t>(spec.on)];
    return by >= 0 && on >= 0 && world_.near(by, on, kTouch_m);
  }

  Event event_at(std::int64_t step, const char* type) const {
    Event event;
    event.type = type;
    event.step = step;
    event.time_s = static_cast<double>(step) / motion_.step_hz;
    return event;
  }

  void note_contacts(std::int64_t step) {
    for (const Contact& contact : world_.contacts()) {
      const auto [entry, fresh] = open_.try_emplace({contact.a, contact.b});
      OpenContact& open = entry->second;
      if (fresh) {
        Event event = event_at(step, "contact_begin");
        event.ids = {id_of(contact.a), id_of(contact.b)};
        event.position = contact.position;
        event.normal = contact.normal;
        if (event.ids[0] == 0) {  // the background is always the second
          std::swap(event.ids[0], event.ids[1]);
          event.normal = -1.0 * event.normal;
        }
        open.event = motion_.events.size();
        motion_.events.push_back(event);
      }
      open.last_step = step;
      open.impulse += contact.impulse;
    }
    close_contacts(step, false);
  }

  void close_contacts(std::int64_t step, bool all) {
    const auto gap = static_cast<std::int64_t>(kContactGap_s * motion_.step_hz);
    for (auto entry = open_.begin(); entry != open_.end();) {
      const OpenContact& open = entry->second;
      const bool over = step - open.last_step > gap;
      if (!over && !all) {
        ++entry;
        continue;
      }
      motion_.events[open.event].impulse_Ns = open.impulse;
      if (over) {
        Event event = event_at(open.last_step + 1, "contact_end");
        event.ids = motion_.events[open.event].ids;
        event.position = motion_.events[open.event].position;
        event.normal = motion_.events[open.event].normal;
        event.impulse_Ns = open.impulse;
        motion_.events.push_back(event);
      }
      entry = open_.erase(entry);
    }
  }

  void bite(std::int64_t step) {
    for (const BiteSpec& spec : scene_.bites) {
      if (std::llround(spec.at_s * motion_.step_hz) != step) continue;
      const auto target = static_cast<std::size_t>(spec.target);
      const BodyForm& before = motion_.forms[target].back();
      const Bite mark = bite_in_body(scene_, spec);
      auto solid = std::make_shared<SdfGrid>(*before.solid);
      solid->subtract(mark);
      BodyForm after{step, 0, {0, 0, 0}, solid};
      weigh(after);
      log_bite(step, spec, mark, before, after);
      const bool fixed = scene_.bodies[target].info.fixed;
      world_.replace_shape(index_[target], shape_about_center(after), fixed ? 0 : after.mass,
                           kCookieDensity * solid->mass_properties().second_moment, after.center - before.center);
      motion_.forms[target].push_back(after);
    }
  }

  void log_bite(std::int64_t step, const BiteSpec& spec, const Bite& mark, const BodyForm& before,
                const BodyForm& after) {
    Pose X_WB = world_.pose(index_[static_cast<std::size_t>(spec.target)]);
    X_WB.position = X_WB.position - rotate(X_WB.rotation, before.center);
    Event event = event_at(step, "bite");
    event.ids = {scene_.bodies[static_cast<std::size_t>(spec.target)].info.id};
    event.position = transform(X_WB, mark.center);
    event.normal = rotate(X_WB.rotation, {-std::cos(mark.inward), -std::sin(mark.inward), 0});
    event.more["radius_m"] = spec.radius;
    event.more["removed_m3"] = (before.mass - after.mass) / kCookieDensity;
    event.more["remaining_m3"] = after.mass / kCookieDensity;
    motion_.events.push_back(event);
  }

  std::uint16_t id_of(int physics_index) const {
    return scene_.bodies[static_cast<std::size_t>(by_physics_[static_cast<std::size_t>(physics_index)])].info.id;
  }

  const SceneSpec& scene_;
  const std::vector<Push>& pushes_;
  PhysicsWorld world_;
  std::vector<int> index_;       ///< body -> physics index, -1 for ghosts
  std::vector<int> by_physics_;  ///< physics index -> body
  std::vector<Pose> X_BP_;       ///< bodies of pieces: from the principal axes that Bullet wants to the body frame
  std::vector<bool> switched_;   ///< [switch]
  std::map<std::pair<int, int>, OpenContact> open_;
  Motion motion_;
};

}  // namespace

int Motion::form_at(int body, std::int64_t step) const {
  const std::vector<BodyForm>& list = forms[static_cast<std::size_t>(body)];
  int form = 0;
  while (form + 1 < static_cast<int>(list.size()) && list[static_cast<std::size_t>(form) + 1].from_step <= step) ++form;
  return form;
}

Motion simulate(const SceneSpec& scene, const std::vector<Push>& pushes) {
  return scene.voxels ? play(scene) : Simulation(scene, pushes).run();
}

}  // namespace bitemark::sim
