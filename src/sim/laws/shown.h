// What laws are measured on: each body's course through the frames in the order in which they are shown.
#pragma once

#include <optional>
#include <vector>

#include "sim/world.h"

namespace bitemark::sim {

/// The world in the order of the clip.
class ShownWorld {
 public:
  explicit ShownWorld(const World& world);

  /// One thing through the clip. A body that takes another's place (a fault) goes on in the course of that one.
  struct Course {
    std::size_t first = 0;         ///< index in scene.bodies of the body that it begins with
    std::vector<int> body;         ///< [frame] index in scene.bodies, -1 where it does not exist
    bool has_contacts = true;      ///< its contacts stand among the events: not so for copies that a fault adds
    std::uint16_t contact_id = 0;  ///< under this id
  };

  const World& world() const { return world_; }
  int frames() const { return static_cast<int>(world_.timeline.size()); }
  double frame_s() const { return frame_s_; }
  const std::vector<Course>& courses() const { return courses_; }
  /// The frame that is shown at a place of the clip.
  const FrameWorld& at(int frame) const;
  /// nullptr where it does not exist.
  const BodyFrame* state(const Course& course, int frame) const;
  const BodySpec& spec(const Course& course, int frame) const;
  double mass(const Course& course, int frame) const;

  /// Does the body touch another between the times of two frames that follow each other, and how?
  struct Touch {
    bool any = false;     ///< anything at all
    bool begins = false;  ///< a contact begins or ends in between
    bool other = false;   ///< something other than the background
    double friction = 0;  ///< the greatest coefficient of what it lies on, times its own
  };
  Touch touch(const Course& course, int frame) const;  ///< between frame - 1 and frame
  /// Moved by forces alone, and free: no script, no joint, no push on it in the whole take.
  bool is_free(const Course& course) const;

 private:
  struct Interval {
    double from_s = 0, to_s = 0;
    bool other = false;
    double friction = 0;
  };
  void collect_courses();
  void collect_contacts();

  const World& world_;
  double frame_s_ = 0;
  std::vector<Course> courses_;
  std::vector<std::vector<Interval>> contacts_;  ///< [course]
};

}  // namespace bitemark::sim
