// Laws of what there is: bodies stay, stay the same, and keep their looks and shapes.
#include <algorithm>
#include <cmath>

#include "sim/laws/measures.h"
#include "sim/laws/shown.h"
#include "sim/vec.h"

namespace bitemark::sim {
namespace {

double color_distance(const std::array<std::uint8_t, 3>& a, const std::array<std::uint8_t, 3>& b) {
  int most = 0;
  for (std::size_t c = 0; c < 3; ++c) most = std::max(most, std::abs(int{a[c]} - int{b[c]}));
  return most / 255.0;
}

/// The greatest change of anything between two frames that follow each other, over all courses.
template <typename Change>
double greatest_change(const ShownWorld& shown, Change change) {
  double greatest = 0;
  for (const ShownWorld::Course& course : shown.courses()) {
    for (int frame = 1; frame < shown.frames(); ++frame) {
      if (shown.state(course, frame - 1) == nullptr || shown.state(course, frame) == nullptr) continue;
      greatest = std::max(greatest, change(course, frame));
    }
  }
  return greatest;
}

/// Where a body would be if it went on as between the two frames before.
std::optional<Vec3> expected_place(const ShownWorld& shown, const ShownWorld::Course& course, int frame) {
  const BodyFrame* last = shown.state(course, frame - 1);
  if (last == nullptr || shown.state(course, frame) == nullptr) return std::nullopt;
  const BodyFrame* before = frame >= 2 ? shown.state(course, frame - 2) : nullptr;
  if (before == nullptr) return last->X_WB.position;
  return 2.0 * last->X_WB.position - before->X_WB.position;
}

/// Would these two have gone on far better as each other than as themselves?
bool exchanged(const ShownWorld& shown, const ShownWorld::Course& a, const ShownWorld::Course& b, int frame) {
  const auto at_a = expected_place(shown, a, frame), at_b = expected_place(shown, b, frame);
  if (!at_a || !at_b) return false;
  const Vec3& is_a = shown.state(a, frame)->X_WB.position;
  const Vec3& is_b = shown.state(b, frame)->X_WB.position;
  const double straight = norm(is_a - *at_a) + norm(is_b - *at_b), crossed = norm(is_b - *at_a) + norm(is_a - *at_b);
  const double size = shown.spec(a, frame).info.radius_m + shown.spec(b, frame).info.radius_m;
  return straight > size && crossed < straight / 2;
}

}  // namespace

/// Number of times that a body comes to be or ceases to be. In a true world that is told by its events: shards, jaws.
Residual depart_from_permanence(const World& world, const World& /*truth*/) {
  const ShownWorld shown(world);
  int changes = 0;
  for (const ShownWorld::Course& course : shown.courses()) {
    for (std::size_t frame = 1; frame < course.body.size(); ++frame) {
      changes += (course.body[frame - 1] < 0) != (course.body[frame] < 0) ? 1 : 0;
    }
  }
  return changes;
}

/// Number of exchanges of two tracked bodies.
Residual depart_from_identity(const World& world, const World& /*truth*/) {
  const ShownWorld shown(world);
  std::vector<const ShownWorld::Course*> tracked;
  for (const ShownWorld::Course& course : shown.courses()) {
    if (world.scene.bodies[course.first].info.tracked) tracked.push_back(&course);
  }
  if (tracked.size() < 2) return std::nullopt;
  int exchanges = 0;
  for (std::size_t a = 0; a < tracked.size(); ++a) {
    for (std::size_t b = a + 1; b < tracked.size(); ++b) {
      for (int frame = 1; frame < shown.frames(); ++frame)
        exchanges += exchanged(shown, *tracked[a], *tracked[b], frame);
    }
  }
  return exchanges;
}

/// Greatest change of a colour, of the body or of a part, from frame to frame; 1 = black to white.
Residual depart_from_appearance(const World& world, const World& /*truth*/) {
  const ShownWorld shown(world);
  return greatest_change(shown, [&](const ShownWorld::Course& course, int frame) {
    double change = color_distance(shown.state(course, frame)->color, shown.state(course, frame - 1)->color);
    const auto &parts = shown.spec(course, frame).parts, &were = shown.spec(course, frame - 1).parts;
    for (std::size_t p = 0; p < std::min(parts.size(), were.size()); ++p) {
      change = std::max(change, color_distance(parts[p].color, were[p].color));
    }
    return change;
  });
}

/// How far a texture slides over its surface in all [m].
Residual depart_from_texture(const World& world, const World& /*truth*/) {
  double slid = 0;
  for (const FrameWorld& frame : world.timeline) {
    for (const BodyFrame& body : frame.bodies) slid = std::max(slid, std::abs(body.swim));
  }
  return slid;
}

/// Greatest change of size, as a share, and 1 for another shape; or the greatest shaking of a surface [radii].
Residual depart_from_shape(const World& world, const World& /*truth*/) {
  const ShownWorld shown(world);
  double wobble = 0;
  for (const FrameWorld& frame : world.timeline) {
    for (const BodyFrame& body : frame.bodies) wobble = std::max(wobble, body.wobble);
  }
  return std::max(wobble, greatest_change(shown, [&](const ShownWorld::Course& course, int frame) {
                    const BodySpec &is = shown.spec(course, frame), &was = shown.spec(course, frame - 1);
                    if (is.info.shape != was.info.shape) return 1.0;
                    return std::abs(is.info.radius_m / was.info.radius_m - 1);
                  }));
}

}  // namespace bitemark::sim
