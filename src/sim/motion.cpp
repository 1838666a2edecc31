#include "sim/motion.h"

#include <algorithm>
#include <cmath>
#include <map>

#include "sim/jaws.h"
#include "sim/vec.h"
#include "sim/voxel/play.h"

namespace bitemark::sim {
namespace {

/// Contacts that lapse for less than this are one contact: a rolling ball leaves the floor by micrometres.
constexpr double kContactGap_s = 1.0 / 60;
constexpr double kCookieDensity = 600;  // [kg/m^3]

struct OpenContact {
  std::size_t event = 0;  ///< index of its begin
  std::int64_t last_step = 0;
  double impulse = 0;
};

class Simulation {
 public:
  Simulation(const SceneSpec& scene, const std::vector<Push>& pushes)
      : scene_(scene), pushes_(pushes), world_(scene.physics), index_(scene.bodies.size(), -1) {
    motion_.step_hz = scene.physics.step_hz;
    for (std::size_t i = 0; i < scene.bodies.size(); ++i) add(i);
  }

  Motion run() {
    const auto last = static_cast<std::int64_t>(std::ceil(scene_.duration_s * motion_.step_hz)) + 1;
    record(0);
    for (std::int64_t step = 1; step <= last; ++step) {
      for (const Push& push : pushes_) {
        const int body = index_[static_cast<std::size_t>(push.body)];
        if (std::llround(push.at_s * motion_.step_hz) == step) world_.add_velocity(body, push.velocity_change);
      }
      world_.step();
      note_contacts(step);
      bite(step);
      record(step);
    }
    close_contacts(last, true);
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
    motion_.forms.push_back({form});
    if (body.ghost) return;
    index_[i] = world_.add(rigid);
    by_physics_.push_back(static_cast<int>(i));
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
