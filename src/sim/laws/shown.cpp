#include "sim/laws/shown.h"

#include <algorithm>
#include <limits>
#include <map>

namespace bitemark::sim {
namespace {

bool is_successor(const World& world, std::size_t body) {
  const BodySpec& spec = world.scene.bodies[body];
  return spec.shard_of < 0 && spec.info.parent != 0;
}

}  // namespace

ShownWorld::ShownWorld(const World& world) : world_(world) {
  if (world.timeline.size() > 1) frame_s_ = world.timeline[1].time_s - world.timeline[0].time_s;
  collect_courses();
  collect_contacts();
}

const FrameWorld& ShownWorld::at(int frame) const {
  const int source = world_.shown.empty() ? frame : world_.shown[static_cast<std::size_t>(frame)];
  return world_.timeline[static_cast<std::size_t>(source)];
}

const BodyFrame* ShownWorld::state(const Course& course, int frame) const {
  const int body = course.body[static_cast<std::size_t>(frame)];
  return body < 0 ? nullptr : &at(frame).bodies[static_cast<std::size_t>(body)];
}

const BodySpec& ShownWorld::spec(const Course& course, int frame) const {
  return world_.scene.bodies[static_cast<std::size_t>(course.body[static_cast<std::size_t>(frame)])];
}

double ShownWorld::mass(const Course& course, int frame) const {
  const auto body = static_cast<std::size_t>(course.body[static_cast<std::size_t>(frame)]);
  return world_.motion.forms[body][static_cast<std::size_t>(at(frame).bodies[body].form)].mass;
}

void ShownWorld::collect_courses() {
  std::map<std::uint16_t, std::size_t> course_of;
  const auto& bodies = world_.scene.bodies;
  for (std::size_t b = 0; b < bodies.size(); ++b) {
    if (bodies[b].info.id == 0) continue;
    const bool follows = is_successor(world_, b) && course_of.contains(bodies[b].info.parent);
    if (!follows) {
      courses_.push_back({b, std::vector<int>(world_.timeline.size(), -1), true, bodies[b].info.id});
      // A copy is made by a fault after the simulation: the recorded steps do not know it.
      courses_.back().has_contacts = world_.motion.steps.empty() || b < world_.motion.steps.front().size();
    }
    const std::size_t index = follows ? course_of.at(bodies[b].info.parent) : courses_.size() - 1;
    course_of[bodies[b].info.id] = index;
    for (int frame = 0; frame < frames(); ++frame) {
      if (at(frame).bodies[b].alive) courses_[index].body[static_cast<std::size_t>(frame)] = static_cast<int>(b);
    }
  }
}

void ShownWorld::collect_contacts() {
  std::map<std::uint16_t, std::size_t> course_of;
  for (std::size_t c = 0; c < courses_.size(); ++c) {
    if (courses_[c].has_contacts) course_of[courses_[c].contact_id] = c;
  }
  contacts_.resize(courses_.size());
  // Of the background the events say only that it is: of all that is still, take the roughest.
  double roughest = 0;
  for (const BodySpec& body : world_.scene.bodies) {
    if (body.info.id == 0) roughest = std::max(roughest, body.rigid.friction);
  }
  for (const Event& event : world_.motion.events) {
    if (event.type != "contact_begin" && event.type != "contact_end") continue;
    for (std::size_t side = 0; side < 2; ++side) {
      const auto found = course_of.find(event.ids[side]);
      if (found == course_of.end()) continue;
      const bool other = event.ids[1 - side] != 0;
      auto& list = contacts_[found->second];
      const double friction = roughest * world_.scene.bodies[courses_[found->second].first].rigid.friction;
      if (event.type == "contact_begin") {
        list.push_back({event.time_s, std::numeric_limits<double>::infinity(), other, friction});
        continue;
      }
      // Events say whom it touched by id; the oldest open contact of that kind ends.
      for (Interval& interval : list) {
        if (interval.other != other || interval.to_s < 1e9) continue;
        interval.to_s = event.time_s;
        break;
      }
    }
  }
}

ShownWorld::Touch ShownWorld::touch(const Course& course, int frame) const {
  Touch touch;
  const double step_s = 1.0 / world_.motion.step_hz;
  const double low = std::min(at(frame - 1).time_s, at(frame).time_s) - 2 * step_s;
  const double high = std::max(at(frame - 1).time_s, at(frame).time_s) + 2 * step_s;
  for (const Interval& interval : contacts_[static_cast<std::size_t>(&course - courses_.data())]) {
    if (interval.to_s < low || interval.from_s > high) continue;
    touch.any = true;
    touch.other = touch.other || interval.other;
    touch.begins = touch.begins || (interval.from_s >= low && interval.from_s > 0.01) || interval.to_s <= high;
    touch.friction = std::max(touch.friction, interval.friction);
  }
  return touch;
}

bool ShownWorld::is_free(const Course& course) const {
  const auto b = course.first;
  const SceneSpec& scene = world_.scene;
  const BodySpec& body = scene.bodies[b];
  if (!course.has_contacts || body.rigid.mass <= 0 || body.ghost || !body.path.empty()) return false;
  const auto names = [&](const auto& list) {
    return std::any_of(list.begin(), list.end(), [&](const auto& one) { return one.body == static_cast<int>(b); });
  };
  return !names(scene.joints) && !names(scene.pushes);
}

}  // namespace bitemark::sim
